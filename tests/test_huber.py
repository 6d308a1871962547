# ruff: noqa: E501 - a row of the errors is a line
"""The formulas and the errors of the Huber loss and of Smooth L1; what is true of them stands in `test_huber_laws.py`."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import Normal

from tests import errors
from tests.errors import Row, X, Y
from tests.formulas import RESIDUALS, pairs, slope
from tests.strategies import tensor

# ---- Its formulas

OTHER_NAMES = ["smooth-l1"]  # in labels of equations
CASES = {
    "huber_loss": [pairs(delta) | {"delta": delta} for delta in (0.5, 1.0, 2.5)],
    "smooth_l1_loss": [pairs(beta) | {"beta": beta} for beta in (0.0, 0.5, 1.0, 2.5)],
}
MUTANTS = [
    ("huber_loss", r"\frac{1}{2} r^2", r"r^2"),
    ("huber_loss", r"< \delta", r"> \delta"),
    ("huber_loss", r"\rvert - \frac{1}{2} \delta", r"\rvert - \delta"),
    ("huber_loss", r"\rvert - \frac{1}{2} \delta", r"\rvert + \frac{1}{2} \delta"),
    ("huber_loss", r"\delta \left(", r"\left("),
    ("huber_loss", r"\rvert - \frac{1}{2} \delta", r"\rvert - \frac{1}{2}"),
    ("huber_loss", r"\lvert r \rvert < \delta", r"r < \delta"),
    ("huber_loss", r"r &= x - y", r"r &= x + y"),
    # what of the threshold itself?
    ("huber_loss", r"\text{otherwise}", r"\text{if } \lvert r \rvert > \delta"),
    ("smooth_l1_loss", r"\frac{1}{2 \beta}", r"\frac{1}{2}"),
    ("smooth_l1_loss", r"\frac{1}{2} \beta", r"\frac{1}{2}"),
    ("smooth_l1_loss", r"\lvert r \rvert < \beta", r"\lvert r \rvert \le \beta"),  # at beta = 0 that is 0 / 0
]
STEP = 1e-3
GRID = torch.arange(-60, 60, STEP, dtype=torch.float64)
STANDARD = Normal(tensor(0.0), tensor(1.0))


def torch_huber(x, y, delta):
    return F.huber_loss(x, y, delta=delta.item(), reduction="none")


def mass(delta):
    """Integrate exp(-Huber) numerically."""
    return (-torch_huber(GRID, torch.zeros_like(GRID), delta)).exp().sum() * STEP


def clipped_square(delta):
    """Integrate the square of clipped Gaussian noise numerically."""
    return (GRID.clamp(-delta, delta) ** 2 * STANDARD.log_prob(GRID).exp()).sum() * STEP


def inside(delta):
    return 1 - 2 * STANDARD.cdf(-delta)


TWINS = {
    "eq-huber": torch_huber,
    "eq-huber-plain": lambda delta, r=RESIDUALS: torch_huber(r, 0 * r, delta),
    "eq-smooth-l1": lambda x, y, beta: F.smooth_l1_loss(x, y, beta=beta.item(), reduction="none"),
    "eq-huber-gradient": lambda x, y, delta: slope(torch_huber, x, y, delta=delta),
    "eq-huber-density": lambda delta, r=RESIDUALS: (-torch_huber(r, 0 * r, delta)).exp() / mass(delta),
    "eq-huber-normaliser": mass,
    "eq-huber-inside": inside,
    "eq-huber-clipped": clipped_square,
    # the variance of the mean of Gaussian noise over that of Huber's estimate of its centre
    "eq-huber-efficiency": lambda delta: inside(delta) ** 2 / clipped_square(delta),
}

HUBER, SMOOTH = "huber_loss", "smooth_l1_loss"
# fmt: off
ERRORS = [
    errors.of_other_shapes(HUBER),
    errors.of_other_shapes(SMOOTH),
    *errors.of_a_weight(HUBER),
    *errors.of_other_dtypes(HUBER),
    *errors.of_other_dtypes(SMOOTH),
    *(Row(f"delta {delta}", HUBER, X, Y, {"delta": delta},
          (RuntimeError, "huber_loss does not support non-positive values for delta"),
          (RuntimeError, f"delta must be positive: huber_loss does not support non-positive values for delta. Got {delta}"))
      for delta in (0.0, -1.0, math.nan, -math.inf)),
    *(Row(f"beta {beta}", SMOOTH, X, Y, {"beta": beta},
          (RuntimeError, "smooth_l1_loss does not support negative values for beta"),
          (RuntimeError, f"beta must not be negative: smooth_l1_loss does not support negative values for beta. Got {beta}"))
      for beta in (-1.0, math.nan, -math.inf)),
    Row("delta as text", HUBER, X, Y, {"delta": "1"}, (TypeError, "must be float, not str"), (TypeError, "delta must be a number, got '1'")),
    Row("no beta", SMOOTH, X, Y, {"beta": None}, (TypeError, "must be float, not NoneType"), (TypeError, "beta must be a number, got NoneType")),
]
# fmt: on
