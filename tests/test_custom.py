"""The equations of "Writing your own loss"."""

import torch
import torch.nn.functional as F

from tests.formulas import OFF_TARGETS, ONES, YES_NO, N, slope, uniform, vector

NUMBERS = {
    "r": uniform(-4, 4, seed=22),
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


def log_cosh(r):
    return r.cosh().log()


TWINS = {
    "eq-custom-log-cosh": log_cosh,
    "eq-custom-log-cosh-stable": log_cosh,
    "eq-custom-log-cosh-small": log_cosh,
    "eq-custom-quantile": pinball,
    "eq-custom-focal": lambda p, gamma, alpha, y=YES_NO: focal(p.logit(), y, gamma, alpha),
    "eq-custom-focal-stable": lambda gamma, x=OFF_TARGETS: focal(x, ONES, gamma),
    "eq-custom-focal-share": best_focal_share,
}
BROKEN = [
    ("eq-custom-log-cosh-stable", r"e^{-2", r"e^{-"),
    ("eq-custom-log-cosh-small", r"e^{-r / 2}", r"e^{-r}"),
    ("eq-custom-quantile", r"(1 - \tau)", r"(\tau - 1)"),
    ("eq-custom-focal", r"(1 - \alpha)", r"\alpha"),
    ("eq-custom-focal-stable", r"-\gamma s(x)", r"-\gamma s(-x)"),
    ("eq-custom-focal-share", r"h(1 - p)}{", r"h(p)}{"),
]
