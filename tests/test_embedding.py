# ruff: noqa: E501 - a row of the errors is a line
"""The embedding losses: their formulas, their errors, and what is true of them alone."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from lossref import cosine_embedding_loss, hinge_embedding_loss
from tests.errors import ANY, Row, X, Y, ones
from tests.formulas import slope, uniform, vector
from tests.strategies import tensor

SYMBOLS = {"m": "margin", "a": "input1", "b": "input2"}
DISTANCES = torch.cat([vector(0, 0), uniform(0, 4, 10)])
LABELS = vector(1, -1, -1, -1).repeat(3)


def pair(y, m, seed=0, length=1.0):
    return {
        "a": uniform(-2, 2, 5, seed=seed) * length,
        "b": uniform(-2, 2, 5, seed=seed + 50),
        "y": vector(y)[0],
        "m": m,
        "D": 5,
    }


CASES = {
    "hinge_embedding_loss": [{"x": DISTANCES, "y": LABELS, "m": m} for m in (1.0, 2.5)],
    "cosine_embedding_loss": [pair(y, m, seed) for y in (1, -1) for m in (0.0, -0.75) for seed in (0, 1)]
    + [pair(-1, 0.0, 0, 1e-7)],
}
MUTANTS = [
    ("hinge_embedding_loss", r"\max(0, m - x)", r"m - x"),
    ("hinge_embedding_loss", r"m - x", r"x - m"),
    ("hinge_embedding_loss", r"\text{if } y = 1", r"\text{if } y = 2"),
    ("cosine_embedding_loss", r"1 - c", r"1 + c"),
    ("cosine_embedding_loss", r"c - m", r"c"),
    ("cosine_embedding_loss", r"\max(0, c - m)", r"c - m"),
    ("cosine_embedding_loss", r"a_k^2 + 10^{-12}", r"a_k^2"),
    ("cosine_embedding_loss", r"\sqrt", r"1"),
]

OTHER_NAMES = ["hinge-embedding", "cosine-embedding"]  # in labels of equations
QUARTER, COSINES = vector(0.25)[0], vector(-1, -0.5, 0, 0.25, 0.25, 0.5, 1, 0.75, -0.25, 0.125, 0.25, 1)
NUMBERS = {
    "x": torch.cat([vector(0, 0, 1, 1), DISTANCES[4:]]),
    "y": vector(1, -1, -1).repeat(4),
    "m": vector(1)[0],
    "a": pair(1, 0)["a"],
    "b": pair(1, 0)["b"],
    "u": F.normalize(pair(1, 0)["a"], dim=0),
    "v": F.normalize(pair(1, 0)["b"], dim=0),
    "s": vector(2.5)[0],
    "D": 5,
}


def torch_hinge(x, y, m):
    return F.hinge_embedding_loss(x, y, margin=m.item(), reduction="none")


def torch_cosine(a, b, y, m=0.25):
    rows = len(y)
    return F.cosine_embedding_loss(a.expand(rows, -1), b.expand(rows, -1), y, float(m), reduction="none")


def of_cosines(y, m, c=COSINES):
    """The loss of vectors in the plane that have these cosines with the first axis."""
    around = torch.stack([c, (1 - c**2).sqrt()], dim=1)
    return F.cosine_embedding_loss(vector(1, 0).expand_as(around), around, y, m.item(), reduction="none")


TWINS = {
    "eq-hinge-embedding": torch_hinge,
    "eq-hinge-embedding-plain": torch_hinge,
    "eq-hinge-embedding-gradient": lambda x, y, m: slope(torch_hinge, x, y=y, m=m),
    "eq-cosine-embedding-plain": lambda y, c=COSINES, m=QUARTER: of_cosines(y, m, c),
    "eq-cosine-embedding-gradient": lambda u, v, s, c=NUMBERS["u"] @ NUMBERS["v"]: slope(
        lambda a: F.cosine_similarity(a, v, dim=0), s * u
    ),
    "eq-cosine-embedding": lambda a, b, y, D, m=QUARTER: torch_cosine(a, b, y, m),
}
BROKEN = [
    ("eq-hinge-embedding-plain", r"m - x", r"x - m"),
    ("eq-hinge-embedding-gradient", r"x \le m", r"x < m"),
    ("eq-cosine-embedding-plain", r"1 - c", r"1 + c"),
    ("eq-cosine-embedding-plain", r"c - m", r"c"),
    ("eq-cosine-embedding-gradient", r"- c u", r"- u"),
    ("eq-cosine-embedding-gradient", r"}{s}", r"}{1}"),
]

HINGE, COSINE = "hinge_embedding_loss", "cosine_embedding_loss"
VECTORS = "input1 and input2 must hold vectors, of shape (N, D) with a target of shape (N), or (D) with (); got input1 of shape"
ERRORS = [
    Row("integers", HINGE, X.long(), Y.long(), {}, (RuntimeError, "mean(): could not infer output dtype"), (NotImplementedError, "input must be floating point, got torch.int64")),
    Row("complex labels", HINGE, X, Y.to(torch.complex64), {}, 1.0,
        (NotImplementedError, "input and target must be real; got input of torch.float32, target of torch.complex64")),
    Row("shapes that do not broadcast", HINGE, X, ones(2), {}, (RuntimeError, "must match the size of tensor"),
        (RuntimeError, "The size of tensor a (2) must match the size of tensor b (3)...")),
    Row("a label for each number", COSINE, X, Y, {"target": Y}, (RuntimeError, "0D or 1D target tensor expected"),
        (RuntimeError, f"{VECTORS} (2, 3), input2 of (2, 3) and target of (2, 3)")),
    Row("labels in a column", COSINE, X, Y, {"target": ones(2, 1)}, (RuntimeError, "0D or 1D target tensor expected"),
        (RuntimeError, f"{VECTORS} (2, 3), input2 of (2, 3) and target of (2, 1)")),
    Row("labels in a table", COSINE, ones(2, 2, 3), ones(2, 2, 3), {"target": ones(2, 2)}, (RuntimeError, "0D or 1D target tensor expected"),
        (RuntimeError, f"{VECTORS} (2, 2, 3), input2 of (2, 2, 3) and target of (2, 2)")),
    Row("a label for three pairs of two", COSINE, X, Y, {"target": ones(3)}, (RuntimeError, "must match the size of tensor"),
        (RuntimeError, f"{VECTORS} (2, 3), input2 of (2, 3) and target of (3,)")),
    Row("one label for two pairs", COSINE, X, Y, {"target": ones(1)}, 0.0, (RuntimeError, f"{VECTORS} (2, 3), input2 of (2, 3) and target of (1,)")),
    Row("labels 1 and 0", COSINE, X, Y, {"target": torch.tensor([1, 0])}, 0.0, (RuntimeError, "target must hold labels 1 and -1, got 0")),
    Row("labels of nan", COSINE, X, Y, {"target": torch.tensor([1, math.nan])}, 0.0, (RuntimeError, "target must hold labels 1 and -1, got nan")),
    *(Row(f"margin {m}", COSINE, X, Y, {"target": ones(2), "margin": m}, 0.0, (ValueError, f"margin must be a cosine, between -1 and 1, got {m}"))
      for m in (1.5, -1.5, math.nan)),
    Row("no labels", COSINE, X, Y, {"target": None}, ANY, (TypeError, "target must be a Tensor, got NoneType")),
]  # fmt: skip


def test_a_pair_at_its_margin_still_has_a_slope() -> None:
    x = torch.ones(1, requires_grad=True)
    hinge_embedding_loss(x, -torch.ones(1)).backward()
    assert x.grad == -1
    a, b = torch.tensor([1.0, 0.0], requires_grad=True), torch.tensor([0.0, 1.0])
    cosine_embedding_loss(a, b, -torch.ones(())).backward()
    assert_close(a.grad, b)


def test_another_label_adds_both_lines() -> None:
    x = vector(0.25, 3)
    for labels in (vector(0, 0), vector(2, -3)):
        assert_close(hinge_embedding_loss(x, labels, reduction="none"), vector(1, 3))


def test_hinge_by_hand() -> None:
    rows = zip(DISTANCES.tolist(), LABELS.tolist(), strict=True)
    expected = tensor([x if y == 1 else max(0.0, 2.5 - x) for x, y in rows])
    assert_close(hinge_embedding_loss(DISTANCES, LABELS, 2.5, reduction="none"), expected)


@pytest.mark.parametrize("y", [1, -1])
def test_cosine_by_hand(y: int) -> None:
    a, b = uniform(-2, 2, 6, 3), uniform(-2, 2, 6, 3, seed=1)
    cosines = [(u @ v / u.norm() / v.norm()).item() for u, v in zip(a, b, strict=True)]
    expected = tensor([1 - c if y == 1 else max(0.0, c - 0.1) for c in cosines])
    assert_close(cosine_embedding_loss(a, b, y * torch.ones(6), 0.1, reduction="none"), expected)


@pytest.mark.parametrize("margin", [-1, 1])
def test_a_margin_may_be_any_cosine(margin: float) -> None:
    a = vector(3, 4)
    assert_close(cosine_embedding_loss(a, a, vector(-1)[0], margin), vector(1 - margin)[0])


@pytest.mark.parametrize("scale", [1e10, 1e20, 3e38])
def test_long_vectors_do_not_overflow(scale: float) -> None:
    a, b = torch.tensor([[0.5, 1.0]]) * scale, torch.tensor([[1.0, 0.5]]) * scale
    a.requires_grad_()
    loss = cosine_embedding_loss(a, b, torch.ones(1))
    assert_close(loss, torch.tensor(0.2))
    loss.backward()
    assert_close(a.grad * scale, torch.tensor([[-0.48, 0.24]]))
    # If not so, the docstring is out of date.
    in_torch = F.cosine_embedding_loss(a, b, torch.ones(1))
    assert in_torch == 1 if scale == 1e10 else in_torch.isnan()


def test_features_are_not_broadcast() -> None:
    half, third = torch.full((2, 1), 0.5), torch.full((2, 3), 0.3)
    assert F.cosine_embedding_loss(half, third, torch.ones(2)) < -0.7
    with pytest.raises(RuntimeError, match="input2"):
        cosine_embedding_loss(half, third, torch.ones(2))
    many = cosine_embedding_loss(third[0], third, torch.ones(2), reduction="none")
    assert_close(many, torch.zeros(2))


def test_labels_of_bool() -> None:
    a = torch.tensor([[1.0, 0.0]])
    assert cosine_embedding_loss(a, a, torch.tensor([True])) == 0
    with pytest.raises(RuntimeError, match="target must hold labels 1 and -1, got 0"):
        cosine_embedding_loss(a, a, torch.tensor([False]))


def test_mixed_dtypes_promote() -> None:
    x, y = torch.ones(2, 3).half(), torch.ones(2)
    for function, args in ((F.cosine_embedding_loss, (x, x, y)), (F.hinge_embedding_loss, (x, y[:, None]))):
        assert function(*args).dtype == torch.float16
    assert cosine_embedding_loss(x, x, y).dtype == torch.float32
    assert hinge_embedding_loss(x, y[:, None]).dtype == torch.float32


def test_short_vectors_are_less_alike_than_they_are() -> None:
    a = torch.full((1, 4), 1e-7)
    assert_close(cosine_embedding_loss(a, a, torch.ones(1)), F.cosine_embedding_loss(a, a, torch.ones(1)))
    assert cosine_embedding_loss(a, a, torch.ones(1)) > 0.95
    zero = torch.zeros(1, 4, requires_grad=True)
    cosine_embedding_loss(zero, a, torch.ones(1)).backward()
    assert zero.grad.isfinite().all()


def test_no_features_have_no_direction() -> None:
    assert cosine_embedding_loss(torch.ones(2, 0), torch.ones(2, 0), torch.ones(2)) == 1


def test_the_gradient_stands_at_a_right_angle() -> None:
    a, b = uniform(-2, 2, 3).requires_grad_(), uniform(-2, 2, 3, seed=1)
    slopes = [
        torch.autograd.grad(cosine_embedding_loss(a * length, b, torch.ones(())), a)[0] for length in (1, 100)
    ]
    assert_close(slopes[0] @ a, vector(0)[0], rtol=0, atol=1e-9)
    long = (100 * a).detach().requires_grad_()
    (slope,) = torch.autograd.grad(cosine_embedding_loss(long, b, torch.ones(())), long)
    assert_close(slope, slopes[0] / 100)
