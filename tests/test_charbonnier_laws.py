"""What is true of the smooth robust losses: their digits, what they are to each other, edges."""

import math
from functools import partial

import pytest
import torch
from hypothesis import given
from torch.distributions import Cauchy
from torch.testing import assert_close

from lossref import (
    charbonnier_loss,
    general_robust_loss,
    huber_loss,
    l1_loss,
    log_cosh_loss,
    mse_loss,
    pseudo_huber_loss,
)
from tests.errors import X, Y, ones
from tests.formulas import RESIDUALS
from tests.strategies import exhaustive, gradient, ordinary, positive, tensor, vectors
from tests.test_charbonnier import general_robust, of

FAR = [1e-10, 1e-6, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 0.999, 1.0, 1.5, 3.0, 30.0, 100.0, 1e4, 1e18]
EXACT = {
    "log-cosh": (of(log_cosh_loss), lambda r: (-r.tanh().square()).log1p() / -2, 3.0),
    "pseudo-Huber": (of(pseudo_huber_loss), lambda r: r**2 / ((1 + r**2).sqrt() + 1), 1e18),
    "Charbonnier": (of(charbonnier_loss), lambda r: (r**2 + 1e-6).sqrt(), 1e18),
    "Cauchy": (of(general_robust_loss, alpha=0), lambda r: (r**2 / 2).log1p(), 1e18),
    "Geman-McClure": (of(general_robust_loss, alpha=-2), lambda r: 2 * r**2 / (r**2 + 4), 1e4),
    "Welsch": (of(general_robust_loss, alpha=-math.inf), lambda r: -(-(r**2) / 2).expm1(), 3.0),
    "almost Cauchy": (
        of(general_robust_loss, alpha=1e-6),
        lambda r: (2 - 1e-6) / 1e-6 * (5e-7 * (r**2 / (2 - 1e-6)).log1p()).expm1(),
        1e18,
    ),
    "almost L2": (
        of(general_robust_loss, alpha=1.999),
        lambda r: abs(1.999 - 2) / 1.999 * (1.999 / 2 * (r**2 / abs(1.999 - 2)).log1p()).expm1(),
        1e4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_keeps_its_digits_in_float32(name):
    """The value and the slope to 6 digits, the second derivative to 6 of what it is at its largest."""
    loss, exact, last = EXACT[name]
    r = torch.tensor([each for each in FAR if each <= last])
    found, true = [], []
    for function, at, each in ((loss, r, found), (exact, r.double(), true)):
        at = at.clone().requires_grad_()
        value = function(at)
        (slope,) = torch.autograd.grad(value.sum(), at, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), at)
        each += [value.detach().double(), slope.detach().double(), bend.double()]
    assert_close(found[:2], true[:2], rtol=3e-6, atol=2e-38)
    assert_close(found[2], true[2], rtol=3e-6, atol=1e-6 * true[2].abs().max())


def test_the_formulas_as_they_stand_do_not():
    r = torch.tensor([1e-4])
    assert r.cosh().log() == 0
    assert r.abs() + (-2 * r.abs()).exp().log1p() - math.log(2) == 0
    assert (1 + r**2).sqrt() - 1 == 0
    assert_close(log_cosh_loss(r, 0 * r).item(), 5e-9, rtol=1e-6, atol=0)
    assert (100 * ones()).cosh().log() == math.inf
    alpha, z = 1e-6, torch.tensor(1.0)
    off = general_robust(z, 0 * z, alpha=alpha) / general_robust_loss(z, 0 * z, alpha=alpha) - 1
    assert off.abs() > 0.05


def test_half_precision_keeps_its_eps():
    zero = torch.zeros(3, dtype=torch.float16)
    assert gradient(lambda r: charbonnier_loss(r, zero, eps=1e-4), zero).tolist() == [0, 0, 0]
    assert gradient(lambda r: (r**2 + torch.tensor(1e-4).half() ** 2).sqrt(), zero).isnan().all()
    assert pseudo_huber_loss(zero + 300, zero) == 299


# ---- What they are to each other, and to the rest

R = torch.cat([RESIDUALS, torch.linspace(-10, 10, 401, dtype=torch.float64)])


@exhaustive
@given(vectors(ordinary), positive)
def test_the_family_contains_the_others(r, c):
    def family(alpha, scale=c):
        return of(general_robust_loss, alpha=alpha, scale=scale)(r)

    near = partial(assert_close, rtol=1e-9, atol=1e-12)
    near(family(2), of(mse_loss)(r) / 2 / c**2)
    near(family(1), of(pseudo_huber_loss, delta=c)(r) / c**2)
    density = -Cauchy(tensor(0.0), tensor(1.0)).log_prob(r / c)
    near(family(0, c * math.sqrt(0.5)), density - math.log(math.pi))
    near(family(-1e12), family(-math.inf), rtol=1e-6)
    near(family(1e-14), family(0), rtol=1e-6)
    near(family(2 - 1e-13), family(2), rtol=1e-6)


@exhaustive
@given(vectors(ordinary), positive)
def test_pseudo_huber_is_charbonnier_less_its_floor(r, eps):
    near = of(charbonnier_loss, eps=eps)(r) - eps
    assert_close(of(pseudo_huber_loss, delta=eps)(r) / eps, near, rtol=1e-6, atol=1e-12 * (1 + eps))
    assert_close(of(charbonnier_loss, eps=eps)(0 * r), torch.full_like(r, eps))


def test_between_half_of_l2_and_huber_and_l1():
    half, huber, l1 = of(mse_loss)(R) / 2, of(huber_loss)(R), of(l1_loss)(R)
    log_cosh, pseudo = of(log_cosh_loss)(R), of(pseudo_huber_loss)(R)
    assert ((pseudo >= 0) & (pseudo <= log_cosh) & (log_cosh <= huber) & (huber <= half)).all()
    gap = huber - log_cosh
    assert_close(gap.max(), tensor(math.log(2) - 0.5), rtol=0, atol=1e-6)
    assert 0.4 < (huber - pseudo).max() < 0.5
    assert ((l1 - log_cosh) <= math.log(2)).all()
    assert ((of(charbonnier_loss)(R) - l1 >= 0) & (of(charbonnier_loss)(R) - l1 <= 1e-3)).all()


def test_limits():
    assert_close(of(pseudo_huber_loss, delta=math.inf)(R), of(mse_loss)(R) / 2)
    assert_close(of(pseudo_huber_loss, delta=1e-9)(R) / 1e-9, of(l1_loss)(R), rtol=1e-6, atol=1e-8)
    assert_close(of(charbonnier_loss, eps=1e-300)(R), of(l1_loss)(R))
    assert_close(of(general_robust_loss, alpha=math.inf)(R / 4), (R**2 / 32).expm1())


@exhaustive
@given(vectors(ordinary))
def test_grows_with_alpha_and_begins_as_half_the_square(r):
    order = (-math.inf, -1e9, -2.0, -0.5, -1e-9, 0.0, 1e-9, 1.0, 1.5, 2.0)
    values = torch.stack([of(general_robust_loss, alpha=alpha)(r) for alpha in order])
    assert (values.diff(dim=0) >= -1e-6 * values[1:]).all()
    assert (values[:4].amax(1) <= tensor([1.0, 1.0 + 3e-9, 2.0, 5.0])).all()  # b / |alpha|


@pytest.mark.parametrize("loss", [log_cosh_loss, pseudo_huber_loss, general_robust_loss])
def test_at_zero_nothing_pulls_and_the_curvature_is_1(loss):
    zero = tensor([0.0]).requires_grad_()
    value = of(loss)(zero)
    (slope,) = torch.autograd.grad(value, zero, create_graph=True)
    assert (value.item(), slope.item(), torch.autograd.grad(slope, zero)[0].item()) == (0, 0, 1)


@pytest.mark.parametrize("alpha", [0.5, 0.0, -2.0, -30.0])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_below_1_far_errors_let_go(alpha, scale):
    steep = scale * math.sqrt((2 - alpha) / (1 - alpha))
    pull = gradient(of(general_robust_loss, alpha=alpha, scale=scale), steep * tensor([0.9, 1.0, 1.1, 100.0]))
    assert pull[0] < pull[1] > pull[2] > pull[3]


@exhaustive
@given(vectors(ordinary), positive)
def test_the_slope_has_a_bound(r, unit):
    for loss, bound in (
        (of(log_cosh_loss), 1),
        (of(pseudo_huber_loss, delta=unit), unit),
        (of(charbonnier_loss, eps=unit), 1),
        (of(general_robust_loss, scale=unit), 1 / unit),
    ):
        assert (gradient(loss, r).abs() <= bound * (1 + 1e-12)).all()


# ---- Edges


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64], ids=str)
def test_options_beyond_the_range_of_the_dtype(dtype):
    r = torch.tensor([-3.0, 0.0, 0.5], dtype=dtype)
    for delta in (1e39, 1e300, math.inf):
        assert_close(of(pseudo_huber_loss, delta=delta)(r), r * r / 2)
        assert_close(gradient(of(pseudo_huber_loss, delta=delta), r), r)
    for tiny in (1e-46, 5e-324):
        assert_close(of(charbonnier_loss, eps=tiny)(r), r.abs())
        assert_close(gradient(of(charbonnier_loss, eps=tiny), r), r.sign())
        assert (of(pseudo_huber_loss, delta=tiny)(r) <= 1e-37).all()
        assert gradient(of(pseudo_huber_loss, delta=tiny), r).isfinite().all()
        welsch = of(general_robust_loss, alpha=-math.inf, scale=tiny)
        assert welsch(r).tolist() == [1, 0, 1]
    assert of(charbonnier_loss, eps=1e39)(r).isfinite().all() == (dtype != torch.float16)
    for alpha, limit in ((1e-300, 0), (-1e-300, 0), (-1e300, -math.inf)):
        loss = of(general_robust_loss, alpha=alpha)
        assert_close(loss(r), of(general_robust_loss, alpha=limit)(r))
        assert gradient(loss, r).isfinite().all()


def test_an_infinite_error_costs_what_it_may():
    r = tensor([-math.inf, math.inf])
    assert of(log_cosh_loss)(r).tolist() == of(charbonnier_loss)(r).tolist() == [math.inf] * 2
    assert gradient(of(log_cosh_loss), r).tolist() == [-1, 1]
    for alpha, most in ((0, math.inf), (-2, 2), (-math.inf, 1)):
        assert of(general_robust_loss, alpha=alpha)(r).tolist() == [most] * 2


@pytest.mark.parametrize("loss", [log_cosh_loss, pseudo_huber_loss, charbonnier_loss, general_robust_loss])
def test_shapes_that_differ_warn_where_the_caller_stands(loss):
    with pytest.warns(UserWarning, match="Using a target size") as caught:
        assert loss(X, ones(3), reduction="none").shape == (2, 3)
    assert [warning.filename for warning in caught] == [__file__]
    assert loss(X.int(), Y.int()).dtype == torch.float32
    assert loss(X[:0], Y[:0], reduction="sum") == 0
    assert loss(X[:0], Y[:0]).isnan()


def test_the_place_of_90_good_values_and_10_bad():
    """The values of the survey: the further the losses let go, the less the ten move the answer."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(100, generator=generator, dtype=torch.float64)
    y = torch.cat([noise[:90], 10 + noise[90:] / 10])
    grid = torch.linspace(-1, 2, 3001, dtype=torch.float64)

    def place(loss):
        return grid[loss(grid[:, None] - y).mean(1).argmin()].item()

    shapes = [place(of(general_robust_loss, alpha=alpha)) for alpha in (2, 1, 0, -2, -math.inf)]
    assert shapes[0] > 0.9
    assert max(abs(place - y[:90].mean()) for place in shapes[2:]) < 0.15 < shapes[1] - y[:90].mean() < 0.5
    assert place(of(log_cosh_loss)) < shapes[1]
