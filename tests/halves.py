"""The elementwise losses and their slopes in float64, and the values of half precision that they take."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

import lossref

# The loss, its slope, and the size of the terms whose difference the slope is; of the loss too, if it is one.
Truth = tuple[Tensor, Tensor, Tensor] | tuple[Tensor, Tensor, Tensor, Tensor]
Formula = Callable[[Tensor, Tensor], Truth]


def l1(x: Tensor, y: Tensor) -> Truth:
    r = x - y
    return r.abs(), r.sign(), r.sign()


def l2(x: Tensor, y: Tensor) -> Truth:
    r = x - y
    return r**2, 2 * r, r


def huber(delta: float) -> Formula:
    def formula(x: Tensor, y: Tensor) -> Truth:
        r = x - y
        inside = r.abs() < delta
        value = torch.where(inside, r**2 / 2, delta * (r.abs() - delta / 2))
        return value, torch.where(inside, r, delta * r.sign()), r

    return formula


def smooth_l1(beta: float) -> Formula:
    def formula(x: Tensor, y: Tensor) -> Truth:
        value, slope, scale = huber(beta)(x, y)
        return value / beta, slope / beta, scale / beta

    return formula


def log_cosh(x: Tensor, y: Tensor) -> Truth:
    r = x - y
    near = (-r.tanh().square()).log1p() / -2
    return torch.where(r.abs() < 1, near, torch.logaddexp(r, -r) - math.log(2)), r.tanh(), r.tanh()


def pseudo_huber(x: Tensor, y: Tensor) -> Truth:
    r = x - y
    root = (1 + (r / 0.3) ** 2).sqrt()
    value, slope = r**2 / (root + 1), r / root
    return value, slope, 1.5 * slope, 1.5 * value  # each is rounded as a quotient, a root and a quotient


def charbonnier(x: Tensor, y: Tensor) -> Truth:
    r = x - y
    root = (r**2 + 1e-6).sqrt()
    return root, r / root, r / root


def geman_mcclure(x: Tensor, y: Tensor) -> Truth:
    r = x - y
    slope = r / (1 + r**2 / 4) ** 2
    return r**2 / 2 / (1 + r**2 / 4), slope, slope * (1 + 2 * (r**2 / 4).log1p())  # by a logarithm


def bce(p: Tensor, y: Tensor) -> Truth:
    yes, no = p.log().clamp(min=-100), (-p).log1p().clamp(min=-100)
    spread = (p * (1 - p)).clamp(min=1e-12)
    return -(y * yes + (1 - y) * no), (p - y) / spread, (y * (1 - p) + (1 - y) * p) / spread


def bce_with_logits(x: Tensor, y: Tensor) -> Truth:
    zero = torch.zeros_like(x)
    value = y * torch.logaddexp(zero, -x) + (1 - y) * torch.logaddexp(zero, x)
    right, wrong = y * (-x).sigmoid(), (1 - y) * x.sigmoid()
    return value, wrong - right, wrong + right


def poisson(x: Tensor, y: Tensor) -> Truth:
    return x.exp() - y * x, x.exp() - y, x.exp() + y, x.exp() + (y * x).abs()


def poisson_of_rates(x: Tensor, y: Tensor) -> Truth:
    log = (x + 1e-8).log()
    slope = y / (x + 1e-8)
    return x - y * log, 1 - slope, 1 + slope, x + y * (1 + log.abs())


def gaussian(x: Tensor, y: Tensor) -> Truth:
    value, constant = 2 * (x - y) ** 2, math.log(0.25) / 2
    return value + constant, 4 * (x - y), x - y, value - constant


def kl(x: Tensor, y: Tensor) -> Truth:
    log = torch.where(y == 0, 1.0, y).log()
    return y * (log - x), -y, y, y * (log.abs() + x.abs())


def kl_of_logs(x: Tensor, y: Tensor) -> Truth:
    return y.exp() * (y - x), -y.exp(), y.exp(), y.exp() * (y.abs() + x.abs())


def soft_margin(x: Tensor, y: Tensor) -> Truth:
    value, slope, scale = bce_with_logits(x, (1 + y) / 2)
    return value, slope, scale


def focal(gamma: float) -> Formula:
    def formula(x: Tensor, y: Tensor) -> Truth:
        zero = torch.zeros_like(x)
        up, down = torch.logaddexp(zero, x), torch.logaddexp(zero, -x)  # -log of 1 - p, and of p
        yes, no = y * (-gamma * up).exp(), (1 - y) * (-gamma * down).exp()
        value = yes * down + no * up
        slopes = (
            yes * (gamma * x.sigmoid() * down + (-x).sigmoid()),
            no * (gamma * (-x).sigmoid() * up + x.sigmoid()),
        )
        rounds = 1.5 + gamma * x.abs()  # of an exponential, its exponent
        return value, slopes[1] - slopes[0], rounds * (slopes[0] + slopes[1]), rounds * value

    return formula


def ranking(x: Tensor, y: Tensor, reduction: str) -> Tensor:
    return lossref.margin_ranking_loss(x, y, -torch.ones_like(x), reduction=reduction)


def above(x: Tensor, y: Tensor) -> Truth:
    r = x - y
    return r.clamp(min=0), 1.0 * (r >= 0), r, r


def hinge(x: Tensor, y: Tensor) -> Truth:
    short = torch.where(y == 1, x, (1 - x).clamp(min=0))
    return short, torch.where(y == 1, 1.0, -1.0 * (x <= 1)), x, short


def pinball(tau: float) -> Formula:
    def formula(x: Tensor, y: Tensor) -> Truth:
        r = y - x
        slope = torch.where(r > 0, -tau, 1 - tau).where(r != 0, 0.0)
        return torch.where(r > 0, tau * r, (tau - 1) * r), slope, torch.ones_like(r)

    return formula


def crps_normal(x: Tensor, y: Tensor, reduction: str) -> Tensor:
    return lossref.crps_normal_loss(x, y, torch.full_like(x, 0.25), reduction=reduction)


def crps(x: Tensor, y: Tensor) -> Truth:
    r = y - x
    z = 4 * r
    bell = (-(z**2) / 2).exp() * math.sqrt(2 / math.pi) - 1 / math.sqrt(math.pi)
    value = r * torch.erf(z / math.sqrt(2)) + bell / 4
    return value, -torch.erf(z / math.sqrt(2)), torch.ones_like(r), r.abs() + 1


def everything(values: Tensor) -> Tensor:
    return values


def between_0_and_1(values: Tensor) -> Tensor:
    return values[(values >= 0) & (values <= 1)]


def signs(values: Tensor) -> Tensor:
    return values[values.abs() == 1]


def not_negative(values: Tensor) -> Tensor:
    return values[(values >= 0) & (values <= 1e30)]  # its product with 1e4 is finite in float32


def moderate(values: Tensor) -> Tensor:
    return values[values.abs() <= 1e4]  # its square is finite in float32, and its exponential, or it is inf


def log_probabilities(values: Tensor) -> Tensor:
    return values[(values <= 0) & (values >= -80)]  # below, float32 has nothing left of the probability


class Row(NamedTuple):
    """A loss, its formula in float64, and which values its input and its target may have."""

    loss: Any
    options: dict[str, Any]
    formula: Formula
    inputs: Callable[[Tensor], Tensor] = everything
    targets: Callable[[Tensor], Tensor] = everything
    after: float = 1  # a factor that comes after the last rounding

    def __str__(self) -> str:
        return f"{self.loss.__name__} {self.options}"


TABLE = [
    Row(lossref.l1_loss, {}, l1),
    Row(lossref.mse_loss, {}, l2),
    Row(lossref.huber_loss, {}, huber(1.0)),
    Row(lossref.huber_loss, {"delta": 0.3}, huber(0.3)),
    Row(lossref.smooth_l1_loss, {"beta": 0.3}, smooth_l1(0.3)),
    Row(lossref.smooth_l1_loss, {"beta": 1e4}, smooth_l1(1e4)),
    Row(lossref.log_cosh_loss, {}, log_cosh),
    Row(lossref.pseudo_huber_loss, {"delta": 0.3}, pseudo_huber),
    Row(lossref.charbonnier_loss, {}, charbonnier),
    Row(lossref.general_robust_loss, {"alpha": -2.0}, geman_mcclure, after=4),
    Row(lossref.binary_cross_entropy, {}, bce, between_0_and_1, between_0_and_1),
    Row(lossref.binary_cross_entropy_with_logits, {}, bce_with_logits, everything, between_0_and_1),
    Row(lossref.poisson_nll_loss, {}, poisson, moderate, not_negative),
    Row(lossref.poisson_nll_loss, {"log_input": False}, poisson_of_rates, not_negative, not_negative),
    Row(lossref.gaussian_nll_loss, {"var": 0.25}, gaussian, moderate, moderate),
    Row(lossref.kl_div, {}, kl, everything, between_0_and_1),
    Row(lossref.kl_div, {"log_target": True}, kl_of_logs, everything, log_probabilities),
    Row(lossref.soft_margin_loss, {}, soft_margin, everything, signs),
    Row(lossref.hinge_embedding_loss, {}, hinge, everything, signs),
    Row(ranking, {}, above),
    Row(lossref.sigmoid_focal_loss, {}, focal(2.0), moderate, between_0_and_1),
    Row(lossref.sigmoid_focal_loss, {"gamma": 0.5}, focal(0.5), moderate, between_0_and_1),
    Row(lossref.pinball_loss, {"quantile": 0.9}, pinball(0.9)),
    Row(crps_normal, {}, crps),
]
