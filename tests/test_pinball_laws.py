"""Pinball and CRPS: their slopes, their ends, and half precision."""

import math

import pytest
import torch
from torch.testing import assert_close

from lossref import crps_ensemble_loss, crps_normal_loss, gaussian_nll_loss, pinball_loss
from tests.formulas import vector
from tests.strategies import gradient, tensor
from tests.test_pinball import PREDICTED, SEEN, crps_normal, pinball


def test_the_best_constant_is_the_quantile():
    y = torch.randn(1001, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    tau = vector(0.1, 0.5, 0.9)
    x, seen = y.view(-1, 1, 1).expand(-1, 1, 3), y.view(1, -1, 1)
    losses = pinball_loss(x, seen, quantile=tau, reduction="none").mean(1)
    assert_close(y[losses.argmin(0)], y.quantile(tau), rtol=0, atol=0)


def test_slopes_are_the_quantile_and_the_rest_of_1_and_at_a_tie_0():
    x, y = vector(0, 1, 2), vector(1, 1, 1)
    for tau in (0.0, 0.1, 0.5, 0.9, 1.0):
        found = gradient(lambda x: pinball_loss(x, y, quantile=tau, reduction="sum"), x)  # noqa: B023
        assert_close(found, vector(-tau, 0, 1 - tau))
    levels = vector(0.1, 0.5, 0.9)
    by_level = gradient(lambda tau: pinball_loss(x, y, quantile=tau, reduction="sum"), levels)
    assert_close(by_level, y - x)


def test_members_that_are_equal_are_left_together():
    x, y = vector(2, 2, 2), tensor(2.0)
    assert_close(gradient(lambda x: crps_ensemble_loss(x, y), x), vector(0, 0, 0))
    below = gradient(lambda x: crps_ensemble_loss(x, y + 1), x)
    assert_close(below, -torch.ones(3).double() / 3)


def test_a_far_off_and_sure_model_gets_a_bounded_slope():
    x, y, s = tensor([0.0]), tensor([1.0]), tensor([1e-3])
    assert_close(gradient(lambda s: crps_normal_loss(x, y, s), s), tensor([-1 / math.sqrt(math.pi)]))
    nll = gradient(lambda s: gaussian_nll_loss(x, y, s**2, eps=1e-12), s)
    assert_close(nll, tensor([-1e9]), rtol=1e-5, atol=0)
    r, s = torch.linspace(-50, 50, 101, dtype=torch.float64), torch.logspace(-8, 3, 60, dtype=torch.float64)
    r, s = (each.flatten() for each in torch.meshgrid(r, s, indexing="ij"))
    zero = torch.zeros_like(r)
    by_std = gradient(lambda s: crps_normal_loss(zero, r, s, reduction="sum"), s)
    assert -0.57 < by_std.min() < -0.56
    assert 0.23 < by_std.max() < 0.24
    assert gradient(lambda x: crps_normal_loss(x, r, s, reduction="sum"), zero).abs().max() <= 1
    least = s * (math.sqrt(2) - 1) / math.sqrt(math.pi)
    assert (crps_normal_loss(zero, r, s, reduction="none") >= 0.999999 * least).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_deviation_of_almost_or_exactly_nothing(dtype):
    r = torch.tensor([0.0, 1.0, -3.0, 1e20, -1e20, 1e-30, math.inf], dtype=dtype)
    for deviation in (0.0, torch.finfo(dtype).tiny, 1e-30, 1e-20):
        s = torch.full_like(r, deviation)
        zero = torch.zeros_like(r)
        assert_close(crps_normal_loss(zero, r, s, reduction="none"), r.abs(), rtol=1e-6, atol=1e-19)
        slope = gradient(lambda x: crps_normal_loss(x, r, s, reduction="sum"), zero)  # noqa: B023
        sure = r.abs() > 40 * s
        assert_close(slope[sure], -r.sign()[sure], rtol=1e-6, atol=0)
        by_std = gradient(lambda s: crps_normal_loss(zero, r, s, reduction="sum"), s)  # noqa: B023
        assert_close(by_std[sure], torch.full_like(by_std[sure], -1 / math.sqrt(math.pi)))
        assert_close(by_std[0].item(), (math.sqrt(2) - 1) / math.sqrt(math.pi), rtol=1e-6, atol=0)
    naive = crps_normal(tensor([0.0]), tensor([0.0]), tensor([0.0]))
    assert naive.isnan()  # if not, the docstring is out of date


def test_float32_keeps_the_share_of_a_small_quantile():
    x, y, tau = torch.zeros(1), torch.ones(1), 1e-8
    assert pinball_loss(x, y, quantile=tau) == torch.tensor(tau)
    assert (tau - 0.5) * (y - x) + 0.5 * (y - x).abs() == 0  # a tilt of the L1 loss has nothing left of it


def test_a_target_that_is_infinite_costs_what_it_should():
    far = tensor([math.inf, -math.inf])
    assert pinball_loss(torch.zeros(2).double(), far, quantile=0.9, reduction="none").eq(math.inf).all()
    slope = gradient(lambda x: pinball_loss(x, far, quantile=0.9, reduction="sum"), torch.zeros(2).double())
    assert_close(slope, vector(-0.9, 0.1))


def test_float32_is_as_near_as_it_can_be():
    s = torch.logspace(-6, 6, 300, dtype=torch.float64)
    for z in (0.0, 0.5, -3.0, 6.0, -30.0, 39.0, 41.0, 1e6):
        truth = crps_normal(torch.zeros_like(s), z * s, s, reduction="none")
        found = crps_normal_loss(torch.zeros(300), (z * s).float(), s.float(), reduction="none")
        assert_close(found.double(), truth, rtol=1e-6, atol=0)


def test_quantiles_in_columns_divide_the_mean_by_all_of_them():
    x, tau = PREDICTED.view(4, 3), vector(0.1, 0.5, 0.9)
    y = SEEN[:4].unsqueeze(1)
    columns = [pinball_loss(x[:, [k]], y, quantile=tau[k]) for k in range(3)]
    assert_close(pinball_loss(x, y, quantile=tau), torch.stack(columns).mean())
    assert_close(
        pinball_loss(x.float(), y.float(), quantile=tau.float()), torch.stack(columns).mean().float()
    )


def test_a_quantile_of_float32_keeps_half_precision_from_rounding_in_between():
    x, y = PREDICTED.half(), SEEN.half()
    found = pinball_loss(x, y, quantile=torch.tensor(0.9))
    assert found.dtype == torch.float32
    assert_close(found.double(), pinball(x.double(), y.double(), quantile=0.9), rtol=1e-6, atol=0)


def test_no_element_has_no_mean():
    none = torch.zeros(0)
    assert pinball_loss(none, none).isnan()
    assert pinball_loss(none, none, reduction="sum") == 0
    assert crps_normal_loss(none, none, none).isnan()
    assert crps_ensemble_loss(torch.zeros(0, 3), none).isnan()
