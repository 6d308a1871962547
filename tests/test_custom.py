"""The equations of "Writing your own loss"."""

import torch
import torch.nn.functional as F

from tests.formulas import OFF_TARGETS, ONES, YES_NO, N, slope, uniform, vector

NUMBERS = {
    "tau": vector(0.3).squeeze(),
    "gamma": vector(1.5).squeeze(),
    "alpha": vector(0.25).squeeze(),
    "p": uniform(0.02, 0.98, N, seed=21),
}


def pinball(x, y, tau):
    """Return the quantile loss: what is too low costs tau, what is too high 1 - tau."""
    return torch.where(x < y, tau, 1 - tau) * F.l1_loss(x, y, reduction="none")


def focal(x, y, gamma, alpha=None):
    """Return the focal loss of logits, for labels that are 0 or 1."""
    truth = (x * (2 * y - 1)).sigmoid()
    weight = 1 if alpha is None else torch.where(y == 1, alpha, 1 - alpha)
    bce = F.binary_cross_entropy_with_logits(x, y, reduction="none")
    return weight * (1 - truth) ** gamma * bce


def best_focal_share(p, gamma):
    """Return the share of positives for which p is the stationary report under the focal loss."""
    yes, no = (slope(focal, p.logit(), y, gamma=gamma) for y in (ONES, 1 - ONES))
    return no / (no - yes)


TWINS = {
    "eq-custom-log-cosh": lambda x, y: (x - y).cosh().log(),
    "eq-custom-log-cosh-gradient": lambda x, y: (x - y).tanh(),
    "eq-custom-log-cosh-stable": lambda x, y: (x - y).cosh().log(),
    "eq-custom-log-cosh-small": lambda x, y: (x - y).cosh().log(),
    "eq-custom-quantile": pinball,
    "eq-custom-quantile-gradient": lambda y, tau, x=OFF_TARGETS: slope(pinball, x, y, tau=tau),
    "eq-custom-focal": lambda gamma, alpha, x=OFF_TARGETS, y=YES_NO: focal(x, y, gamma, alpha),
    "eq-custom-focal-stable": lambda gamma, x=OFF_TARGETS, y=YES_NO: focal(x, y, gamma),
    "eq-custom-focal-gradient": lambda gamma, alpha=1, x=OFF_TARGETS, y=ONES: slope(focal, x, y, gamma=gamma),
    "eq-custom-focal-share": best_focal_share,
}
BROKEN = [
    ("eq-custom-log-cosh-stable", r"e^{-2", r"e^{-"),
    ("eq-custom-quantile", r"(\tau - 1)", r"(1 - \tau)"),
    ("eq-custom-focal", r"(1 - \alpha)", r"\alpha"),
    ("eq-custom-focal-gradient", r"+ p - 1", r"- p + 1"),
    ("eq-custom-focal-share", r"h(1 - p)}{", r"h(p)}{"),
]
