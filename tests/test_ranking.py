# ruff: noqa: E501 - a row of the errors is a line
"""The margin ranking loss: its formula, its errors, and what is true of it alone."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from lossref import margin_ranking_loss
from tests.errors import ANY, Row, X, Y, ones
from tests.formulas import slope, uniform, vector
from tests.strategies import tensor

SYMBOLS = {"x_1": "input1", "x_2": "input2", "y": "target", "m": "margin"}
FIRST, SECOND = uniform(-3, 3, 12), uniform(-3, 3, 12, seed=1)
LABELS = vector(1, -1).repeat(6)
CASES = {
    "margin_ranking_loss": [{"x_1": FIRST, "x_2": SECOND, "y": LABELS, "m": m} for m in (0.0, 0.5, -1.0)]
}
MUTANTS = [
    ("margin_ranking_loss", r"m - y", r"m + y"),
    ("margin_ranking_loss", r"x_1 - x_2", r"x_2 - x_1"),
    ("margin_ranking_loss", r"\max(0, m - y", r"\max(m, -y"),
    ("margin_ranking_loss", r"\max(0, ", r"(0 + "),
]

HALVES = vector(0.125, 0.5, 0.875).repeat(4)
APART = vector(-3, -0.5, -0.5, 0, 0.25, 0.5, 0.5, 1, 2, 3, -1, -2)


def torch_ranking(x_1, x_2, y=LABELS, m=0.5):
    return F.margin_ranking_loss(x_1, x_2, y, float(m), reduction="none")


def of_votes(d, p, m):
    """The mean loss of a difference which a share of the votes wants positive, the others negative."""
    ahead, behind = (torch_ranking(d, 0 * d, y * torch.ones_like(d), m) for y in (1, -1))
    return p * ahead + (1 - p) * behind


NUMBERS = {
    "x_1": torch.cat([SECOND[:3] + vector(0.5, -0.5, 0.5), FIRST[3:]]),
    "x_2": SECOND,
    "y": LABELS,
    "m": 0.5,
}
TWINS = {
    "eq-ranking": torch_ranking,
    "eq-ranking-gradient": lambda x_1, x_2, y, m: slope(torch_ranking, x_1, x_2, y=y, m=m),
    "eq-ranking-votes": lambda m, d=APART, p=HALVES: of_votes(d, p, m),
}
BROKEN = [
    ("eq-ranking-gradient", r"\le m", r"\le 0"),
    ("eq-ranking-gradient", r"-y &", r"y &"),
    ("eq-ranking-votes", r"(1 - p)", r"p"),
    ("eq-ranking-votes", r"m + d", r"m - d"),
]

RANKING, LABEL = "margin_ranking_loss", {"target": Y}
SAME = "margin_ranking_loss : All input tensors should have "
ERRORS = [
    Row("labels for each row", RANKING, X, Y, {"target": ones(2)}, (RuntimeError, SAME),
        (RuntimeError, SAME + "the same number of dimensions, got input1 of shape (2, 3), input2 of (2, 3) and target of (2,)")),
    Row("scores of other shapes", RANKING, X, ones(2, 2), LABEL, (RuntimeError, "must match the size of tensor b (2)"),
        (RuntimeError, "The size of tensor a (3) must match the size of tensor b (2)...")),
    Row("labels of bool", RANKING, X, Y, {"target": torch.ones(2, 3, dtype=torch.bool)}, (RuntimeError, "Negation, the `-` operator, on a bool tensor is not supported"),
        (NotImplementedError, "target must hold labels 1 and -1, got torch.bool, which has no -1")),
    Row("complex scores", RANKING, X.to(torch.complex64), Y, LABEL, ANY,
        (NotImplementedError, "input1 and input2 and target must be real; got input1 of torch.complex64, input2 of torch.float32, target of torch.float32")),
    Row("a label as number", RANKING, X, Y, {"target": 1.0}, ANY, (TypeError, "target must be a Tensor, got float")),
]  # fmt: skip


def test_integers_are_the_numbers_they_are() -> None:
    scores = tensor([3]).byte(), tensor([2]).byte(), tensor([1]).byte()
    assert (
        F.margin_ranking_loss(*scores, margin=2, reduction="none") == 257
    )  # if not, the docstring is out of date
    assert margin_ranking_loss(*scores, margin=2, reduction="none") == 1
    minus = tensor([3]).long(), tensor([2]).long(), tensor([-1]).long()
    assert_close(margin_ranking_loss(*minus), F.margin_ranking_loss(*minus))


def test_a_pair_at_its_margin_still_has_a_slope() -> None:
    x = torch.ones(1, requires_grad=True)
    margin_ranking_loss(x, torch.zeros(1), torch.ones(1), margin=1.0).backward()
    assert x.grad == -1


@pytest.mark.parametrize("shift", [-1e3, 0.5, 7.0])
def test_only_differences_count(shift: float) -> None:
    found = margin_ranking_loss(FIRST + shift, SECOND + shift, LABELS, margin=0.5)
    assert_close(found, margin_ranking_loss(FIRST, SECOND, LABELS, margin=0.5))


def test_by_hand() -> None:
    pairs = zip(FIRST.tolist(), SECOND.tolist(), LABELS.tolist(), strict=True)
    expected = tensor([max(0.0, 0.5 - (a - b if y == 1 else b - a)) for a, b, y in pairs])
    assert_close(margin_ranking_loss(FIRST, SECOND, LABELS, 0.5, reduction="none"), expected)
