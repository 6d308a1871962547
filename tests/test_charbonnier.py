# ruff: noqa: E501 - a row of the errors is a line
"""The formulas and the errors of the smooth robust losses; what is true of them stands in `test_charbonnier_laws.py`."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch.testing import assert_close

from lossref import (
    charbonnier_loss,
    general_robust_loss,
    log_cosh_loss,
    pseudo_huber_loss,
)
from tests.errors import Row, X, Y, ones
from tests.formulas import check_note_gradient, pairs, slope
from tests.strategies import exhaustive, ordinary, positive, tensor, vectors

LOG_COSH, PSEUDO, CHARBONNIER, ROBUST = (
    "log_cosh_loss",
    "pseudo_huber_loss",
    "charbonnier_loss",
    "general_robust_loss",
)


def reduced(loss, reduction):
    return {"none": loss, "sum": loss.sum(), "mean": loss.mean()}[reduction]


def log_cosh(input, target, *, reduction="mean"):
    r = input - target
    return reduced(F.softplus(2 * r, threshold=700) - r - math.log(2), reduction)


def pseudo_huber(input, target, *, delta=1.0, reduction="mean"):
    return reduced(delta**2 * ((1 + ((input - target) / delta) ** 2).sqrt() - 1), reduction)


def charbonnier(input, target, *, eps=1e-3, reduction="mean"):
    return reduced(((input - target) ** 2 + eps**2).sqrt(), reduction)


def general_robust(input, target, *, alpha=1.0, scale=1.0, reduction="mean"):
    square, b = ((input - target) / scale) ** 2, abs(alpha - 2)
    if alpha == 2:
        return reduced(square / 2, reduction)
    if alpha == 0:
        return reduced((1 + square / 2).log(), reduction)
    if alpha == -math.inf:
        return reduced(1 - (-square / 2).exp(), reduction)
    return reduced(b / alpha * ((1 + square / b) ** (alpha / 2) - 1), reduction)


ORACLES = {LOG_COSH: log_cosh, PSEUDO: pseudo_huber, CHARBONNIER: charbonnier, ROBUST: general_robust}

# ---- Its formulas

SYMBOLS = {"epsilon": "eps", "c": "scale"}
SHAPES = (2.0, 1.0, 0.5, 0.0, -2.0, -7.5, -math.inf, 3.0)
CASES = {
    LOG_COSH: [pairs()],
    PSEUDO: [pairs() | {"delta": delta} for delta in (0.3, 1.0, 4.0)],
    CHARBONNIER: [pairs() | {"epsilon": eps} for eps in (1e-3, 0.5, 2.0)],
    ROBUST: [pairs() | {"alpha": alpha, "c": scale} for alpha in SHAPES for scale in (1.0, 2.5)],
}
MUTANTS = [
    (LOG_COSH, r"\log \cosh(x - y)", r"\cosh(x - y)"),
    (LOG_COSH, r"(x - y)", r"(2 x - 2 y)"),
    (PSEUDO, r"\delta^2", r"\delta"),
    (PSEUDO, r" - 1", ""),
    (CHARBONNIER, r"\varepsilon^2", r"\varepsilon"),
    (CHARBONNIER, r"\varepsilon^2}", r"\varepsilon^2} - \varepsilon"),
    (ROBUST, r"\frac{z^2}{2} &", "z^2 &"),
    (ROBUST, r"\log\left( 1 + \frac{z^2}{2}", r"\log\left( 1 + z^2"),
    (ROBUST, r"e^{-z^2 / 2}", r"e^{-z^2}"),
    (ROBUST, r"\frac{b}{\alpha}", r"\frac{1}{\alpha}"),
    (ROBUST, r"{\alpha / 2}", r"{\alpha}"),
    (ROBUST, r"\lvert \alpha - 2 \rvert", r"\alpha - 2"),
    (ROBUST, r"\frac{x - y}{c}", r"x - y"),
]
TWINS = {
    "eq-charbonnier-log-cosh": lambda x, y: log_cosh(x, y, reduction="none"),
    "eq-charbonnier": lambda x, y, epsilon=0.5: torch.hypot(x - y, torch.full_like(x, epsilon)),
    "eq-charbonnier-gradient": lambda x, y, epsilon=0.5: slope(
        charbonnier, x, y, eps=epsilon, reduction="sum"
    ),
    "eq-charbonnier-pseudo-huber": lambda x, y, delta: pseudo_huber(x, y, delta=delta, reduction="none"),
    "eq-charbonnier-general": lambda x, y, alpha=-2.0, c=2.5: general_robust(
        x, y, alpha=alpha, scale=c, reduction="none"
    ),
}
BROKEN = [
    ("eq-charbonnier", r"\varepsilon^2", r"\varepsilon"),
    ("eq-charbonnier-log-cosh", r"\cosh", r"\tanh"),
    ("eq-charbonnier-gradient", r"\frac{x - y}", r"\frac{y - x}"),
    ("eq-charbonnier-pseudo-huber", r"- 1", r"- 2"),
    ("eq-charbonnier-general", r"^{\alpha / 2}", r"^{\alpha}"),
]
# fmt: off
ERRORS = [
    *(Row("shapes that do not broadcast", function, X, ones(2), {}, None,
          (RuntimeError, "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1"))
      for function in ORACLES),
    *(Row("complex numbers", function, X.to(torch.complex64), Y, {}, None,
          (NotImplementedError, "input and target must be real; got input of torch.complex64, target of torch.float32"))
      for function in ORACLES),
    *(Row(f"delta {delta}", PSEUDO, X, Y, {"delta": delta}, None, (ValueError, f"delta must be positive, got {delta}"))
      for delta in (0.0, -1.0, math.nan)),
    *(Row(f"{option} {value}", function, X, Y, {option: value}, None,
          (ValueError, f"{option} must be positive and finite, got {value}"))
      for function, option in ((CHARBONNIER, "eps"), (ROBUST, "scale")) for value in (0.0, -1.0, math.nan, math.inf)),
    Row("alpha nan", ROBUST, X, Y, {"alpha": math.nan}, None, (ValueError, "alpha must be a number or infinite, got nan")),
]
# fmt: on


@pytest.mark.parametrize("name", [LOG_COSH, PSEUDO, CHARBONNIER])
def test_the_gradient_is_that_of_the_note(name):
    check_note_gradient(name, CASES[name][0])


# ---- Their values, by others and by hand


def of(loss, **options):
    """Return the loss of a residual."""
    return lambda r: loss(r, torch.zeros_like(r), reduction="none", **options)


@pytest.mark.parametrize(
    ("loss", "residuals", "published"),
    [
        # optax 0.2.8 and keras 3.15.1
        (of(log_cosh_loss), (0.5, -1, 3, 100), (0.120114507, 0.4337808305, 2.3093285046, 99.3068528194)),
        # scipy 1.17.1, scipy.special.pseudo_huber
        (of(pseudo_huber_loss, delta=2), (0.5, -2, 10), (0.12310563, 1.65685425, 16.39607805)),
        # kornia 0.9.0: cauchy_loss, geman_mcclure_loss, welsch_loss
        (of(general_robust_loss, alpha=0), (0.5, 2, 10), (0.1177830357, 1.0986122887, 3.9318256327)),
        (of(general_robust_loss, alpha=-2), (0.5, 2, 10), (0.1176470588, 1, 1.9230769231)),
        (of(general_robust_loss, alpha=-math.inf), (0.5, 2, 10), (0.1175030974, 0.8646647168, 1)),
    ],
    ids=["log-cosh", "pseudo-Huber", "Cauchy", "Geman-McClure", "Welsch"],
)
def test_has_the_published_values(loss, residuals, published):
    assert_close(loss(tensor([float(r) for r in residuals])), tensor(published), rtol=1e-8, atol=1e-8)


@exhaustive
@given(vectors(ordinary), positive)
def test_is_the_formula_in_plain_python(r, unit):
    by_hand = {
        of(pseudo_huber_loss, delta=unit): lambda r: unit * r * (r / (math.hypot(r, unit) + unit)),
        of(charbonnier_loss, eps=unit): lambda r: math.hypot(r, unit),
        of(general_robust_loss, alpha=0, scale=unit): lambda r: math.log1p((r / unit) ** 2 / 2),
        of(general_robust_loss, alpha=-2, scale=unit): lambda r: 2 * (r / unit) ** 2 / ((r / unit) ** 2 + 4),
    }
    for loss, formula in by_hand.items():
        assert_close(loss(r), tensor([formula(each) for each in r.tolist()]), rtol=1e-12, atol=1e-300)
