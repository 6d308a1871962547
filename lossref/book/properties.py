"""Checks behind the tables of properties: each reads a property off the loss itself, on a fine grid.

A `curve` is a loss as a function of one number for each element of a tensor: of the residual, or of a logit.
"""

import math
import warnings
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor
from torch.distributions import Distribution

Curve = Callable[[Tensor], Tensor]
UNITS = {0.0: "none", 1.0: "the target's unit", 2.0: "the square of the target's unit"}


def grid(low: float, high: float, points: int = 20_001) -> Tensor:
    """Evenly spaced float64 numbers from low to high, both included."""
    return torch.linspace(low, high, points, dtype=torch.float64)


def slope(curve: Curve, x: Tensor) -> Tensor:
    """Differentiate the curve at each x."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(curve(x).sum(), x)
    return gradient


def is_convex(curve: Curve, low: float, high: float) -> bool:
    """Whether no point of the curve lies above the chord between its neighbours."""
    y = curve(grid(low, high))
    return bool((y[:-2] - 2 * y[1:-1] + y[2:] >= -1e-12 * y.abs().max()).all())


def jump(curve: Curve, at: float = 0.0, step: float = 1e-9) -> float:
    """How far the slope jumps at a point: 0 where the curve is differentiable, up to the step."""
    below, above = slope(curve, torch.tensor([at - step, at + step], dtype=torch.float64)).tolist()
    return round(float(above - below), 6)


def is_differentiable(curve: Curve, low: float, high: float) -> bool:
    """Whether the slope jumps nowhere: between points ten times closer it changes far less."""
    coarse, fine = (float(slope(curve, grid(low, high, n)).diff().abs().max()) for n in (2001, 20_001))
    return fine <= coarse / 5 + 1e-12


def steepest(curve: Curve, low: float, high: float) -> float:
    """The largest slope in absolute value: the Lipschitz constant of the curve between low and high."""
    return float(slope(curve, grid(low, high)).abs().max())


def largest_curvature(curve: Curve, low: float, high: float) -> float:
    """The largest change of the slope per unit: infinite at a kink."""
    if not is_differentiable(curve, low, high):
        return math.inf
    x = grid(low, high)
    return float((slope(curve, x).diff() / x.diff()).abs().max())


def supremum(measure: Callable[[float, float], float], intervals: Iterable[tuple[float, float]]) -> float:
    """The largest measure over ever larger intervals: infinity if the last still adds a thousandth."""
    *before, last = (measure(low, high) for low, high in intervals)
    return max(*before, last) if last <= max(before) * 1.001 else math.inf


def has_bounded_slope(curve: Curve, low: float, high: float) -> bool:
    """Whether a ten times wider interval is no steeper than the given one."""
    return steepest(curve, 10 * low, 10 * high) <= steepest(curve, low, high) * (1 + 1e-9)


def best_constant(loss: Callable[[Tensor, Tensor], Tensor], data: Tensor, low: float, high: float) -> float:
    """The one number, predicted for all of the data, that has the smallest mean loss; found by trying."""
    for _ in range(4):
        candidates = torch.linspace(low, high, 2001, dtype=torch.float64)
        losses = torch.stack([loss(candidate.expand_as(data), data) for candidate in candidates])
        near = candidates[losses <= losses.min() + 1e-12]
        width = (high - low) / 100
        low, high = float(near.mean()) - width, float(near.mean()) + width
    return float(near.mean())


def noise_model(
    curve: Curve, models: Mapping[str, Distribution], low: float = -5.0, high: float = 5.0
) -> str:
    """The name of the distribution whose negative log density is this curve, up to a constant."""
    residual = grid(low, high)
    for name, model in models.items():
        constant = curve(residual) + model.log_prob(residual)
        if torch.allclose(constant, constant[0].expand_as(constant), atol=1e-9):
            return name
    raise ValueError(f"the curve is the negative log density of none of: {', '.join(models)}")


def is_bounded(curve: Curve, low: float, high: float) -> bool:
    """Whether a ten times wider interval reaches no higher than the given one."""
    return bool(curve(grid(10 * low, 10 * high)).max() <= curve(grid(low, high)).max() * (1 + 1e-9))


def unit(curve: Curve, scaled: Curve | None = None) -> str:
    """The unit of a loss, read off what ten times longer residuals make of it.

    Args:
        curve: The loss of a residual.
        scaled: The same where its parameter, a length too, is ten times as long; `curve` if it has none.

    Raises:
        ValueError: If the loss does not grow as a power of the length, or by another power.
    """
    residual = grid(0.1, 9, 90)
    grown = ((scaled or curve)(10 * residual) / curve(residual)).log10().round(decimals=9)
    powers = sorted(set(grown.tolist()))
    if len(powers) > 1 or powers[0] not in UNITS:
        raise ValueError(f"the loss has no unit of {list(UNITS.values())}: it grows by the powers {powers}")
    return UNITS[powers[0]]


def accepts(loss: Callable[..., object], *arguments: object, **options: object) -> bool:
    """Whether the loss takes these arguments without an error or a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            loss(*arguments, **options)
        except (IndexError, RuntimeError, TypeError, ValueError, UserWarning):
            return False
    return True


def wants_one_shape(loss: Callable[..., object]) -> bool:
    """Whether the loss takes input and target of any one shape, and refuses or warns of two."""
    one, row, column = torch.ones(()), torch.ones(4), torch.ones(4, 1)
    same = all(accepts(loss, x, x) for x in (one, row, column, torch.ones(2, 3, 5)))
    return same and not any(accepts(loss, x, row) for x in (one, column, torch.ones(3)))


def also_called(*names: str, documents: Iterable[object]) -> str:
    """Join the other names of a loss, each of which its functions or classes have or document.

    Raises:
        ValueError: If a name stands neither in the names nor in the docstrings of `documents`.
    """
    texts = [f"{getattr(thing, '__name__', '')} {thing.__doc__}" for thing in documents]
    text = " ".join(" ".join(texts).lower().split())
    if missing := [name for name in names if name.lower() not in text]:
        raise ValueError(f"not documented: {', '.join(missing)}")
    return ", ".join(names)
