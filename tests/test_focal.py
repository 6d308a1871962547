# ruff: noqa: E501 - a row of the errors is a line
"""The formulas and the errors of the focal losses; what is true of them stands in `test_focal_laws.py`."""

import math

import torch
import torch.nn.functional as F

from tests.errors import Row, X, Y, index, ones
from tests.formulas import slope, uniform, vector

SIGMOID, SOFTMAX = "sigmoid_focal_loss", "focal_loss"
LOGITS, LABELS = uniform(-5, 5, 12), vector(0, 1, 0.3, 1).repeat(3)
SCORES, WEIGHTS = uniform(-3, 3, 4, seed=1), uniform(0.5, 2, 4, seed=2)

# In the formula classes are numbered from 1.
CASES = {
    SIGMOID: [
        {"x": LOGITS, "y": LABELS, "gamma": 2.0, "alpha_1": 1, "alpha_0": 1},
        {"x": LOGITS, "y": LABELS, "gamma": 5.0, "alpha_1": 1, "alpha_0": 1},
        {"x": LOGITS, "y": LABELS, "gamma": 0.5, "alpha": 0.25, "alpha_1": 0.25, "alpha_0": 0.75},
        {"x": LOGITS, "y": LABELS, "gamma": 0, "alpha": 0.9, "alpha_1": 0.9, "alpha_0": 0.1},
    ],
    SOFTMAX: [
        {"x": SCORES, "C": 4, "w": WEIGHTS, "y": c + 1, "target": torch.tensor(c), "gamma": g}
        for c, g in ((0, 2.0), (1, 0.5), (3, 0.0), (2, 5.0))
    ],
}  # fmt: skip
MUTANTS = [
    (SIGMOID, r"(1 - p)^\gamma", r"p^\gamma"),
    (SIGMOID, r"(1 - p)^\gamma", r"(1 - p)"),
    (SIGMOID, r"p^\gamma \log(1 - p)", r"\log(1 - p)"),
    (SIGMOID, r"\alpha_0 (1 - y)", r"\alpha_1 (1 - y)"),
    (SIGMOID, r"\alpha_0 (1 - y)", r"(1 - \alpha_0 y)"),
    (SIGMOID, r"1 + e^{-x}", r"1 + e^x"),
    (SOFTMAX, r"(1 - p_y)^\gamma", r"(1 - p_y^\gamma)"),
    (SOFTMAX, r"(1 - p_y)^\gamma", r"p_y^\gamma"),
    (SOFTMAX, r"-w_y", r"-w_1"),
    (SOFTMAX, r"e^{x_y}", r"e^{x_1}"),
    (SOFTMAX, r"j=1", r"j=2"),
]


def reduced(loss, reduction, divisor):
    return loss if reduction == "none" else loss.sum() / (divisor if reduction == "mean" else 1)


def sigmoid_oracle(input, target, *, gamma=2.0, alpha=None, reduction="mean"):
    yes, no = (1 + input.exp()) ** -gamma, (1 + (-input).exp()) ** -gamma
    yes, no = -target * yes * F.logsigmoid(input), (target - 1) * no * F.logsigmoid(-input)
    loss = yes + no if alpha is None else alpha * yes + (1 - alpha) * no
    return reduced(loss, reduction, loss.numel())


def softmax_oracle(input, target, weight=None, *, gamma=2.0, ignore_index=-100, reduction="mean"):
    dim = min(1, input.dim() - 1)
    log_p = -F.cross_entropy(input, target, reduction="none", ignore_index=ignore_index)
    kept = (target != ignore_index).double()
    counts = kept if weight is None else kept * weight[torch.where(kept > 0, target, 0)]
    p = input.softmax(dim).gather(dim, torch.where(kept > 0, target, 0).unsqueeze(dim)).squeeze(dim)
    return reduced(-counts * (1 - p) ** gamma * log_p, reduction, counts.sum())


ORACLES = {SIGMOID: sigmoid_oracle, SOFTMAX: softmax_oracle}

PROBABILITIES = uniform(0.05, 0.95, 12, seed=3)


def slope_at(p, y, gamma):
    return slope(sigmoid_oracle, p.logit(), y + 0 * p, gamma=gamma, reduction="sum")


def balanced(p, gamma):
    """The share of yes at which the pulls of both sides cancel."""
    yes, no = slope_at(p, 1, gamma), slope_at(p, 0, gamma)
    return no / (no - yes)


TWINS = {
    "eq-focal": lambda p=PROBABILITIES, gamma=2.0: sigmoid_oracle(
        p.logit(), p**0, gamma=gamma, reduction="none"
    ),
    "eq-focal-gradient": lambda p=PROBABILITIES, gamma=1.5: slope_at(p, 1, gamma),
    "eq-focal-truth": lambda p=PROBABILITIES, gamma=2.0: balanced(p, gamma),
    "eq-focal-sigmoid": lambda x=LOGITS, y=LABELS, gamma=0.5, alpha_1=0.25, alpha_0=0.75: sigmoid_oracle(
        x, y, gamma=gamma, alpha=alpha_1, reduction="none"
    ),
    "eq-focal-softmax": lambda x=SCORES, y=3, w=WEIGHTS, gamma=2.0: softmax_oracle(
        x, torch.tensor(y - 1), w, gamma=gamma, reduction="none"
    ),
}
BROKEN = [
    ("eq-focal", r"(1 - p)^\gamma", r"p^\gamma"),
    ("eq-focal-gradient", r"\gamma p \log p", r"\gamma \log p"),
    ("eq-focal-gradient", r"+ p - 1", r"+ 1 - p"),
    ("eq-focal-truth", r"{s(1 - p)}", r"{s(p)}"),
    ("eq-focal-sigmoid", r"\alpha_0 (1 - y)", r"\alpha_1 (1 - y)"),
    ("eq-focal-softmax", r"-w_y", r"-w_1"),
]

SIZE = "target must hold class indices, of size"
ERRORS = [
    *(Row(f"gamma {g}", name, X, target, {"gamma": g}, None, (ValueError, f"gamma must be finite and not negative, got {g}"))
      for g in (-2.0, math.nan, math.inf) for name, target in ((SIGMOID, Y), (SOFTMAX, index(0, 1)))),
    *(Row(f"alpha {a}", SIGMOID, X, Y, {"alpha": a}, None, (ValueError, f"alpha must be between 0 and 1, or None for no weights; got {a}"))
      for a in (-1.0, 1.5, 100.0, math.nan)),
    Row("complex weights", SOFTMAX, X, index(0, 1), {"weight": ones(3).to(torch.complex64)}, None, (NotImplementedError, "weight must be real, got torch.complex64")),
    Row("alpha of classes", SIGMOID, X, Y, {"alpha": [0.2, 0.8]}, None, (TypeError, "alpha must be a number, got list")),
    Row("labels of another shape", SIGMOID, X, ones(3), {}, None, (ValueError, "target must have the same size as input, (2, 3); got (3,)")),
    Row("integer labels", SIGMOID, X, Y.long(), {}, None, (NotImplementedError, "target must be floating point, got torch.int64")),
    Row("integer logits", SIGMOID, X.long(), Y, {}, None, (NotImplementedError, "input must be floating point, got torch.int64")),
    *(Row(f"labels up to {y}", SIGMOID, X, y * Y, {}, None, (RuntimeError, f"all elements of target should be between 0 and 1, got values from {y} to {y}"))
      for y in (2, -1, math.nan)),
    Row("class 3 of 3", SOFTMAX, X, index(0, 3), {}, None, (IndexError, "Target 3 is out of bounds: class indices must be from 0 to 2, or ignore_index (-100)")),
    Row("probabilities", SOFTMAX, X, Y / 3, {}, None, (ValueError, f"{SIZE} (2,); got (2, 3)")),
    Row("classes as floats", SOFTMAX, X, ones(2), {}, None, (RuntimeError, "target must hold class indices of torch.int64 or torch.uint8, got torch.float32")),
    Row("a scalar", SOFTMAX, ones(), index(0), {}, None, (ValueError, "input must have a dimension of classes, got a scalar")),
    Row("weights of two classes", SOFTMAX, X, index(0, 1), {"weight": ones(2)}, None, (RuntimeError, "weight must have one entry for each of the 3 classes, got (2,)")),
    Row("ignore_index 1.5", SOFTMAX, X, index(0, 1), {"ignore_index": 1.5}, None, (TypeError, "ignore_index must be an int, got float")),
    Row("integer scores", SOFTMAX, X.long(), index(0, 1), {}, None, (NotImplementedError, "input must be floating point, got torch.int64")),
]  # fmt: skip
