"""What every loss keeps: a row costs the same alone, in any order and in any batch."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.losses import Call, calls, to

CALLS = calls(rows=6)

each_call = pytest.mark.parametrize("call", CALLS, ids=str)
each_dtype = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64], ids=str)


def of_rows(call: Call, rows: Tensor, dtype: torch.dtype) -> Call:
    """Return the same call with some of its rows; what has as many is cut as well."""
    options = {
        key: value[rows] if isinstance(value, Tensor) and len(value) == len(call.input) else value
        for key, value in call.options.items()
    }
    options = {key: to(value, dtype) for key, value in options.items()}
    input, target = call.input[rows], call.target[rows]
    return replace(call, input=to(input, dtype), target=to(target, dtype), options=options)


def losses_and_slopes(call: Call, reduction: str = "none") -> tuple[Tensor, Tensor]:
    leaf = call.input.clone().requires_grad_()
    loss = call.ours(leaf, reduction=reduction)
    return loss.detach(), torch.autograd.grad(loss.sum(), leaf)[0]


@each_call
@each_dtype
def test_a_row_costs_the_same_alone_and_in_any_order(call: Call, dtype: torch.dtype) -> None:
    together = losses_and_slopes(of_rows(call, torch.arange(6), dtype))
    eps = torch.finfo(dtype).eps
    for rows in (torch.tensor([4, 2, 0, 5, 1, 3]), *torch.arange(6).split(1)):
        found = losses_and_slopes(of_rows(call, rows, dtype))
        assert_close(found, tuple(each[rows] for each in together), rtol=4 * eps, atol=eps)


@each_call
def test_sums_add_over_batches(call: Call) -> None:
    rows = torch.arange(6)
    whole, whole_slope = losses_and_slopes(of_rows(call, rows, torch.float64), "sum")
    parts = [losses_and_slopes(of_rows(call, some, torch.float64), "sum") for some in rows.split((1, 3, 2))]
    assert_close(sum(loss for loss, _ in parts), whole)
    assert_close(torch.cat([slope for _, slope in parts]), whole_slope)
