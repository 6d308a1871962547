"""What is true of binary cross entropy for logits."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch.testing import assert_close

from lossref import binary_cross_entropy, binary_cross_entropy_with_logits
from tests.strategies import (
    exhaustive,
    gradient,
    gradient_of_sum,
    label,
    ordinary,
    positive,
    real,
    tensor,
    vectors,
)


def bcel(x, y, **options):
    return binary_cross_entropy_with_logits(x, y, reduction="none", **options)


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def bcel_by_hand(x, y, pos_weight=1.0):
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    return tensor([pos_weight * b * softplus(-a) + (1 - b) * softplus(a) for a, b in pairs])


@exhaustive
@given(vectors(real), vectors(label), positive)
def test_is_the_formula_in_plain_python(x, y, pos_weight):
    """Which keeps its relative accuracy over the whole range, so no absolute tolerance."""
    assert_close(bcel(x, y), bcel_by_hand(x, y), rtol=1e-14, atol=1e-300)
    weighted = bcel_by_hand(x, y, pos_weight)
    assert_close(bcel(x, y, pos_weight=tensor(pos_weight)), weighted, rtol=1e-14, atol=1e-300)


@exhaustive
@given(vectors(real), vectors(label))
def test_gradient_is_probability_minus_label(x, y):
    found = gradient(lambda x: bcel(x, y), x)
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    expected = [(1 - b) * sigmoid(a) - b * sigmoid(-a) for a, b in pairs]  # sigmoid(x) - y, both tails kept
    assert_close(found, tensor(expected), rtol=1e-13, atol=1e-300)
    assert (found.abs() <= 1).all()


@exhaustive
@given(vectors(real), vectors(real), vectors(label))
def test_gradient_is_lipschitz_with_one_quarter(x, z, y):
    steps = gradient(lambda x: bcel(x, y), x) - gradient(lambda x: bcel(x, y), z)
    assert (steps.abs() <= (x - z).abs() / 4 * (1 + 1e-12) + 1e-15).all()


@exhaustive
@given(vectors(real), vectors(label))
def test_mirror_symmetry(x, y):
    """Exact but for the rounding of 1 - y. torch's own loses the tail on one side."""
    hard = y.round()
    assert_close(bcel(x, hard), bcel(-x, 1 - hard), rtol=0, atol=0)
    assert_close(bcel(x, y), bcel(-x, 1 - y), rtol=1e-12, atol=1e-12)


@exhaustive
@given(vectors(ordinary), vectors(label))
def test_is_softplus_minus_the_logit_of_a_positive(x, y):
    assert_close(bcel(x, y), F.softplus(x) - x * y, rtol=1e-9, atol=1e-12)


@exhaustive
@given(vectors(ordinary), vectors(label))
def test_is_the_loss_of_the_sigmoid(x, y):
    assert_close(bcel(x, y), binary_cross_entropy(x.sigmoid(), y, reduction="none"), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_pos_weight_is_copies_of_the_positives(copies):
    x, y = tensor([-3.0, 0.5, 2.0, -1.0]), tensor([1.0, 0.0, 1.0, 0.0])
    repeats = torch.where(y == 1, copies, 1)
    copied = bcel(x.repeat_interleave(repeats), y.repeat_interleave(repeats)).sum()
    assert_close(bcel(x, y, pos_weight=tensor(float(copies))).sum(), copied)


@pytest.mark.parametrize(
    ("x", "y"), [(-20.0, 0.0), (20.0, 1.0), (-100.0, 0.0), (100.0, 1.0), (-87.0, 0.0), (87.0, 1.0)]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_both_tails_are_kept_where_torch_loses_one(x, y, dtype):
    logit, target = torch.tensor([x], dtype=dtype), torch.tensor([y], dtype=dtype)
    loss, slope = tensor([softplus(-abs(x))]), tensor([sigmoid(-abs(x))])
    tolerance = {"rtol": 2 * torch.finfo(dtype).eps, "atol": torch.finfo(dtype).smallest_normal}
    assert_close(bcel(logit, target).double(), loss, **tolerance)
    found = gradient(lambda x: bcel(x, target), logit).double()
    assert_close(found, slope if y == 0 else -slope, **tolerance)


@pytest.mark.parametrize("y", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("x", [-80.0, -20.0, -1.0, 0.0, 1.0, 20.0, 80.0])
def test_curvature_is_that_of_the_sigmoid_in_both_tails(x, y):
    logit, target = torch.tensor([x]), torch.tensor([y])
    found = gradient(lambda x: gradient_of_sum(binary_cross_entropy_with_logits, x, target), logit)
    assert_close(found, torch.tensor([sigmoid(x) * sigmoid(-x)]), rtol=1e-6, atol=0)


def test_the_side_that_the_label_switches_off_cannot_overflow():
    heavy = torch.tensor([10.0])
    assert bcel(torch.tensor([-1e38]), torch.tensor([0.0]), pos_weight=heavy) == 0
    assert bcel(torch.tensor([1e38]), torch.tensor([1.0]), pos_weight=heavy) == 0


def test_a_heavy_positive_does_not_drown_the_negative_part_of_a_soft_label():
    x, y, heavy = torch.tensor([30.0]), torch.tensor([0.5]), torch.tensor([1e8])
    assert_close(bcel(x, y, pos_weight=heavy), torch.tensor([15.0]))
    assert_close(gradient(lambda x: bcel(x, y, pos_weight=heavy), x), torch.tensor([0.5]))


def test_an_infinite_logit_on_the_wrong_side_costs_infinitely_much():
    x, y = tensor([math.inf, -math.inf, math.inf]), tensor([0.0, 1.0, 0.5])
    assert (bcel(x, y) == math.inf).all()
    assert gradient(lambda x: bcel(x, y), x).tolist() == [1.0, -1.0, 0.5]


def test_torch_still_loses_a_tail():
    """When this fails, torch has mended it, and "Differs from torch" can go."""
    x, y = torch.tensor([-20.0, 20.0]), torch.tensor([0.0, 1.0])
    assert F.binary_cross_entropy_with_logits(x, y, reduction="none")[0] == 0
    assert gradient(lambda x: F.binary_cross_entropy_with_logits(x, y, reduction="none"), x)[1] == 0


@pytest.mark.parametrize("size", [1e4, 1e30, 3e38])
def test_is_finite_for_every_finite_logit(size):
    x = torch.tensor([size, -size, size, -size])
    y = torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert_close(bcel(x, y), torch.tensor([size, 0.0, 0.0, size]))
    assert_close(gradient(lambda x: bcel(x, y), x), torch.tensor([1.0, 0.0, 0.0, -1.0]))


def test_mixed_floating_dtypes_of_logits_promote():
    x, y = torch.tensor([0.5], dtype=torch.float64), torch.tensor([1.0])
    for wide in (
        binary_cross_entropy_with_logits(x, y),
        binary_cross_entropy_with_logits(x.float(), y.double()),
    ):
        assert wide.dtype == torch.float64
    assert F.binary_cross_entropy_with_logits(x, y).dtype == torch.float32  # target's


def test_weights_may_be_given_by_position():
    p, y, weight = tensor([0.3, 0.6]), tensor([0.0, 1.0]), tensor([2.0, 3.0])
    for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
        function = {"binary_cross_entropy": binary_cross_entropy}.get(name, binary_cross_entropy_with_logits)
        assert_close(function(p, y, weight), getattr(F, name)(p, y, weight))
