"""What is true of the focal losses: values from elsewhere, relations to others, properties, edges."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from lossref import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    focal_loss,
    sigmoid_focal_loss,
)
from tests.errors import X, index
from tests.formulas import uniform, vector
from tests.strategies import exhaustive, gradient, label, matrices, ordinary, real, tensor, vectors
from tests.test_focal import LABELS, LOGITS, WEIGHTS

gammas = st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.0, 5.0])


# ---- Values from elsewhere


def test_are_the_values_of_other_libraries():
    """torchvision 0.29.1, optax 0.2.8, kornia 0.9.0 and segmentation-models-pytorch 0.6.0 say the same."""
    x, y = vector(-2, -0.5, 0, 1, 3), vector(0, 1, 1, 0, 1)
    for options, expected in (
        ({}, (0.0018035628, 0.3774116009, 0.1732867951, 0.7018683034, 0.0001092833)),
        ({"alpha": 0.25}, (0.0013526721, 0.0943529002, 0.0433216988, 0.5264012276, 0.0000273208)),
        (
            {"gamma": 0.5, "alpha": 0.75},
            (0.0109557202, 0.5763815042, 0.3675968038, 0.2807161326, 0.0079358264),
        ),
    ):
        found = sigmoid_focal_loss(x, y, **options, reduction="none")
        assert_close(found, vector(*expected), rtol=0, atol=1e-10)
    x = tensor([[2, 0.5, -1], [0, 1, 0.3], [-0.5, -0.2, 1.5], [1, 1, 1]])
    expected = vector(0.0110927501, 0.7120960983, 0.0160759084, 0.4882721283)
    assert_close(focal_loss(x, index(0, 2, 2, 1), reduction="none"), expected, rtol=0, atol=1e-10)


def test_a_soft_label_is_a_mixture_of_hard_ones():
    x, y = vector(1.2), vector(0.3)
    assert_close(sigmoid_focal_loss(x, y), tensor(0.6092), rtol=0, atol=5e-5)  # as kornia 0.9.0


# ---- What they are in terms of the others


@exhaustive
@given(vectors(real), vectors(label))
def test_at_gamma_0_it_is_binary_cross_entropy(x, y):
    found = sigmoid_focal_loss(x, y, gamma=0, reduction="none")
    assert_close(found, binary_cross_entropy_with_logits(x, y, reduction="none"), rtol=1e-12, atol=1e-300)


def test_at_gamma_0_it_is_cross_entropy():
    x, y = uniform(-30, 30, 6, 4, 3), torch.randint(4, (6, 3), generator=torch.Generator().manual_seed(0))
    for options in ({}, {"weight": WEIGHTS, "ignore_index": 2}):
        for reduction in ("none", "sum", "mean"):
            found = focal_loss(x, y, gamma=0, reduction=reduction, **options)
            assert_close(found, cross_entropy(x, y, reduction=reduction, **options), rtol=1e-14, atol=0)


@exhaustive
@given(matrices(real, 6, 2), gammas)
def test_of_two_classes_is_the_sigmoid_of_their_difference(x, gamma):
    y = index(0, 1, 1, 0, 1, 0)
    found = focal_loss(x, y, gamma=gamma, reduction="none")
    expected = sigmoid_focal_loss(x[:, 1] - x[:, 0], y.double(), gamma=gamma, reduction="none")
    assert_close(found, expected, rtol=1e-12, atol=1e-300)


def test_of_many_classes_is_the_sigmoid_of_the_log_odds():
    x, y = uniform(-4, 4, 50, 5), torch.arange(50) % 5
    rest = x.masked_fill(F.one_hot(y, 5).bool(), -torch.inf).logsumexp(1)
    odds = x.gather(1, y[:, None]).squeeze(1) - rest
    for gamma in (0.3, 2.0):
        assert_close(focal_loss(x, y, gamma=gamma), sigmoid_focal_loss(odds, odds**0, gamma=gamma))


# ---- Properties


@exhaustive
@given(vectors(real), vectors(label), st.lists(gammas, min_size=2, max_size=2).map(sorted))
def test_falls_with_gamma_and_is_mirrored(x, y, some):
    low, high = (sigmoid_focal_loss(x, y, gamma=gamma, reduction="none") for gamma in some)
    assert (high <= low * (1 + 1e-12)).all()
    assert (high >= 0).all()
    found = sigmoid_focal_loss(-x, 1 - y, gamma=some[0], alpha=0.75, reduction="none")
    expected = sigmoid_focal_loss(x, y, gamma=some[0], alpha=0.25, reduction="none")
    assert_close(found, expected, rtol=1e-9, atol=1e-12)


@exhaustive
@given(vectors(st.one_of(real, st.sampled_from([1e30, -1e30]))), vectors(label), gammas)
def test_each_derivative_is_finite(x, y, gamma):
    leaf = x.requires_grad_()
    value = sigmoid_focal_loss(leaf, y, gamma=gamma)
    (slope,) = torch.autograd.grad(value, leaf, create_graph=True)
    bend = torch.autograd.grad((slope * slope).sum(), leaf)[0]
    assert torch.stack([value.expand(6), slope, bend]).isfinite().all()


def test_the_cheapest_probability_lies_between_one_half_and_the_true_one():
    """Focal is no proper loss: it asks for less confidence than there is."""
    x = torch.linspace(0, 5, 100001, dtype=torch.float64)
    best = []
    for gamma in (0, 1, 2, 5):
        losses = [sigmoid_focal_loss(x, y + 0 * x, gamma=gamma, reduction="none") for y in (1, 0)]
        best.append(x[(0.9 * losses[0] + 0.1 * losses[1]).argmin()].sigmoid().item())
    assert best == pytest.approx([0.9, 0.774, 0.694, 0.597], abs=6e-4)


def test_the_slope_exceeds_1_and_the_loss_is_not_convex():
    x = torch.linspace(-10, 10, 20001, dtype=torch.float64)
    steepest, bends = [], []
    for gamma in (1, 2, 5):
        slope = gradient(lambda x: sigmoid_focal_loss(x, x**0, gamma=gamma, reduction="sum"), x)  # noqa: B023
        steepest.append(slope.abs().max().item())
        bends.append(slope.diff().min().item() / 0.001)
    assert steepest == pytest.approx([1.045, 1.129, 1.315], abs=6e-4)
    assert bends[1] == pytest.approx(-0.047, abs=6e-4)


# ---- Where others break


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 0.9, 1.0, 2.0, 5.0])
def test_float32_keeps_both_tails(gamma):
    x = torch.linspace(-30, 30, 241)
    for y in (0.0, 1.0):
        wide, narrow = (
            (x.to(dtype).requires_grad_(), y + 0 * x.to(dtype)) for dtype in (torch.float64, torch.float32)
        )
        found, truth = (sigmoid_focal_loss(*given, gamma=gamma, reduction="none") for given in (narrow, wide))
        assert_close(found.double(), truth, rtol=2e-5, atol=1e-37)
        slopes = [
            torch.autograd.grad(v.sum(), x)[0].double() for v, (x, _) in ((found, narrow), (truth, wide))
        ]
        assert_close(slopes[0], slopes[1], rtol=2e-5, atol=1e-37)


def test_the_slope_where_a_sigmoid_is_1():
    """torchvision 0.29.1 says nan to both (the value 0): kornia issue 918, optax issue 1267."""
    x = torch.tensor([17.0, -17.0], requires_grad=True)
    value = sigmoid_focal_loss(x, torch.tensor([1.0, 0.0]), gamma=0.5, reduction="none")
    (slope,) = torch.autograd.grad(value.sum(), x)
    exact = math.exp(-1.5 * 17)
    assert_close(value, torch.tensor([exact, exact]), rtol=1e-5, atol=0)
    assert_close(slope, torch.tensor([-1.5 * exact, 1.5 * exact]), rtol=1e-5, atol=0)


@exhaustive
@given(vectors(ordinary, 4), gammas)
def test_the_tail_of_the_classes_is_kept(x, gamma):
    far = torch.cat([x.float(), torch.tensor([40.0])])
    found = focal_loss(far, torch.tensor(4), gamma=gamma)
    exact = math.exp((1 + gamma) * (far[:4].double().logsumexp(0).item() - 40))
    assert found.item() == pytest.approx(exact, rel=1e-4)


# ---- Edges


def test_rows_that_are_ignored():
    x = tensor([[1.0, 2.0, 0.0], [math.nan, math.inf, 0.0]])
    for gamma in (0.0, 0.5, 2.0):
        loss = partial(focal_loss, gamma=gamma)
        assert_close(loss(x, index(0, -100)), loss(x[0], torch.tensor(0)))
        assert gradient(lambda x: loss(x, index(0, -100)), x)[1].eq(0).all()  # noqa: B023
        assert loss(x, index(-100, -100)).isnan()  # as cross entropy: a mean over nothing
        assert gradient(lambda x: loss(x, index(-100, -100), reduction="sum"), x).eq(0).all()  # noqa: B023


def test_one_class_and_no_rows():
    for gamma in (0.0, 2.0):
        one = focal_loss(tensor([[3.0], [-900.0]]), index(0, 0), gamma=gamma, reduction="none")
        assert one.eq(0).all()
    for loss, target in ((sigmoid_focal_loss, X[:0]), (focal_loss, index())):
        assert loss(X[:0], target).isnan()
        assert loss(X[:0], target, reduction="sum") == 0
        assert loss(X[:0], target, reduction="none").shape == target.shape


def test_the_mean_divides_by_the_weights_of_the_true_classes():
    x, y = uniform(-2, 2, 6, 4), index(0, 3, 1, 1, 2, 0)
    rows = focal_loss(x, y, reduction="none")
    assert_close(focal_loss(x, y, WEIGHTS), (WEIGHTS[y] * rows).sum() / WEIGHTS[y].sum())
    assert_close(focal_loss(x, y.byte(), ignore_index=1), rows[y != 1].mean())


def test_alpha_weighs_and_does_not_sharpen():
    y = (LABELS > 0.5).double()
    plain, weighted = (sigmoid_focal_loss(LOGITS, y, alpha=alpha, reduction="none") for alpha in (None, 0.25))
    assert_close(weighted, torch.where(y == 1, 0.25, 0.75) * plain)
    for alpha in (0, 1):
        one_side = sigmoid_focal_loss(LOGITS, y, alpha=alpha, reduction="none")
        assert_close(one_side, torch.where(y == alpha, plain, 0.0))
