"""Numbers that stay in range, and functions that keep their digits where those of torch lose them."""

from typing import Any

import torch
from torch import Tensor

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
