"""What hypothesis draws from: mixtures that hit kinks, ties, the huge and the tiny."""

import math
from typing import Any

import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from torch import Tensor

# The same examples on every machine and in every run; a counterexample fails each time, for everyone.
exhaustive = settings(
    derandomize=True,
    deadline=None,
    max_examples=80,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

KINK = 1.5  # a threshold that the values below hit exactly, from both sides

ordinary = st.floats(-5, 5)
tiny = st.sampled_from([0.0, -0.0, 1e-8, -1e-8, 1e-160, 5e-324])
kinks = st.sampled_from([KINK, -KINK, math.nextafter(KINK, 0), math.nextafter(KINK, 9), 1.0, -1.0])
large = st.sampled_from([20.0, -20.0, 37.0, -37.0, 100.0, -100.0, 700.0, -700.0])
huge = st.sampled_from([1e30, -1e30, 1e100, -1e100])

real = st.one_of(ordinary, tiny, kinks, large)
wide = st.one_of(ordinary, tiny, kinks, large, huge)
probability = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.5, 1e-30, 1e-12, 1 - 1e-12]))
inner_probability = st.floats(1e-6, 1 - 1e-6)
label = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))
scale = st.one_of(st.floats(1e-3, 1e3), st.sampled_from([1.0, KINK, 1e-30, 1e30]))
positive = st.floats(0.01, 100)


def tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def vectors(elements: st.SearchStrategy[float], size: int = 6) -> st.SearchStrategy[Tensor]:
    return st.lists(elements, min_size=size, max_size=size).map(tensor)


def matrices(
    elements: st.SearchStrategy[float], rows: int = 3, columns: int = 4
) -> st.SearchStrategy[Tensor]:
    return vectors(elements, rows * columns).map(lambda values: values.view(rows, columns))


def gradient(function: Any, at: Tensor) -> Tensor:
    """Return the gradient of the sum of `function` at a point."""
    leaf = at.detach().clone().requires_grad_()
    (found,) = torch.autograd.grad(function(leaf).sum(), leaf)
    return found


def gradient_of_sum(loss: Any, x: Tensor, y: Tensor) -> Tensor:
    """Return the gradient of a summed loss, itself with a graph."""
    return torch.autograd.grad(loss(x, y, reduction="sum"), x, create_graph=True)[0]


def best_constant(loss: Any, candidates: Tensor) -> float:
    """Return the candidate of least loss."""
    losses = torch.stack([loss(candidate) for candidate in candidates])
    return candidates[losses.argmin()].item()
