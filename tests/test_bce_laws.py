"""What is true of binary cross entropy for probabilities."""

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
    inner_probability,
    label,
    probability,
    tensor,
    vectors,
)


def bce(p, y, **options):
    return binary_cross_entropy(p, y, reduction="none", **options)


def log(p):
    return max(math.log(p), -100.0) if p > 0 else -100.0


def bce_by_hand(p, y):
    not_p = [max(math.log1p(-a), -100.0) if a < 1 else -100.0 for a in p.tolist()]
    return tensor(
        [-(b * log(a) + (1 - b) * n) for a, b, n in zip(p.tolist(), y.tolist(), not_p, strict=True)]
    )


@exhaustive
@given(vectors(probability), vectors(label))
def test_is_the_formula_in_plain_python(p, y):
    assert_close(bce(p, y), bce_by_hand(p, y), rtol=1e-14, atol=1e-320)
    total = math.fsum(bce_by_hand(p, y).tolist())
    assert_close(binary_cross_entropy(p, y), tensor(total / 6), rtol=1e-14, atol=0)


@exhaustive
@given(vectors(probability), vectors(label))
def test_value_and_gradient_equal_torch_where_the_logarithm_is_clamped_too(p, y):
    assert_close(bce(p, y), F.binary_cross_entropy(p, y, reduction="none"), rtol=1e-14, atol=1e-320)
    theirs = gradient(lambda p: F.binary_cross_entropy(p, y, reduction="none"), p)
    assert_close(gradient(lambda p: bce(p, y), p), theirs, rtol=1e-8, atol=0)  # its 1e-12 is a float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_gradient_at_the_ends(dtype):
    """The derivative of the clamped value would be nan or 0 here."""
    p = torch.tensor([0.0, 0.0, 1.0, 1.0, 1e-30], dtype=dtype)
    y = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0], dtype=dtype)
    expected = torch.tensor([0.0, -1e12, 1e12, 0.0, -1e12], dtype=dtype)
    assert_close(gradient(lambda p: bce(p, y), p), expected)
    assert_close(gradient(lambda p: F.binary_cross_entropy(p, y, reduction="none"), p), expected)
    assert_close(bce(p, y), torch.tensor([0.0, 100.0, 100.0, 0.0, 30 * math.log(10)], dtype=dtype))
    for transform in (torch.func.jacrev, torch.func.grad):
        found = torch.func.vmap(transform(binary_cross_entropy))(p, y)
        assert_close(found, expected)
    torch._dynamo.reset()
    compiled = torch.compile(bce, fullgraph=True, backend="aot_eager")
    assert_close(gradient(lambda p: compiled(p, y), p), expected)
    _, forward = torch.func.jvp(lambda p: bce(p, y), (p,), (torch.ones_like(p),))
    assert_close(forward, expected)


def test_second_derivative_at_the_ends_is_that_of_torch():
    p, y = tensor([0.0, 0.0, 1.0, 1.0, 1e-30, 0.0]), tensor([0.0, 1.0, 0.0, 1.0, 1.0, 0.5])
    expected = gradient(lambda p: gradient_of_sum(F.binary_cross_entropy, p, y), p)
    assert_close(expected, tensor([0.0, 1e24, 1e24, 0.0, 1e24, 0.5e24]))
    assert_close(gradient(lambda p: gradient_of_sum(binary_cross_entropy, p, y), p), expected)
    for outer in (torch.func.jacfwd, torch.func.jacrev):
        for inner in (torch.func.jacfwd, torch.func.jacrev):
            found = torch.func.vmap(outer(inner(binary_cross_entropy)))(p, y)
            assert_close(found, expected)


def test_a_right_and_certain_answer_costs_nothing_not_even_minus_nothing():
    certain = torch.tensor([0.0, 1.0])
    for loss in (*bce(certain, certain), binary_cross_entropy(certain, certain)):
        assert math.copysign(1, loss) == 1
        assert loss == 0


@exhaustive
@given(vectors(probability), vectors(label))
def test_gradient_in_target_is_the_difference_of_the_two_logarithms(p, y):
    expected = bce(p, 0 * y) * -1 + bce(p, 0 * y + 1)
    assert_close(gradient(lambda y: bce(p, y), y), expected, rtol=1e-14, atol=0)


@exhaustive
@given(vectors(inner_probability), vectors(label))
def test_yes_and_no_are_a_matter_of_naming(p, y):
    assert_close(bce(p, y), bce(1 - p, 1 - y), rtol=1e-9, atol=1e-12)


@exhaustive
@given(vectors(inner_probability), vectors(inner_probability))
def test_is_at_least_the_entropy_of_the_label_and_reaches_it_at_the_label(p, y):
    entropy = -(y * y.log() + (1 - y) * (-y).log1p())
    assert (bce(p, y) >= entropy - 1e-12).all()
    assert_close(bce(y, y), entropy)
    assert_close(gradient(lambda p: bce(p, y), y), 0 * y, rtol=0, atol=1e-9)


@exhaustive
@given(vectors(probability), vectors(probability), vectors(label))
def test_is_convex_and_at_most_100(p, q, y):
    between = bce((p + q) / 2, y)
    assert (between <= (bce(p, y) + bce(q, y)) / 2 + 1e-9).all()
    assert (bce(p, y) <= 100 + 1e-12).all()
    assert (bce(p, y) >= 0).all()


@exhaustive
@given(vectors(probability), vectors(label), vectors(label), label)
def test_is_affine_in_the_label(p, y, z, share):
    mixed = bce(p, share * y + (1 - share) * z)
    assert_close(mixed, share * bce(p, y) + (1 - share) * bce(p, z), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("function", [binary_cross_entropy, binary_cross_entropy_with_logits])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 1), (2, 3)])
def test_weights_broadcast_but_never_change_dtype_or_divisor(function, shape):
    p = torch.rand(2, 3, generator=torch.Generator().manual_seed(0))
    y, weight = p.flip(0), torch.full(shape, 2.5, dtype=torch.float64)
    name = function.__name__
    for options in ({"weight": weight}, *([{"pos_weight": weight}] if "logits" in name else [])):
        for reduction in ("none", "sum", "mean"):
            ours = function(p, y, reduction=reduction, **options)
            assert_close(ours, getattr(F, name)(p, y, reduction=reduction, **options))
