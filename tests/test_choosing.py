"""The equations of "Choosing a loss"."""

import torch

from tests.formulas import C, halved, uniform, vector

NUMBERS = {
    "epsilon": 0.1,
    "a": vector(1, 1, 2),  # what a false alarm costs
    "m": vector(1, 19, 3),  # and a miss
}
CLASSES = uniform(-1, 1, C, seed=15).softmax(0)
TWINS = {
    # the probability at which an alarm costs as much as none
    "eq-choosing-threshold": lambda a, m: halved(0 * a, 0 * a + 1, lambda p: p * m <= (1 - p) * a),
    "eq-choosing-noise": lambda epsilon, q=CLASSES: torch.lerp(q, q.mean(), epsilon),
}
BROKEN = [
    ("eq-choosing-threshold", "a + m", "m"),
    ("eq-choosing-noise", r"(1 - \varepsilon)", r"(1 + \varepsilon)"),
]
