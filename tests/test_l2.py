"""What is true of the squared error alone."""

import math

import torch.nn.functional as F
from hypothesis import given
from torch.distributions import Normal
from torch.testing import assert_close

from lossref import mse_loss
from tests import errors
from tests.formulas import pairs, slope, total
from tests.strategies import exhaustive, gradient, ordinary, real, tensor, vectors, wide


def by_hand(x, y):
    return tensor([(a - b) * (a - b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])


OTHER_NAMES = ["mse"]  # in labels of equations
CASES = {"mse_loss": [pairs()]}
MUTANTS = [
    ("mse_loss", r"^2", r"^3"),
    ("mse_loss", r"= (x", r"= \frac{1}{2} (x"),
    ("mse_loss", r"(x - y)^2", r"x - y^2"),
]
TWINS = {
    "eq-l2": lambda x, y: F.mse_loss(x, y, reduction="none"),
    "eq-mse": lambda x, y: F.mse_loss(x, y),
    "eq-l2-density": lambda x, y, sigma: Normal(x, sigma).log_prob(y).exp(),
    "eq-l2-nll": lambda x, y, sigma: -Normal(x, sigma).log_prob(y),
    "eq-l2-gradient": lambda x, y: slope(total(F.mse_loss), x, y),
    "eq-l2-split": lambda c, y: F.mse_loss(c.expand_as(y), y),
    "eq-l2-variance": lambda y: y.var(correction=0),
    "eq-l2-rmse": lambda x, y: F.mse_loss(x, y).sqrt(),
    "eq-l2-rmse-gradient": lambda x, y: slope(lambda x, y: F.mse_loss(x, y).sqrt(), x, y),
    "eq-l2-weighted": lambda x, y, w: F.mse_loss(x, y, weight=w),
}

ERRORS = [
    errors.of_other_shapes("mse_loss"),
    *errors.of_a_weight("mse_loss"),
    *errors.of_other_dtypes("mse_loss"),
]


@exhaustive
@given(vectors(wide), vectors(wide))
def test_is_the_formula_in_plain_python(x, y):
    assert_close(mse_loss(x, y, reduction="none"), by_hand(x, y), rtol=0, atol=0)
    assert_close(mse_loss(x, y), tensor(math.fsum(by_hand(x, y).tolist()) / 6), rtol=1e-12, atol=0)


@exhaustive
@given(vectors(real), vectors(real))
def test_gradient_is_twice_the_residual(x, y):
    assert_close(gradient(lambda x: mse_loss(x, y, reduction="none"), x), 2 * (x - y), rtol=0, atol=0)
    assert_close(gradient(lambda y: mse_loss(x, y, reduction="none"), y), 2 * (y - x), rtol=0, atol=0)
    assert_close(gradient(lambda x: mse_loss(x, y), x), 2 * (x - y) / 6)


@exhaustive
@given(vectors(real), vectors(real), ordinary)
def test_is_homogeneous_of_degree_two(x, y, factor):
    assert_close(mse_loss(factor * x, factor * y), factor**2 * mse_loss(x, y), rtol=1e-9, atol=1e-12)


@exhaustive
@given(vectors(ordinary), vectors(ordinary))
def test_parallelogram_law(x, y):
    zero = 0 * x
    sides = mse_loss(x, zero) + mse_loss(y, zero)
    assert_close(mse_loss(x, y) + mse_loss(x, -y), 2 * sides, rtol=1e-9, atol=1e-12)


@exhaustive
@given(vectors(ordinary), ordinary)
def test_best_constant_is_the_mean_and_the_rest_is_variance(y, constant):
    bias, variance = (y.mean() - constant) ** 2, y.var(correction=0)
    assert_close(mse_loss(tensor(constant).expand(6), y), bias + variance, rtol=1e-9, atol=1e-12)


def test_weighted_mean_divides_by_the_sum_of_the_weights():
    x, y, w = tensor([1.0, 5.0]), tensor([0.0, 0.0]), tensor([3.0, 1.0])
    assert mse_loss(x, y, weight=w) == (3 * 1 + 1 * 25) / 4
    assert mse_loss(x, y, weight=w, reduction="sum") == 3 * 1 + 1 * 25
    assert_close(mse_loss(x, y, weight=w, reduction="none"), tensor([3.0, 25.0]))
