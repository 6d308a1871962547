"""The equations of "Choosing a loss"."""

import torch
import torch.nn.functional as F

from tests import formulas
from tests.formulas import C, N, halved, uniform, vector

NUMBERS = {
    "p": uniform(0.01, 0.99, N, seed=12),
    "q": uniform(0, 1, N, seed=13),
    "epsilon": 0.1,
    "a": vector(1, 1, 2),  # what a false alarm costs
    "m": vector(1, 19, 3),  # and a miss
}
CLASSES = uniform(-1, 1, C, seed=15).softmax(0)
SQUARES = F.mse_loss(formulas.NUMBERS["x"], formulas.NUMBERS["y"], reduction="none")
SPREAD = (formulas.NUMBERS["y"].mean() - formulas.NUMBERS["y"]) ** 2


def expected_square(p, q):
    """Return the mean squared error of a report p of an event with probability q."""
    yes, no = (F.mse_loss(p, torch.full_like(p, y), reduction="none") for y in (1, 0))
    return q * yes + (1 - q) * no


TWINS = {
    "eq-choosing-skill": lambda x, y, ell=SQUARES, k=SPREAD: 1 - F.mse_loss(x, y) / y.var(correction=0),
    # the probability at which an alarm costs as much as none
    "eq-choosing-threshold": lambda a, m: halved(0 * a, 0 * a + 1, lambda p: p * m <= (1 - p) * a),
    "eq-choosing-noise": lambda epsilon, q=CLASSES: torch.lerp(q, q.mean(), epsilon),
    "eq-choosing-brier": expected_square,
}
