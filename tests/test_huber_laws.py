"""What is true of the Huber loss and of Smooth L1, and of the two together."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch.testing import assert_close

from lossref import huber_loss, l1_loss, mse_loss, smooth_l1_loss
from tests.strategies import KINK, exhaustive, gradient, ordinary, positive, real, scale, tensor, vectors


def huber(r, delta):
    return huber_loss(r, torch.zeros_like(r), reduction="none", delta=delta)


def smooth(r, beta):
    return smooth_l1_loss(r, torch.zeros_like(r), reduction="none", beta=beta)


def huber_by_hand(r, delta):
    return tensor([0.5 * a * a if abs(a) < delta else delta * (abs(a) - 0.5 * delta) for a in r.tolist()])


def smooth_by_hand(r, beta):
    return tensor([0.5 * a * (a / beta) if abs(a) < beta else abs(a) - 0.5 * beta for a in r.tolist()])


@exhaustive
@given(vectors(real), vectors(real), scale)
def test_is_the_formula_in_plain_python(x, y, threshold):
    assert_close(
        huber_loss(x, y, reduction="none", delta=threshold),
        huber_by_hand(x - y, threshold),
        rtol=1e-15,
        atol=0,
    )
    assert_close(
        smooth_l1_loss(x, y, reduction="none", beta=threshold),
        smooth_by_hand(x - y, threshold),
        rtol=1e-14,
        atol=1e-320,
    )
    total = math.fsum(huber_by_hand(x - y, threshold).tolist())
    assert_close(huber_loss(x, y, delta=threshold), tensor(total / 6), rtol=1e-12, atol=1e-320)


@exhaustive
@given(vectors(real), scale)
def test_gradient_is_the_clipped_residual(r, threshold):
    clipped = r.clamp(-threshold, threshold)
    assert_close(gradient(lambda r: huber(r, threshold), r), clipped, rtol=0, atol=5e-324)
    slope = (r / threshold).clamp(-1, 1)
    assert_close(gradient(lambda r: smooth(r, threshold), r), slope, rtol=1e-15, atol=1e-320)


def test_an_infinite_residual_pulls_no_harder_than_the_threshold():
    r = tensor([-math.inf, math.inf])
    for loss, option, pull in ((huber_loss, "delta", 3.0), (smooth_l1_loss, "beta", 1.0)):
        ours = partial(loss, target=torch.zeros_like(r), **{option: 3.0})
        assert (ours(r, reduction="none") == math.inf).all()
        assert gradient(ours, r).tolist() == [-pull / 2, pull / 2]  # of a mean over two


@exhaustive
@given(vectors(real), vectors(real), positive)
def test_gradient_in_target_is_the_opposite(x, y, threshold):
    for loss in (partial(huber_loss, delta=threshold), partial(smooth_l1_loss, beta=threshold)):
        in_x = gradient(partial(loss, target=y), x)
        in_y = gradient(partial(loss, x), y)
        assert_close(in_x, -in_y, rtol=0, atol=0)


def test_kinks_are_as_torch_has_them():
    r = tensor([-KINK, KINK, 0.0, -0.0])
    for ours, theirs, option in (
        (huber_loss, F.huber_loss, "delta"),
        (smooth_l1_loss, F.smooth_l1_loss, "beta"),
    ):
        for threshold in (KINK, *([0.0] if option == "beta" else [])):
            results = []
            for function in (ours, theirs):
                leaf = r.clone().requires_grad_()
                loss = function(leaf, torch.zeros(4, dtype=torch.float64), **{option: threshold})
                (first,) = torch.autograd.grad(loss, leaf, create_graph=True)
                second = (
                    torch.autograd.grad(first.square().sum(), leaf)[0] if first.requires_grad else 0 * leaf
                )
                results.append((loss, first, second))
            assert_close(results[0], results[1], rtol=1e-15, atol=0)


@exhaustive
@given(vectors(ordinary), positive)
def test_lies_below_its_parabola_and_its_tails(r, threshold):
    slack = 1 + 1e-12
    assert (huber(r, threshold) >= 0).all()
    assert (huber(r, threshold) <= slack * r * r / 2).all()
    assert (huber(r, threshold) <= slack * threshold * r.abs()).all()
    assert (smooth(r, threshold) <= slack * r.abs()).all()
    assert (smooth(r, threshold) >= r.abs() - threshold / 2 - 1e-12).all()


@exhaustive
@given(vectors(ordinary), positive, positive)
def test_scaling_laws(r, threshold, factor):
    assert_close(
        huber(factor * r, threshold), factor**2 * huber(r, threshold / factor), rtol=1e-9, atol=1e-300
    )
    assert_close(
        smooth(factor * r, threshold), factor * smooth(r, threshold / factor), rtol=1e-9, atol=1e-300
    )


@exhaustive
@given(vectors(ordinary), positive)
def test_smooth_l1_is_huber_divided_by_its_threshold(r, threshold):
    assert_close(smooth(r, threshold), huber(r, threshold) / threshold, rtol=1e-12, atol=1e-300)


@exhaustive
@given(vectors(ordinary), positive)
def test_huber_is_the_moreau_envelope_of_the_absolute_value(r, delta):
    """That is, min over u of (r - u)^2 / 2 + delta |u|, reached at the shrunken r."""

    def objective(u):
        return (r - u) ** 2 / 2 + delta * u.abs()

    best = F.softshrink(r, delta)
    assert_close(huber(r, delta), objective(best), rtol=1e-9, atol=1e-12)
    for step in (-0.1, 1e-3, 0.5):
        assert (huber(r, delta) <= objective(best + step) + 1e-12).all()


@exhaustive
@given(vectors(real), vectors(real), positive)
def test_huber_is_convex_with_a_gradient_that_is_1_lipschitz(r, s, delta):
    between = huber((r + s) / 2, delta)
    chord = (huber(r, delta) + huber(s, delta)) / 2
    assert (between <= chord * (1 + 1e-12) + 1e-12).all()
    steps = gradient(lambda r: huber(r, delta), r) - gradient(lambda r: huber(r, delta), s)
    assert (steps.abs() <= (r - s).abs() * (1 + 1e-12) + 5e-324).all()


@exhaustive
@given(vectors(real), vectors(real))
def test_limits(x, y):
    def none(loss, **options):
        return loss(x, y, reduction="none", **options)

    for delta in (1e4, 1e300, math.inf):
        assert_close(none(huber_loss, delta=delta), none(mse_loss) / 2, rtol=1e-15, atol=0)
        assert_close(gradient(lambda x, d=delta: huber_loss(x, y, reduction="none", delta=d), x), x - y)
    assert_close(none(huber_loss, delta=1e-9) / 1e-9, none(l1_loss), rtol=1e-6, atol=1e-9)
    for beta in (0, 0.0, 1e-40, 1e-300):
        assert_close(none(smooth_l1_loss, beta=beta), none(l1_loss), rtol=1e-12, atol=1e-39)
    assert_close(none(smooth_l1_loss, beta=1e9) * 1e9, none(mse_loss) / 2, rtol=1e-12, atol=1e-300)
    assert (none(smooth_l1_loss, beta=math.inf) == 0).all()


@exhaustive
@given(vectors(ordinary), positive, positive)
def test_huber_grows_with_delta(r, smaller, larger):
    smaller, larger = sorted((smaller, larger))
    assert (huber(r, smaller) <= huber(r, larger) * (1 + 1e-12)).all()


@pytest.mark.parametrize("delta", [0.01, 1e6])
def test_best_constant_moves_from_the_median_to_the_mean(delta):
    y = tensor([0.0, 1.0, 2.0, 3.0, 94.0])
    constant = y.median() if delta < 1 else y.mean()
    slope = gradient(lambda c: huber_loss(c.expand(5), y, delta=delta), constant)
    assert abs(slope) <= 1e-2 * delta if delta < 1 else abs(slope) < 1e-12


def test_weighted_mean_divides_by_the_number_of_elements():
    x, y, w = tensor([0.5, 3.0]), tensor([0.0, 0.0]), tensor([4.0, 1.0])
    assert huber_loss(x, y, weight=w) == (4 * 0.125 + 2.5) / 2
    assert huber_loss(x, y, weight=w, reduction="sum") == 4 * 0.125 + 2.5
    assert_close(huber_loss(x, y, weight=w, reduction="none"), tensor([0.5, 2.5]))


def test_mixed_dtypes_promote():
    x, y = torch.tensor([0.5], requires_grad=True), tensor([3.0])
    loss = huber_loss(x, y)
    loss.backward()
    assert loss.dtype == torch.float64
    assert x.grad == -1
    half = huber_loss(torch.tensor([1.0], dtype=torch.float16), torch.tensor([3]))
    assert (half.dtype, half.item()) == (torch.float16, 1.5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
def test_thresholds_beyond_the_range_of_the_dtype(dtype):
    x = torch.tensor([-3.0, 0.0, 0.5], dtype=dtype)
    zero = torch.zeros_like(x)
    for delta in (1e39, 1e308, math.inf):
        for function in (huber_loss, F.huber_loss):
            assert_close(function(x, zero, reduction="none", delta=delta), x * x / 2, rtol=0, atol=0)
        assert_close(gradient(lambda x, d=delta: huber_loss(x, zero, reduction="none", delta=d), x), x)
    for beta in (1e-46, 5e-324):
        for function in (smooth_l1_loss, l1_loss):
            options = {"beta": beta} if function is smooth_l1_loss else {}
            assert_close(function(x, zero, reduction="none", **options), x.abs(), rtol=0, atol=0)
            slope = gradient(lambda x, f=function, o=options: f(x, zero, reduction="none", **o), x)
            assert_close(slope, x.sign(), rtol=0, atol=0)


def test_a_beta_beyond_float32_does_not_make_a_large_loss_vanish():
    x = torch.tensor([1e19])
    assert_close(smooth_l1_loss(x, 0 * x, beta=1e39), torch.tensor(0.05))
    assert_close(gradient(lambda x: smooth_l1_loss(x, 0 * x, beta=1e39), x), torch.tensor([1e-20]))
