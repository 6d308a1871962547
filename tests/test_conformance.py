"""Every loss against torch.nn.functional, on torch's own test cases."""

import warnings

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torch.testing._internal.common_modules import module_db

from tests.losses import OF_TORCH, Loss, to

each_function = pytest.mark.parametrize("loss", OF_TORCH.values(), ids=OF_TORCH)


def samples(loss: Loss, dtype: torch.dtype):
    """Yield what torch tests this function with: its reference inputs, which include its samples."""
    for sample in loss.op_info.reference_inputs("cpu", dtype, requires_grad=True):
        yield sample.input, sample.args, sample.kwargs


def derivatives(function, input: Tensor, args, kwargs, order: int) -> list[Tensor]:
    """Return the value of `function` and its derivatives up to `order`, each along a fixed direction."""
    torch.manual_seed(0)
    leaf = input.detach().clone().requires_grad_()
    others = [
        a.detach().clone().requires_grad_(a.requires_grad) if isinstance(a, Tensor) else a for a in args
    ]
    leaves = [leaf, *(a for a in others if isinstance(a, Tensor) and a.requires_grad)]
    results = [function(leaf, *others, **kwargs)]
    for _ in range(order):
        along = (results[-1] * torch.randn_like(results[-1])).sum()
        if not along.requires_grad:  # the derivative of the L1 loss is constant, and has none
            results.append(torch.zeros_like(leaf))
            break
        found = torch.autograd.grad(along, leaves, create_graph=True, allow_unused=True)
        results += [g for g in found[1:] if g is not None]
        results.append(torch.zeros_like(leaf) if found[0] is None else found[0])
    return results


@each_function
@pytest.mark.parametrize(("dtype", "order"), [(torch.float64, 2), (torch.float32, 1)], ids=str)
def test_samples_of_torch(loss: Loss, dtype: torch.dtype, order: int, record_property) -> None:
    number = 0
    order = order if loss.differentiable == loss.theirs else 1  # the second is of torch's loss, if it has one
    for input, args, kwargs in samples(loss, dtype):
        ours = derivatives(loss.ours, input, args, kwargs, order)
        theirs = derivatives(loss.theirs, input, args, kwargs, order)
        assert_close(ours, theirs, equal_nan=True)
        number += 1
    assert number
    record_property("cases", (f"samples of torch, {dtype}, with {order} derivatives", number))


@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128], ids=str)
def test_samples_of_torch_for_complex_l1(dtype: torch.dtype, record_property) -> None:
    loss = OF_TORCH["l1_loss"]
    number = 0
    for input, args, kwargs in samples(loss, dtype):
        assert_close(
            derivatives(loss.ours, input, args, kwargs, 1), derivatives(loss.theirs, input, args, kwargs, 1)
        )
        number += 1
    record_property("cases", (f"samples of torch, {dtype}, with 1 derivative", number))


def assert_as_close_to_the_truth(ours: Tensor, theirs: Tensor, truth: Tensor) -> None:
    """`ours` is no further from the float64 `truth` than `theirs` is, but for one rounding."""
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    one_rounding = truth.abs() * torch.finfo(ours.dtype).eps / 2 + torch.finfo(ours.dtype).smallest_normal
    off = (theirs.double() - truth).abs()
    allowed = off.nan_to_num(0.0, torch.inf) + one_rounding  # torch's soft margin is nan where others are not
    same = (ours == truth) | (ours.isnan() & truth.isnan())  # where they are not finite
    assert (((ours.double() - truth).abs() <= allowed) | same).all()


def value_and_gradient(function, input: Tensor, args, kwargs) -> tuple[Tensor, Tensor]:
    leaf = input.detach().clone().requires_grad_()
    value = function(leaf, *args, **kwargs)
    value.sum().backward()  # an upstream gradient of 1, which half precision holds exactly
    return value.detach(), leaf.grad


@each_function
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_samples_of_torch(loss: Loss, dtype: torch.dtype, record_property) -> None:
    number = 0
    for input, args, kwargs in samples(loss, dtype):
        args = [arg.detach() for arg in args]
        wide = [to(arg, torch.float64) for arg in args], {k: to(v, torch.float64) for k, v in kwargs.items()}
        truths = value_and_gradient(loss.theirs, input.double(), *wide)
        results = (
            value_and_gradient(loss.ours, input, args, kwargs),
            value_and_gradient(loss.theirs, input, args, kwargs)
            if loss.differentiable == loss.theirs
            else [truth.to(dtype) for truth in truths],  # torch has none in half precision
            truths,
        )
        for ours, theirs, truth in zip(*results, strict=True):
            assert_as_close_to_the_truth(ours, theirs, truth)
        number += 1
    assert number
    record_property("cases", (f"samples of torch, {dtype}, with 1 derivative", number))


@each_function
def test_errors_of_torch(loss: Loss, record_property) -> None:
    errors = list(loss.op_info.error_inputs("cpu")) if loss.op_info.error_inputs_func else []
    for error in errors:
        sample = error.sample_input
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the shapes, before they fail to broadcast
            with pytest.raises(
                error.error_type, match=error.error_regex.replace("abc is not valid", "abc is not a valid")
            ):
                loss.ours(sample.input, *sample.args, **sample.kwargs)
    record_property("cases", ("error inputs of torch", len(errors)))


def modules(loss: Loss, dtype: torch.dtype):
    """Yield torch's modules of a loss and what torch tests them on, or else the function."""
    infos = [info for info in module_db if info.module_cls is loss.module]
    for info in infos:
        for sample in info.module_inputs_func(info, "cpu", dtype, requires_grad=True, training=True):
            made, given = sample.constructor_input, sample.forward_input
            yield loss.module(*made.args, **made.kwargs), given.args
    if not infos:
        for input, args, kwargs in samples(loss, dtype):
            yield loss.module(**kwargs), (input, *args)


@each_function
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_modules_of_torch(
    loss: Loss, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch, record_property
) -> None:
    number = 0
    for module, (input, *rest) in modules(loss, dtype):

        def run(input=input, rest=rest, module=module) -> list[Tensor]:
            leaf = input.detach().clone().requires_grad_()
            result = module(leaf, *(r.detach() for r in rest))
            return [result, *torch.autograd.grad(result.sum(), leaf)]

        theirs = run()
        with monkeypatch.context() as patch:
            patch.setattr(torch.nn.functional, loss.name, loss.ours)
            assert_close(run(), theirs, equal_nan=True)
        number += 1
    assert number
    record_property("cases", (f"samples of torch's modules, {dtype}", number))
