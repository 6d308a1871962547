# ruff: noqa: E501 - a row of the errors is a line
"""The Poisson loss: its formula, its errors, and what is true of it alone."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch.distributions import Poisson
from torch.testing import assert_close

from lossref import poisson_nll_loss
from tests.errors import ANY, Row, X, Y, ones
from tests.formulas import check_note_gradient, slope, uniform
from tests.strategies import exhaustive, gradient, ordinary, positive, tensor, vectors

POISSON = "poisson_nll_loss"
LOGS, COUNTS = uniform(-3, 3, 12), torch.arange(12, dtype=torch.float64)
CASES = {POISSON: [{"x": LOGS, "y": COUNTS}, {"x": LOGS, "y": 0 * COUNTS}]}
MUTANTS = [
    (POISSON, r"e^x - y x", r"e^x + y x"),
    (POISSON, r"e^x - y x", r"e^x - y e^x"),
    (POISSON, r"e^x - y x", r"x - y \log(x + 10)"),
    (POISSON, r"e^x - y x", r"e^x - x"),
]
RATES = {"log_input": False}
ERRORS = [
    Row("shapes that do not broadcast", POISSON, X, ones(2), {}, (RuntimeError, "must match the size of tensor"),
        (RuntimeError, "The size of tensor a (2) must match the size of tensor b (3)...")),
    Row("complex log-rates", POISSON, X.to(torch.complex64), Y, {"full": True}, ANY,
        (NotImplementedError, "input and target must be real; got input of torch.complex64, target of torch.float32")),
    Row("counts below 0", POISSON, X, -Y, {}, math.e + 1, (ValueError, "target must not be negative, got -1")),
    Row("rates below 0", POISSON, -X, Y, RATES, math.nan, (ValueError, "input must not be negative, got -1")),
    *(Row(f"eps {eps}", POISSON, X, Y, RATES | {"eps": eps}, says, (ValueError, f"eps must not be negative, got {eps}"))
      for eps, says in ((-2.0, math.nan), (math.nan, math.nan))),
]  # fmt: skip


RATE, SEEN = uniform(0.5, 5, 12, seed=1), COUNTS + 2


def exact(mu, y):
    return -Poisson(mu).log_prob(y)


TWINS = {
    "eq-poisson": lambda x=LOGS, y=COUNTS: F.poisson_nll_loss(x, y, reduction="none"),
    "eq-poisson-gradient": lambda x=LOGS, y=COUNTS: slope(F.poisson_nll_loss, x, y, reduction="sum"),
    "eq-poisson-rate": lambda mu=RATE, y=COUNTS, epsilon=0.1: F.poisson_nll_loss(
        mu, y, log_input=False, eps=epsilon, reduction="none"
    ),
    # twice what the exact surprise is above that of the rate that is the count itself
    "eq-poisson-deviance": lambda mu=RATE, y=SEEN: 2 * (exact(mu, y) - exact(y, y)),
    "eq-poisson-stirling": lambda y=SEEN: (
        F.poisson_nll_loss(0 * y, y, full=True, reduction="none")
        - F.poisson_nll_loss(0 * y, y, reduction="none")
    ),
}
BROKEN = [
    ("eq-poisson", "e^x - y x", "e^x - y"),
    ("eq-poisson-gradient", "e^x - y", "y - e^x"),
    ("eq-poisson-rate", r"\log(\mu", r"\log(2 \mu"),
    ("eq-poisson-stirling", r"\frac{1}{2}", ""),
    ("eq-poisson-deviance", "2 ", ""),
    ("eq-poisson-deviance", r"\frac{y}{\mu}", r"\frac{\mu}{y}"),
]


def by_hand(x, y, log_input, full, eps):
    loss = math.exp(x) - y * x if log_input else x - y * math.log(x + eps)
    return loss + (y * math.log(y) - y + math.log(2 * math.pi * y) / 2 if full and y > 1 else 0.0)


@exhaustive
@given(vectors(ordinary), vectors(positive))
def test_is_the_formula_in_plain_python(x, y):
    for log_input, full, eps in (
        (True, False, 1e-8),
        (True, True, 1e-8),
        (False, True, 0.5),
        (False, False, 0.0),
    ):
        given = x if log_input else x.exp()
        options = {"log_input": log_input, "full": full, "eps": eps}
        expected = tensor([by_hand(a, b, **options) for a, b in zip(given.tolist(), y.tolist(), strict=True)])
        assert_close(
            poisson_nll_loss(given, y, reduction="none", **options), expected, rtol=1e-12, atol=1e-11
        )


def test_is_the_surprise_but_for_the_factorial() -> None:
    surprise = -Poisson(LOGS.exp()).log_prob(COUNTS)
    assert_close(poisson_nll_loss(LOGS, COUNTS, reduction="none"), surprise - (COUNTS + 1).lgamma())
    off = poisson_nll_loss(LOGS, COUNTS, full=True, reduction="none") - surprise
    stirling = [0.0413, 0.0277, 0.0166]  # by which the approximation is too low, at the counts 2, 3 and 5
    assert_close(-off[[2, 3, 5]], tensor(stirling), rtol=0, atol=5e-5)
    assert_close(off[:2], torch.zeros(2).double())
    assert (off[2:].diff() > 0).all()


def test_the_gradient_is_the_expected_minus_the_observed_count() -> None:
    check_note_gradient(POISSON, CASES[POISSON][0])


def test_what_a_model_with_a_bias_expects_adds_up() -> None:
    bias = COUNTS.mean().log()
    assert_close(gradient(lambda b: poisson_nll_loss(b.expand(12), COUNTS), bias), tensor(0.0))
    lowest = poisson_nll_loss(COUNTS.clamp(min=1).log(), COUNTS.clamp(min=1), reduction="none")
    assert_close(lowest, COUNTS.clamp(min=1) * (1 - COUNTS.clamp(min=1).log()))
    assert lowest[2] > 0 > lowest[3]  # negative from the count 3 on


@pytest.mark.parametrize("log_input", [True, False])
def test_a_count_of_0_has_a_gradient(log_input: bool) -> None:
    x, y = tensor([0.5, 2.0]), torch.zeros(2, dtype=torch.float64)
    found = gradient(lambda y: poisson_nll_loss(x, y, log_input, True), y)
    assert_close(found, -x / 2 if log_input else -(x + 1e-8).log() / 2)
    # When this fails, torch has mended its own, and the docstring is out of date.
    assert gradient(lambda y: F.poisson_nll_loss(x, y, log_input, True), y).isnan().all()


def test_stirling_begins_above_1() -> None:
    y = tensor([1.0, math.nextafter(1, 2)]).requires_grad_()
    loss = poisson_nll_loss(torch.zeros(2).double(), y, full=True, reduction="none")
    assert_close(loss - 1, tensor([0.0, math.log(2 * math.pi) / 2 - 1]))
    assert_close(torch.autograd.grad(loss.sum(), y)[0], tensor([0.0, 0.5]))


def test_integers_are_the_numbers_they_are() -> None:
    x, y = tensor([20]).byte(), tensor([20]).byte()
    assert_close(poisson_nll_loss(x, y).double(), tensor(math.exp(20) - 400), rtol=1e-6, atol=0)
    assert_close(F.poisson_nll_loss(x, y).double(), tensor(math.exp(20) - 144), rtol=1e-6, atol=0)
    assert poisson_nll_loss(x, y, log_input=False).dtype == torch.float32


def test_eps_counts_in_half_precision() -> None:
    x, y = torch.zeros(1, dtype=torch.float16), ones(1, dtype=torch.float16)
    assert_close(poisson_nll_loss(x, y, log_input=False), torch.tensor(18.42, dtype=torch.float16))
    assert F.poisson_nll_loss(x, y, log_input=False) == math.inf  # if not, the docstring is out of date


def test_no_rate_and_no_count_cost_nothing() -> None:
    none = torch.zeros(1, dtype=torch.float64)
    assert poisson_nll_loss(none, none, log_input=False, full=True) == 0
    assert_close(poisson_nll_loss(tensor([-800.0]), none), tensor(0.0))
