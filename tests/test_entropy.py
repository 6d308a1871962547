"""What the equations of the page on entropy are compared with."""

import torch
import torch.nn.functional as F
from torch.distributions import Categorical, kl_divergence

from tests.formulas import C, N, uniform, vector

LABELS = vector(1, 4, 2, 2, 3, 1).repeat(2)  # in formulas the first class is 1
SHARES = LABELS.long().bincount(minlength=C + 1)[1:] / N
TRUTHS, ANSWERS = (uniform(-3, 3, N, C, seed=seed).softmax(dim=1) for seed in (17, 18))
CHANCES = uniform(0.01, 1, N)
NUMBERS = {"p": uniform(-1, 1, C, seed=14).softmax(0), "q": uniform(-1, 1, C, seed=15).softmax(0)}


def divergence(p, q):
    return kl_divergence(Categorical(q), Categorical(p))


TWINS = {
    "eq-entropy-surprise": lambda p=CHANCES: torch.special.entr(p) / p,
    "eq-entropy": lambda q: Categorical(q).entropy(),
    "eq-entropy-cross": lambda p, q: F.cross_entropy(p.log(), q),
    "eq-entropy-kl": divergence,
    "eq-entropy-gibbs": divergence,
    "eq-entropy-labels": lambda p, q=SHARES, y=LABELS: F.nll_loss(p.log().expand(N, C), y.long() - 1),
    "eq-entropy-floor": lambda p=ANSWERS, q=TRUTHS: F.cross_entropy(p.log(), q),
}
BROKEN = [
    ("eq-entropy-gibbs", "- 1 -", "+ 1 -"),
    ("eq-entropy-floor", "H(q_i)", "H(p_i)"),
    ("eq-entropy-kl", r"\frac{q_c}{p_c}", r"\frac{p_c}{q_c}"),
]
