"""Every value of half precision: loss and slope are the half nearest to the float64 formula.

`make exhaustive` meets every value with every target, which takes two hours of one processor.
"""

import pytest
import torch
from torch import Tensor

from tests.halves import TABLE, Row
from tests.pages import ROOT

DTYPES = [torch.float16, torch.bfloat16]
ULP, LEAST = torch.finfo(torch.float32).eps, 2.0**-149  # of float32: relative, and next to 0
SOME = [0.0, 1.0, 0.3, 0.5, -3.25, 6e4, -1e-6, -1.0]


def every(dtype: torch.dtype) -> Tensor:
    """All finite values of a dtype of 16 bits."""
    values = torch.arange(-(2**15), 2**15, dtype=torch.int16).view(dtype)
    return values[values.isfinite()]


def finite(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Take infinity for the first number beyond the range, which it stands for where a value is rounded."""
    info = torch.finfo(dtype)
    beyond = info.max / (1 - info.eps / 2)
    return values.double().clamp(-beyond, beyond)


def assert_nearest(found: Tensor, truth: Tensor, scale: Tensor, after: float = 1) -> None:
    """`found` is the nearest of its dtype to `truth`, or as near but for what float32 rounds off `scale`.

    Twice that is allowed: next to the middle of two halves, an error of one step picks the wrong one,
    which is two steps farther off than the right one. Next to 0 a step is the smallest number of float32,
    times the factor that comes `after` it was rounded.
    """
    nearest = truth.to(found.dtype)
    off, least = ((finite(each, found.dtype) - finite(truth, found.dtype)).abs() for each in (found, nearest))
    good = (found == nearest) | (off <= least + 2 * (2 * ULP * scale.abs() + after * LEAST))
    assert good.all(), f"{found[~good][:3]} is not the nearest to {truth[~good][:3]}"


def values_and_targets(row: Row, dtype: torch.dtype, all_of_them: bool) -> tuple[Tensor, Tensor]:
    targets = every(dtype) if all_of_them else torch.tensor(SOME, dtype=dtype)
    return row.inputs(every(dtype)), row.targets(targets)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_value(row: Row, dtype: torch.dtype, request: pytest.FixtureRequest) -> None:
    values, each_target = values_and_targets(row, dtype, request.config.getoption("every_pair"))
    for target in each_target:
        x = values[(values.float() - target.float()).isfinite()]
        y = target.expand_as(x)
        leaf = x.clone().requires_grad_()
        value = row.loss(leaf, y, reduction="none", **row.options)
        (slope,) = torch.autograd.grad(value, leaf, torch.ones_like(value))
        true_value, true_slope, *scales = row.formula(x.double(), y.double())
        assert_nearest(slope, true_slope, scales[0], row.after)
        assert_nearest(value.detach(), true_value, scales[1] if scales[1:] else true_value, row.after)


def pairs(all_of_them: bool) -> int:
    """Count the pairs of a value and a target that `test_every_value` tries."""
    number = 0
    for row in TABLE:
        for dtype in DTYPES:
            x, y = (each.float() for each in values_and_targets(row, dtype, all_of_them))
            number += len(x) * len(y)
            # A difference overflows only where both are large.
            x, y = (each[each.abs() > torch.finfo(torch.float32).max / 4] for each in (x, y))
            number -= int((x[:, None] - y).isinf().sum())
    return number


def test_the_reference_counts_the_pairs() -> None:
    page = (ROOT / "chapters" / "api.md").read_text(encoding="utf-8")
    assert f"{pairs(False) / 1e6:.1f} million pairs" in page
    assert f"{pairs(True) / 1e9:.1f} thousand million" in page
