"""Every value of half precision: loss and slope are the half nearest to the float64 formula.

`make exhaustive` meets every value with every target, which takes 40 minutes of one processor.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import lossref
from tests.pages import ROOT

Formula = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
DTYPES = [torch.float16, torch.bfloat16]
ULP, LEAST = torch.finfo(torch.float32).eps, 2.0**-149  # of float32: relative, and next to 0


def l1(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r = x - y
    return r.abs(), r.sign(), r.sign()


def l2(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r = x - y
    return r**2, 2 * r, r


def huber(delta: float) -> Formula:
    def formula(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        r = x - y
        inside = r.abs() < delta
        value = torch.where(inside, r**2 / 2, delta * (r.abs() - delta / 2))
        return value, torch.where(inside, r, delta * r.sign()), r

    return formula


def smooth_l1(beta: float) -> Formula:
    def formula(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        value, slope, scale = huber(beta)(x, y)
        return value / beta, slope / beta, scale / beta

    return formula


def bce(p: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    yes, no = p.log().clamp(min=-100), (-p).log1p().clamp(min=-100)
    spread = (p * (1 - p)).clamp(min=1e-12)
    return -(y * yes + (1 - y) * no), (p - y) / spread, (y * (1 - p) + (1 - y) * p) / spread


def bce_with_logits(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    zero = torch.zeros_like(x)
    value = y * torch.logaddexp(zero, -x) + (1 - y) * torch.logaddexp(zero, x)
    right, wrong = y * (-x).sigmoid(), (1 - y) * x.sigmoid()
    return value, wrong - right, wrong + right


# The formula gives the loss, its slope, and the size of the terms whose difference the slope is.
TABLE: list[tuple[Any, dict[str, float], Formula]] = [
    (lossref.l1_loss, {}, l1),
    (lossref.mse_loss, {}, l2),
    (lossref.huber_loss, {}, huber(1.0)),
    (lossref.huber_loss, {"delta": 0.3}, huber(0.3)),
    (lossref.smooth_l1_loss, {"beta": 0.3}, smooth_l1(0.3)),
    (lossref.smooth_l1_loss, {"beta": 1e4}, smooth_l1(1e4)),
    (lossref.binary_cross_entropy, {}, bce),
    (lossref.binary_cross_entropy_with_logits, {}, bce_with_logits),
]


def every(dtype: torch.dtype) -> Tensor:
    """All finite values of a dtype of 16 bits."""
    values = torch.arange(-(2**15), 2**15, dtype=torch.int16).view(dtype)
    return values[values.isfinite()]


def between_0_and_1(values: Tensor) -> Tensor:
    return values[(values >= 0) & (values <= 1)]


def targets(loss: Any, dtype: torch.dtype, all_of_them: bool) -> Tensor:
    values = (
        every(dtype) if all_of_them else torch.tensor([0.0, 1.0, 0.3, 0.5, -3.25, 6e4, -1e-6], dtype=dtype)
    )
    return between_0_and_1(values) if "binary" in loss.__name__ else values


def assert_nearest(found: Tensor, truth: Tensor, scale: Tensor) -> None:
    """`found` is the nearest of its dtype to `truth`, or as near but for what float32 rounds off `scale`."""
    nearest = truth.to(found.dtype)
    off, least = (found.double() - truth).abs(), (nearest.double() - truth).abs()
    good = (found == nearest) | (off <= least + 4 * ULP * scale.abs() + LEAST)
    assert good.all(), f"{found[~good][:3]} is not the nearest to {truth[~good][:3]}"


def values_and_targets(loss: Any, dtype: torch.dtype, all_of_them: bool) -> tuple[Tensor, Tensor]:
    values = every(dtype)
    if loss is lossref.binary_cross_entropy:
        values = between_0_and_1(values)
    return values, targets(loss, dtype, all_of_them)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    ("loss", "options", "formula"), TABLE, ids=lambda each: getattr(each, "__name__", str(each))
)
def test_every_value(
    loss: Any, options: dict[str, float], formula: Formula, dtype: torch.dtype, request: pytest.FixtureRequest
) -> None:
    values, each_target = values_and_targets(loss, dtype, request.config.getoption("every_pair"))
    for target in each_target:
        x = values[(values.float() - target.float()).isfinite()]
        y = target.expand_as(x)
        leaf = x.clone().requires_grad_()
        value = loss(leaf, y, reduction="none", **options)
        (slope,) = torch.autograd.grad(value, leaf, torch.ones_like(value))
        true_value, true_slope, scale = formula(x.double(), y.double())
        assert_nearest(value.detach(), true_value, true_value)
        assert_nearest(slope, true_slope, scale)


def pairs(all_of_them: bool) -> int:
    """Count the pairs of a value and a target that `test_every_value` tries."""
    number = 0
    for loss, _, _ in TABLE:
        for dtype in DTYPES:
            x, y = (each.float() for each in values_and_targets(loss, dtype, all_of_them))
            number += len(x) * len(y)
            # A difference overflows only where both are large.
            x, y = (each[each.abs() > torch.finfo(torch.float32).max / 4] for each in (x, y))
            number -= int((x[:, None] - y).isinf().sum())
    return number


def test_the_reference_counts_the_pairs() -> None:
    page = (ROOT / "chapters" / "api.md").read_text(encoding="utf-8")
    assert f"{pairs(False) / 1e6:.1f} million pairs" in page
    assert f"{pairs(True) / 1e9:.1f} thousand million" in page
