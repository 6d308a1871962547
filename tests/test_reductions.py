"""The equations of "Reductions and weights"."""

import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence

from lossref._reduction import reduce
from tests import formulas
from tests.formulas import uniform

MICRO = torch.tensor([5, 4, 3])  # sizes of micro-batches, N in all
SQUARES = F.mse_loss(formulas.NUMBERS["x"], formulas.NUMBERS["y"], reduction="none")
NUMBERS = {
    "ell": SQUARES,
    "n": MICRO.double(),
    "m": torch.stack([part.mean() for part in SQUARES.split(MICRO.tolist())]),
    "g": uniform(-1, 1, 3, 5, seed=17),
    "mu": uniform(-1, 1, 3, seed=18),
    "sigma": uniform(0.5, 2, 3, seed=19),
}
TWINS = {
    "eq-reductions-mean": lambda x, y, ell: F.mse_loss(x, y),
    "eq-reductions-divisor": lambda ell, w, D=7.0: reduce(w * ell, "mean", divisor=torch.tensor(D)),
    "eq-reductions-weighted": lambda x, y, ell, w: F.mse_loss(x, y, weight=w),
    "eq-reductions-factor": lambda x, y, ell, w: F.huber_loss(x, y, weight=w, delta=1e9) * 2,
    "eq-reductions-kl": lambda mu, sigma, J=3: kl_divergence(
        Normal(mu, sigma), Normal(0 * mu, 1 + 0 * mu)
    ).sum(),
    "eq-reductions-split": lambda x, y, ell, n, m, K=3: F.mse_loss(x, y),
    "eq-reductions-ddp": lambda g, R=3: g.mean(dim=0),
    "eq-reductions-factor-ddp": lambda n, R=3: n / n.mean(),
}
