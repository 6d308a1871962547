"""Numbers that stay in range, and functions that keep their digits where those of torch lose them."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lossref._classes import largest, sums
from lossref._inputs import number


def positive(name: str, value: Any) -> float:
    """Return an option as a number that is positive and finite."""
    known = number(name, value)
    if not 0 < known < float("inf"):
        raise ValueError(f"{name} must be positive and finite, got {known}")
    return known


def in_range(value: float, dtype: torch.dtype) -> float:
    """Return a positive number, or the nearest that has all its digits in `dtype`."""
    return min(max(value, torch.finfo(dtype).tiny), torch.finfo(dtype).max)


def expm1(x: Tensor) -> Tensor:
    """Return exp(x) - 1, whose derivative keeps its digits where x is far below zero, unlike torch's."""
    near = x.abs() < 0.5
    return torch.where(near, torch.where(near, x, 0.0).expm1(), x.exp() - 1)


def log1p_of_square(x: Tensor) -> Tensor:
    """Return log(1 + x^2), also where the square is beyond the numbers."""
    far = x.abs() > 1
    large = torch.where(far, x, 1.0)
    return 2 * large.abs().log() + torch.where(far, 1 / large, x).square().log1p()


def softplus(x: Tensor) -> Tensor:
    """Return log(1 + e^x) in one pass; torch's own ends at 20, where e^-20 is lost from float64."""
    return F.softplus(x, threshold=40.0)


def curved_softplus(x: Tensor) -> Tensor:
    """Return log(1 + e^x), whose second derivative keeps its digits too where x is far above zero."""
    above, below = F.relu(x), x.clamp(max=0)  # their sum is x; at 0, below has the slope
    return above + F.softplus(below - above)


def shift(x: Tensor, dim: int) -> Tensor:
    """Return the largest of each row, as a finite constant: with that taken off, exp is within range."""
    finite = torch.finfo(x.dtype)
    return largest(x, dim).clamp(finite.min, finite.max)


def log_sum_exp(x: Tensor, dim: int) -> Tensor:
    """Return log(sum(e^x)) of each row, of which exp is within range."""
    (total,) = sums(dim, x.exp())
    return total.clamp(min=torch.finfo(x.dtype).tiny).log()  # slope 0 where all are -inf
