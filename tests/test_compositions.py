"""What torch can do to a function, done to what it has done: no derivative is lost on the way.

Each composition is held against torch's own loss, differentiated in float64 by plain autograd, at
ordinary values and where a formula is special: a threshold, a certain probability, a far logit.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functionalize, grad, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.testing import assert_close

from tests.losses import Call, calls, to

CALLS = calls(rows=6, special=True)
LAST = list({call.loss.name: call for call in CALLS}.values())  # each loss, with the last of its options
each_call = pytest.mark.parametrize("call", CALLS, ids=str)
each_loss = pytest.mark.parametrize("call", LAST, ids=str)
# What linearize does itself.
pytestmark = pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning")

Function = Callable[[Tensor], Tensor]

# Each takes a function f, a point x and a direction v, and says which of the truths it gives.
TRANSFORMS: dict[str, tuple[str, Callable[[Function, Tensor, Tensor], Any]]] = {
    "vjp": ("slope", lambda f, x, v: vjp(f, x)[1](torch.ones((), dtype=x.dtype))[0]),
    "jvp": ("value and rate", lambda f, x, v: jvp(f, (x,), (v,))),
    "vmap of grad": ("slope", lambda f, x, v: vmap(grad(f))(torch.stack([x.flip(0), x]))[1]),
    "grad of grad": ("bend", lambda f, x, v: grad(lambda x: (grad(f)(x) * v).sum())(x)),
    "hessian": ("curvature", lambda f, x, v: hessian(f)(x)),
    "jacfwd of jacfwd": ("curvature", lambda f, x, v: jacfwd(jacfwd(f))(x)),
    "jacrev of jacrev": ("curvature", lambda f, x, v: jacrev(jacrev(f))(x)),
    "jvp of grad": ("bend", lambda f, x, v: jvp(grad(f), (x,), (v,))[1]),
    "grad of jvp": ("bend", lambda f, x, v: grad(lambda x: jvp(f, (x,), (v,))[1])(x)),
    "linearize": ("value and rate", lambda f, x, v: (lambda value, rate: (value, rate(v)))(*linearize(f, x))),
    "functionalize of grad": ("slope", lambda f, x, v: functionalize(grad(f))(x)),
    "grad of functionalize": ("slope", lambda f, x, v: grad(functionalize(f))(x)),
    "make_fx of grad": ("slope", lambda f, x, v: make_fx(lambda x: grad(f)(x))(x.flip(0))(x)),
    "make_fx of hessian": ("curvature", lambda f, x, v: make_fx(lambda x: hessian(f)(x))(x.flip(0))(x)),
}
TRACED = ("linearize", "make_fx of grad", "make_fx of hessian")  # these take nine tenths of the time
COMPILED = ("vjp", "jvp", "vmap of grad", "grad of grad", "hessian")


def in_dtype(call: Call, dtype: torch.dtype) -> Call:
    options = {key: to(value, dtype) for key, value in call.options.items()}
    return replace(call, input=to(call.input, dtype), target=to(call.target, dtype), options=options)


def truths(call: Call) -> dict[str, Any]:
    x = call.input.clone().requires_grad_()
    value = call.differentiable(x)
    (slope,) = torch.autograd.grad(value, x, create_graph=True)
    bends = [  # the slope of the L1 loss has no graph: it is constant
        torch.autograd.grad(each, x, retain_graph=True)[0] if each.requires_grad else torch.zeros_like(x)
        for each in slope.flatten()
    ]
    curvature = torch.stack(bends).view(x.shape + x.shape)
    value, slope, v = value.detach(), slope.detach(), direction(call)
    return {
        "slope": slope,
        "value and rate": (value, (slope * v).sum()),
        "curvature": curvature,
        "bend": (curvature * v).sum((2, 3)),
    }


def direction(call: Call) -> Tensor:
    """Return one that is the same in half precision."""
    along = torch.randn(call.input.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return along.bfloat16().double()


@each_call
def test_compositions(call: Call) -> None:
    expected = truths(call)
    for name, (kind, transform) in TRANSFORMS.items():
        found = transform(call.ours, call.input, direction(call))
        assert_close(found, expected[kind], msg=lambda m, name=name: f"{name}: {m}")


@each_call
def test_compositions_in_half_precision(call: Call) -> None:
    """As far from the truth as roundings carry: of the loss, of its slope, and of what comes after."""
    last = any(call is each for each in LAST)
    transforms = {name: each for name, each in TRANSFORMS.items() if last or name not in TRACED}
    if call.loss.name == "binary_cross_entropy":  # not where slopes are 1e12 and bends 1e24
        call = replace(call, input=call.input.clamp(0.05, 0.95))
    narrow = in_dtype(call, torch.bfloat16)
    wide = in_dtype(narrow, torch.float64)
    expected = truths(wide)
    for name, (kind, transform) in transforms.items():
        found = transform(narrow.ours, narrow.input, direction(call).bfloat16())
        pairs = (
            zip(found, expected[kind], strict=True) if kind == "value and rate" else [(found, expected[kind])]
        )
        for ours, truth in pairs:
            assert ours.dtype == torch.bfloat16, name
            scale = truth.abs().max().item()
            assert_close(
                ours.double(), truth, rtol=0.02, atol=0.02 * scale, msg=lambda m, name=name: f"{name}: {m}"
            )


@each_loss
def test_compiled_compositions(call: Call) -> None:
    """All in one graph: each compilation takes its time."""
    torch._dynamo.reset()

    def every(x: Tensor, v: Tensor) -> dict[str, Any]:
        return {name: TRANSFORMS[name][1](call.ours, x, v) for name in COMPILED}

    found = torch.compile(every, fullgraph=True, backend="aot_eager")(call.input, direction(call))
    expected = truths(call)
    for name in COMPILED:
        assert_close(found[name], expected[TRANSFORMS[name][0]], msg=lambda m, name=name: f"{name}: {m}")


class Exportable(torch.nn.Module):
    def __init__(self, call: Call) -> None:
        super().__init__()
        self.call = call

    def forward(self, input: Tensor, target: Tensor, weights: dict[str, Tensor]) -> Tensor:
        return self.call.ours(input, target, **weights)


@each_loss
def test_exported_for_any_number_of_rows(call: Call) -> None:
    weights = {key: value for key, value in call.options.items() if isinstance(value, Tensor)}
    rows = torch.export.Dim("rows")

    def shapes(tensor: Tensor) -> dict[int, Any]:
        return {0: rows} if tensor.shape[0] == 6 else {}

    program = torch.export.export(
        Exportable(call),
        (call.input, call.target, weights),
        dynamic_shapes={
            "input": {0: rows},
            "target": {0: rows},
            "weights": {key: shapes(value) for key, value in weights.items()},
        },
    )
    fewer = {key: value[1:] if value.shape[0] == 6 else value for key, value in weights.items()}
    leaf, target = call.input[1:].clone().requires_grad_(), call.target[1:]
    value = program.module()(leaf, target, fewer)
    assert_close(value, call.theirs(leaf, target, **fewer))
    assert_close(
        *torch.autograd.grad(value, leaf),
        grad(lambda x: call.theirs(x, target, **fewer))(leaf.detach()),
    )


ELEMENTWISE = [
    call
    for call in CALLS
    if call.ours(call.input, reduction="none").shape == call.input.shape
    and not any(isinstance(v, Tensor) for v in call.options.values())
]


@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
@pytest.mark.parametrize("call", ELEMENTWISE, ids=str)
def test_nested_tensors(call: Call, reduction: str) -> None:
    """Rows of different lengths, side by side and without padding."""
    flat = call.input.flatten().requires_grad_()
    offsets = torch.tensor([0, 5, 6, 24])
    x, y = (torch.nested.nested_tensor_from_jagged(t, offsets) for t in (flat, call.target.flatten()))
    found = call.ours(x, y, reduction=reduction)
    found = found.values() if reduction == "none" else found
    expected = call.theirs(flat, call.target.flatten(), reduction=reduction)
    assert_close(found, expected)
    assert_close(torch.autograd.grad(found.sum(), flat), torch.autograd.grad(expected.sum(), flat))
