# ruff: noqa: E501 - a row of the errors is a line
"""The triplet losses: their formulas, their errors, and what is true of them alone."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from lossref import triplet_margin_loss, triplet_margin_with_distance_loss
from lossref.testing.domains import city_block
from tests.errors import ANY, Row, X, Y, ones
from tests.formulas import slope, uniform
from tests.strategies import tensor

SYMBOLS = {
    "a": "anchor",
    "b": "positive",
    "c": "negative",
    "m": "margin",
    "epsilon": "eps",
    "d": "distance_function",
}


def triplet(seed, **options):
    return {name: uniform(-2, 2, 4, seed=seed + k) for k, name in enumerate("abc")} | {"D": 4} | options


CASES = {
    "triplet_margin_loss": [
        triplet(seed, m=m, p=p, epsilon=eps)
        for seed in (0, 10)
        for m in (0.1, 3.0)
        for p in (1.0, 2.0, 3.5)
        for eps in (1e-6, 0.5)
    ],
    "triplet_margin_with_distance_loss": [triplet(seed, m=m) for seed in (0, 10) for m in (0.1, 3.0)],
}
MUTANTS = [
    ("triplet_margin_loss", r"d(a, b) - d(a, c)", r"d(a, c) - d(a, b)"),
    ("triplet_margin_loss", r"+ m", r"- m"),
    ("triplet_margin_loss", r"\max(0, ", r"(0 + "),
    ("triplet_margin_loss", r"+ \varepsilon", r""),
    ("triplet_margin_loss", r"^{\frac{1}{p}}", r""),
    ("triplet_margin_loss", r"u_k - v_k", r"u_k + v_k"),
    ("triplet_margin_with_distance_loss", r"d(a, b) - d(a, c)", r"d(a, c) - d(a, b)"),
    ("triplet_margin_with_distance_loss", r"+ m", r"- m"),
    ("triplet_margin_with_distance_loss", r"10^{-6}", r"10^{-2}"),
]

# Long vectors, so that what is added to their differences does not show where a formula leaves it out.
NUMBERS = {name: uniform(-200, 200, 4, seed=k) for k, name in enumerate("abc")}
NUMBERS |= {"m": torch.tensor(500.0), "p": torch.tensor(3.0), "epsilon": torch.tensor(0.5), "D": 4}


def plain(a, b, c, m):
    return F.triplet_margin_loss(a, b, c, margin=m.item())


TWINS = {
    "eq-triplet-plain": lambda a, b, c, m, D: plain(a, b, c, m),
    "eq-triplet": lambda a, b, c, m, p, epsilon, D: F.triplet_margin_loss(
        a, b, c, m.item(), p.item(), epsilon.item()
    ),
    "eq-triplet-distance": lambda a, b, c, m, D: F.triplet_margin_with_distance_loss(
        a, b, c, margin=m.item(), distance_function=F.pairwise_distance
    ),
    "eq-triplet-positive": lambda a, b, c, m, D: slope(lambda b: plain(a, b, c, m), b),
}
BROKEN = [
    ("eq-triplet-plain", r"d(a, b) - d(a, c)", r"d(a, c) - d(a, b)"),
    ("eq-triplet-positive", r"b - a", r"a - b"),
    ("eq-triplet-positive", r"{d(a, b)}", r"{d(a, c)}"),
]

TRIPLET, OWN = "triplet_margin_loss", "triplet_margin_with_distance_loss"
DIMENSIONS = "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor 2D, positive 2D, and negative 1D inputs"
ERRORS = [
    *(Row(f"margin {m}", name, X, Y, {"negative": X, "margin": m}, (ValueError, "margin must be greater than 0") if m == m else math.nan,
          (ValueError, f"margin must be greater than 0, got {m}"))
      for name in (TRIPLET, OWN) for m in (0.0, -1.0, math.nan)),
    *(Row("another number of dimensions", name, X, Y, {"negative": ones(3)}, (RuntimeError, DIMENSIONS), (RuntimeError, DIMENSIONS)) for name in (TRIPLET, OWN)),
    Row("shapes that do not broadcast", TRIPLET, X, Y, {"negative": ones(2, 2)}, ANY, (RuntimeError, "The size of tensor a (3) must match the size of tensor b (2)...")),
    Row("complex vectors", TRIPLET, X.to(torch.complex64), Y, {"negative": X}, 1.0,
        (NotImplementedError, "anchor and positive and negative must be real; got anchor of torch.complex64, positive of torch.float32, negative of torch.float32")),
    Row("no negative", TRIPLET, X, Y, {"negative": None}, ANY, (TypeError, "negative must be a Tensor, got NoneType")),
    Row("no negative of one's own", OWN, X, Y, {"negative": None, "distance_function": city_block}, ANY, (TypeError, "negative must be a Tensor, got NoneType")),
    Row("a distance that is a number", OWN, X, Y, {"negative": X, "distance_function": 2.0}, ANY, (TypeError, "distance_function must be callable, got float")),
    Row("a distance that is no tensor", OWN, X, Y, {"negative": X, "distance_function": lambda a, b: 1.0}, ANY, (TypeError, "what distance_function returns must be a Tensor, got float")),
    Row("a distance that is reduced", OWN, X, Y, {"negative": X, "distance_function": F.mse_loss}, 1.0,
        (ValueError, "distance_function must return one distance for each triplet; got a single number for an anchor of shape (2, 3)")),
]  # fmt: skip

A, B, C = (uniform(-2, 2, 6, 4, seed=k) for k in range(3))


def test_by_hand() -> None:
    def distance(u, v):
        return sum(abs(x - y + 1e-6) ** 3 for x, y in zip(u, v, strict=True)) ** (1 / 3)

    rows = list(zip(A.tolist(), B.tolist(), C.tolist(), strict=True))
    plain = tensor([max(0.0, distance(a, b) - distance(a, c) + 2) for a, b, c in rows])
    swapped = tensor([max(0.0, distance(a, b) - min(distance(a, c), distance(b, c)) + 2) for a, b, c in rows])
    assert_close(triplet_margin_loss(A, B, C, 2.0, 3.0, reduction="none"), plain)
    assert_close(triplet_margin_loss(A, B, C, 2.0, 3.0, swap=True, reduction="none"), swapped)
    assert not plain.equal(swapped)


def test_gradients_have_length_1_or_0() -> None:
    leaves = [each.clone().requires_grad_() for each in (A, B, C)]
    loss = triplet_margin_loss(*leaves, eps=0.0, reduction="none")
    anchor, positive, negative = torch.autograd.grad(loss.sum(), leaves)
    active = (loss > 0).double()
    assert 0 < active.sum() < len(active)
    assert_close(positive.norm(dim=1), active)
    assert_close(negative.norm(dim=1), active)
    assert_close(anchor, -positive - negative)


def test_where_all_vectors_are_one_the_loss_is_the_margin() -> None:
    same = torch.ones(3, 4, requires_grad=True)
    loss = triplet_margin_loss(same, same.detach(), same.detach(), margin=0.3)
    assert_close(loss, torch.tensor(0.3))
    assert torch.autograd.grad(loss, same)[0].isfinite().all()


def test_a_triplet_at_its_margin_still_has_a_slope() -> None:
    anchor = torch.zeros(1, 1, requires_grad=True)
    loss = triplet_margin_loss(anchor, torch.ones(1, 1), 2 * torch.ones(1, 1), margin=1.0, eps=0.0)
    assert loss == 0
    far = (-2 * torch.ones(1, 1)).requires_grad_()
    triplet_margin_loss(torch.zeros(1, 1), torch.ones(1, 1), far, margin=1.0, eps=0.0).backward()
    assert far.grad == 1


def test_a_distance_of_your_own_is_called_with_what_you_gave() -> None:
    seen = []

    def first_letter(u, v):
        seen.append((u, v))
        return (u[:, 0] - v[:, 0]).abs()

    a, b, c = A.half(), B.half(), C.half()
    loss = triplet_margin_with_distance_loss(a, b, c, distance_function=first_letter, swap=True)
    assert loss.dtype == torch.float16
    assert seen == [(a, b), (a, c), (b, c)]


@pytest.mark.parametrize("swap", [False, True])
def test_the_distance_of_torch_is_the_default(swap: bool) -> None:
    own = triplet_margin_with_distance_loss(A, B, C, distance_function=torch.nn.PairwiseDistance(), swap=swap)
    assert_close(triplet_margin_with_distance_loss(A, B, C, swap=swap), own)
    assert_close(triplet_margin_loss(A, B, C, swap=swap), own)


def test_one_triplet_has_one_distance() -> None:
    own = triplet_margin_with_distance_loss(A[0], B[0], C[0], distance_function=torch.dist, reduction="none")
    assert own.shape == ()
    assert_close(own, (torch.dist(A[0], B[0]) - torch.dist(A[0], C[0]) + 1).clamp(min=0))
