"""What is true of the L1 loss alone."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch.distributions import Laplace
from torch.testing import assert_close

from lossref import l1_loss, mse_loss
from tests import errors
from tests.errors import Row, X, Y
from tests.formulas import pairs, slope, total
from tests.strategies import best_constant, exhaustive, gradient, ordinary, real, tensor, vectors, wide


def by_hand(x, y):
    return tensor([abs(a - b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])


OTHER_NAMES = ["mae"]  # in labels of equations
CASES = {"l1_loss": [pairs()]}
MUTANTS = [("l1_loss", r"x - y", r"x + y"), ("l1_loss", r"\lvert x - y \rvert", r"(x - y)")]
TWINS = {
    "eq-l1": lambda x, y: F.l1_loss(x, y, reduction="none"),
    "eq-mae": lambda x, y: F.l1_loss(x, y),
    "eq-l1-density": lambda x, y, b: Laplace(x, b).log_prob(y).exp(),
    "eq-l1-nll": lambda x, y, b: -Laplace(x, b).log_prob(y),
    "eq-l1-gradient": lambda x, y: slope(total(F.l1_loss), x, y),
    "eq-l1-count": lambda c, y: ((y < c).double() - (y > c).double()).mean(),
    "eq-l1-weighted": lambda x, y, w: F.l1_loss(x, y, weight=w),
}

ERRORS = [
    errors.of_other_shapes("l1_loss"),
    *errors.of_a_weight("l1_loss"),
    *(
        Row(
            f"{a} and {b}",
            "l1_loss",
            X.to(a),
            Y.to(b),
            {},
            (RuntimeError, "Subtraction, the `-` operator, with"),
            (RuntimeError, "Subtraction, the `-` operator, with..."),
        )
        for a, b in ((torch.bool, torch.bool), (torch.float32, torch.bool), (torch.bool, torch.float32))
    ),
    Row(
        "the mean of integers",
        "l1_loss",
        X.long(),
        Y.long(),
        {},
        (RuntimeError, "mean(): could not infer output dtype"),
        (RuntimeError, "integers have no mean: input must be floating point or complex, got torch.int64"),
    ),
]


@exhaustive
@given(vectors(wide), vectors(wide))
def test_is_the_formula_in_plain_python(x, y):
    assert_close(l1_loss(x, y, reduction="none"), by_hand(x, y), rtol=0, atol=0)
    assert_close(l1_loss(x, y), tensor(math.fsum(by_hand(x, y).tolist()) / 6), rtol=1e-12, atol=0)


@exhaustive
@given(vectors(real), vectors(real))
def test_gradient_is_the_sign_of_the_residual(x, y):
    assert_close(gradient(lambda x: l1_loss(x, y, reduction="none"), x), torch.sign(x - y), rtol=0, atol=0)
    assert_close(gradient(lambda y: l1_loss(x, y, reduction="none"), y), torch.sign(y - x), rtol=0, atol=0)


@exhaustive
@given(vectors(real), vectors(real), vectors(real))
def test_is_a_distance(x, y, z):
    loss = lambda a, b: l1_loss(a, b, reduction="none")  # noqa: E731
    assert (loss(x, z) <= (loss(x, y) + loss(y, z)) * (1 + 1e-12)).all()
    assert_close(loss(x, y), loss(y, x), rtol=0, atol=0)
    assert_close(loss(x, x), torch.zeros(6, dtype=torch.float64), rtol=0, atol=0)


@exhaustive
@given(vectors(real), vectors(real), ordinary)
def test_scales_with_its_inputs(x, y, factor):
    assert_close(l1_loss(factor * x, factor * y), abs(factor) * l1_loss(x, y), rtol=1e-9, atol=1e-12)


@exhaustive
@given(vectors(ordinary, size=7))
def test_best_constant_is_the_median(y):
    best = best_constant(lambda c: l1_loss(c.expand(7), y), y)
    assert l1_loss(tensor(best).expand(7), y) == l1_loss(y.median().expand(7), y)


def test_weighted_mean_divides_by_the_sum_of_the_weights():
    x, y, w = tensor([1.0, 5.0]), tensor([0.0, 0.0]), tensor([3.0, 1.0])
    assert l1_loss(x, y, weight=w) == (3 * 1 + 1 * 5) / 4
    assert l1_loss(x, y, weight=w, reduction="sum") == 3 * 1 + 1 * 5
    assert_close(l1_loss(x, y, weight=w, reduction="none"), tensor([3.0, 5.0]))


@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
@pytest.mark.parametrize("loss", [l1_loss, mse_loss])
def test_a_weighted_mean_divides_by_the_weights_of_all_elements_after_broadcasting(loss):
    x, y, w = torch.ones(2, 1), torch.zeros(2), torch.ones(2, 1)
    assert loss(x, y, weight=w) == 1
    # When this fails, torch divides by them too, and "Differs from torch" can go.
    assert getattr(torch.nn.functional, loss.__name__)(x, y, weight=w) == 2


@pytest.mark.parametrize("angle", [0.3, 2.0])
def test_complex_loss_does_not_change_under_a_common_rotation(angle):
    x, y = (
        torch.complex(tensor([1.0, 2.0]), tensor([0.0, -1.0])),
        torch.complex(tensor([0.5, 2.0]), tensor([3.0, -1.0])),
    )
    turn = complex(math.cos(angle), math.sin(angle))
    assert_close(l1_loss(turn * x, turn * y), l1_loss(x, y))
    assert l1_loss(x, y).dtype == torch.float64
    assert gradient(lambda x: l1_loss(x, y, reduction="none"), x)[1] == 0


def test_integers_keep_their_dtype_but_have_no_mean():
    x, y = torch.tensor([1, 5]), torch.tensor([2, 2])
    assert_close(l1_loss(x, y, reduction="none"), torch.tensor([1, 3]))
    assert_close(l1_loss(x, y, reduction="sum"), torch.tensor(4))


def test_a_weight_of_fractions_is_not_rounded_to_the_integers_of_the_loss():
    x, y, w = torch.tensor([3, 0]), torch.tensor([1, 4]), torch.tensor([0.5, 0.25])
    for reduction, expected in (("none", [1.0, 1.0]), ("sum", 2.0), ("mean", 2 / 0.75)):
        for dtype in (torch.float32, torch.float16):
            assert_close(l1_loss(x, y, reduction=reduction, weight=w.to(dtype)), torch.tensor(expected))


def test_unsigned_integers_have_no_negative_difference():
    x, y = torch.tensor([3], dtype=torch.uint8), torch.tensor([5], dtype=torch.uint8)
    with pytest.raises(
        RuntimeError, match=r"input and target must be signed, got torch.uint8, where 3 - 5 is 254"
    ):
        l1_loss(x, y, reduction="sum")
    assert torch.nn.functional.l1_loss(x, y, reduction="sum") == 254
    assert_close(l1_loss(x, y.float()), torch.tensor(2.0))
