"""CTC at its edges: lengths, infinities, forms of the targets, and rounding."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close
from torch.testing._internal.common_modules import module_db

from lossref import ctc_loss
from tests.losses import FUNCTIONS
from tests.strategies import gradient
from tests.test_ctc_laws import TARGETS, random


def test_what_stands_beyond_the_lengths_is_not_read() -> None:
    x, lengths = random(5, 2, 4), ([4, 3], [3, 1])
    expected = ctc_loss(x, TARGETS, *lengths)
    beyond, padded = x.clone(), torch.tensor([[1, 2, 3], [3, 3, 999]])
    beyond[4:, 0], beyond[3:, 1] = math.nan, math.nan
    for loss in (F.ctc_loss, ctc_loss):
        assert_close(loss(beyond, padded, *lengths), expected)
    assert gradient(lambda x: ctc_loss(x, padded, *lengths), beyond).isfinite().all()
    unused = x.clone()
    unused[:, 1, 1] = math.nan  # the second row has no such label
    assert_close(ctc_loss(unused, padded, *lengths), expected)
    assert gradient(lambda x: ctc_loss(x, padded, *lengths), unused).isfinite().all()


def test_where_no_path_fits_the_loss_is_infinite_and_the_gradient_0() -> None:
    x = random(3, 2, 4)
    cases = [(x, torch.tensor([[1, 1], [1, 2]]), ([2, 3], [2, 2]))]
    excluded = x.clone()
    excluded[:, 0, 1] = -math.inf
    cases.append((excluded, torch.tensor([[1, 2], [1, 2]]), ([3, 3], [2, 2])))
    for x, targets, lengths in cases:
        loss = ctc_loss(x, targets, *lengths, 0, "none")
        assert loss[0] == math.inf
        assert loss[1].isfinite()
        slope = gradient(lambda x: ctc_loss(x, targets, *lengths, 0, "none"), x)  # noqa: B023
        assert (slope[:, 0] == 0).all()
        assert (slope[:, 1].sum(1) + 1).abs().max() < 1e-12
        assert ctc_loss(x, targets, *lengths, 0, "none", True)[0] == 0


def test_a_class_that_is_excluded_leaves_the_gradient_finite() -> None:
    x = random(4, 1, 3)
    x[1, 0, 1] = x[2, 0, 0] = -math.inf
    call = torch.tensor([[1]]), torch.tensor([4]), torch.tensor([1])
    assert_close(ctc_loss(x, *call), F.ctc_loss(x, *call))
    slope = gradient(lambda x: ctc_loss(x, *call), x)
    assert_close(slope.sum(2), torch.full((4, 1), -1.0, dtype=torch.float64))
    assert gradient(lambda x: F.ctc_loss(x, *call), x).isnan().any()


def test_no_labels_cost_the_blanks_and_no_frames_cost_0() -> None:
    x = random(3, 2, 4)
    for targets in (torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64), TARGETS):
        lengths = [0, 0] if targets.numel() == 0 else [0, 1]
        found = ctc_loss(x, targets, [3, 0], lengths, 0, "none")
        assert_close(found[0], -x[:, 0, 0].sum())
        assert found[1].item() == (0 if lengths[1] == 0 else math.inf)
        assert not found[1].signbit()


def test_lengths_and_targets_in_every_form() -> None:
    x, expected = random(5, 2, 4), F.ctc_loss(random(5, 2, 4), TARGETS, [5, 4], [3, 1])
    tensors = torch.tensor([5, 4], dtype=torch.int32), torch.tensor([3, 1], dtype=torch.uint8)
    together = torch.tensor([1, 9, 2, 9, 3, 9, 3, 9])[::2]
    for targets in (TARGETS, TARGETS.to(torch.uint8), TARGETS.t().contiguous().t(), together):
        for lengths in (([5, 4], [3, 1]), ((5, 4), tensors[1]), (tensors[0], [3, 1]), tensors):
            assert_close(ctc_loss(x, targets, *lengths), expected)
    # When this fails, torch reads labels that are not contiguous, and the docstring can say so.
    assert abs(F.ctc_loss(x, together, [5, 4], [3, 1]) - expected) > 0.01


def test_a_single_row_needs_no_batch() -> None:
    x = random(5, 1, 4)
    for reduction in ("none", "mean", "sum"):
        expected = F.ctc_loss(x, TARGETS[:1], [5], [3], reduction=reduction)
        for lengths in (
            ([5], [3]),
            (torch.tensor(5), torch.tensor(3)),
            (torch.tensor([5]), torch.tensor([3])),
        ):
            found = ctc_loss(x[:, 0], TARGETS[0], *lengths, reduction=reduction)
            assert found.shape == ()
            assert_close(found, expected.squeeze())
            in_a_row = ctc_loss(x[:, 0], TARGETS[:1], *lengths, reduction=reduction)
            assert_close(in_a_row, found)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_narrow_dtypes_are_rounded_once(dtype: torch.dtype) -> None:
    x = random(5, 2, 4).to(dtype)
    found, slope = (
        ctc_loss(x, TARGETS, [5, 4], [3, 1]),
        gradient(lambda x: ctc_loss(x, TARGETS, [5, 4], [3, 1]), x),
    )
    truth = ctc_loss(x.double(), TARGETS, [5, 4], [3, 1])
    true_slope = gradient(lambda x: ctc_loss(x, TARGETS, [5, 4], [3, 1]), x.double())
    assert found.dtype == slope.dtype == dtype
    assert found == truth.to(dtype)
    assert_close(slope, true_slope.to(dtype), rtol=torch.finfo(dtype).eps, atol=1e-7)


def test_long_inputs_lose_nothing_in_float32() -> None:
    """As the docstring says; torch adds up 1000 frames in float32."""
    x = random(1000, 2, 20).float()
    generator = torch.Generator().manual_seed(1)
    call = (
        torch.randint(1, 20, (2, 60), generator=generator),
        torch.tensor([1000] * 2),
        torch.tensor([60] * 2),
    )
    slopes = {}
    for name, loss, at in (("truth", ctc_loss, x.double()), ("ours", ctc_loss, x), ("theirs", F.ctc_loss, x)):
        leaf = at.clone().requires_grad_()
        # To the logits, where the two have the same gradient, but in float64, which adds no rounding.
        loss(leaf.double().log_softmax(2).to(at.dtype), *call, reduction="sum").backward()
        slopes[name] = leaf.grad.double()
    errors = {name: (slope - slopes["truth"]).abs().max() for name, slope in slopes.items()}
    assert errors["ours"] < 5e-7
    assert errors["theirs"] > 5e-4


# ---- What torch tests it with


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_samples_of_torch(dtype: torch.dtype, record_property) -> None:
    """Torch in float64: its gradient in float32 is off by up to 7e-5 here."""
    samples = list(FUNCTIONS["ctc_loss"].op_info.reference_inputs("cpu", dtype, requires_grad=True))
    for sample in samples:
        found = []
        for loss, at in ((ctc_loss, dtype), (F.ctc_loss, torch.float64)):
            value = loss(sample.input.to(at).log_softmax(2), *sample.args, **sample.kwargs)
            found.append([value.to(dtype), *torch.autograd.grad(value.sum(), sample.input)])
        assert_close(*found)
    record_property("cases", (f"samples of torch, {dtype}, with 1 derivative", len(samples)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_modules_of_torch(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch, record_property) -> None:
    (info,) = (info for info in module_db if info.module_cls is torch.nn.CTCLoss)
    samples = info.module_inputs_func(info, "cpu", dtype, requires_grad=True, training=True)
    for sample in samples:
        module = torch.nn.CTCLoss(*sample.constructor_input.args, **sample.constructor_input.kwargs)
        input, *rest = sample.forward_input.args
        leaf = input.detach().requires_grad_()

        def run(at: torch.dtype, module=module, leaf=leaf, rest=rest) -> list[Tensor]:
            result = module(leaf.to(at).log_softmax(2), *rest)
            return [result.to(dtype), *torch.autograd.grad(result.sum(), leaf)]

        theirs = run(torch.float64)
        with monkeypatch.context() as patch:
            patch.setattr(F, "ctc_loss", ctc_loss)
            assert_close(run(dtype), theirs)
    record_property("cases", (f"samples of torch's modules, {dtype}", len(samples)))
