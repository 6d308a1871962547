# ruff: noqa: E501 - a row of the errors is a line
"""The formulas and the errors of binary cross entropy; what is true of it stands in `test_bce_*.py`."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Bernoulli
from torch.testing import assert_close

from lossref import binary_cross_entropy
from tests import formulas
from tests.errors import Row, X, Y, ones
from tests.formulas import (
    ONES,
    TARGETS,
    YES_NO,
    N,
    check_note_gradient,
    docstring_formula,
    halved,
    slope,
    total,
    uniform,
    vector,
)
from tests.latex import Equation

# ---- The formulas


def yes_or_no(**more):
    return {"y": torch.cat([vector(0, 1).repeat(10), uniform(0, 1, 20)]), **more}


WEIGHTS = uniform(0.1, 3, 40, seed=2)
LOGITS = torch.cat([uniform(-4, 4, 34), vector(-30, -30, 0, 0, 30, 30)])
CASES = {
    "binary_cross_entropy": [yes_or_no(p=uniform(0, 1, 40, seed=1), w=w) for w in (1.0, WEIGHTS)],
    "binary_cross_entropy_with_logits": [
        yes_or_no(x=LOGITS, w=w, alpha=alpha) for w in (1.0, WEIGHTS) for alpha in (1.0, 0.3, WEIGHTS.flip(0))
    ],
}
MUTANTS = [
    ("binary_cross_entropy", r"-w", r"w"),
    ("binary_cross_entropy", r"-w", r"-"),
    ("binary_cross_entropy", r"(1 - y) \max", r"(1 + y) \max"),
    ("binary_cross_entropy", r"\log p", r"\log (1 - p)"),
    ("binary_cross_entropy", r"y \max(\log p, -100) \\", r"(1 - y) \max(\log p, -100) \\"),
    ("binary_cross_entropy_with_logits", r"-w", r"w"),
    ("binary_cross_entropy_with_logits", r"\alpha y", r"y"),
    ("binary_cross_entropy_with_logits", r"\sigma(-x)", r"\sigma(x)"),
    ("binary_cross_entropy_with_logits", r"(1 - y) \log", r"\alpha (1 - y) \log"),
    ("binary_cross_entropy_with_logits", r"e^{-x}", r"e^{x}"),
]
NUMBERS = {
    "p": uniform(0.01, 0.99, N, seed=12),
    "q": uniform(0, 1, N, seed=13),
    "y": vector(0, 1, 0.3).repeat(4),
}


def best_logit(share, alpha):
    """Find the logit of least mean loss where a share of the labels is positive."""

    def falls(x):
        return slope(F.binary_cross_entropy_with_logits, x, share, pos_weight=alpha) <= 0

    return halved(torch.full_like(share, -50), torch.full_like(share, 50), falls)


def slope_of_square(p):
    """The slope of (p - 1)^2 with respect to the logit."""
    return 2 * (p - 1) * p * (1 - p)


BEST = best_logit(NUMBERS["q"], formulas.NUMBERS["alpha"])
P_BEST = BEST.sigmoid()
TWINS = {
    "eq-bce": lambda p, y, w: F.binary_cross_entropy(p, y, w, reduction="none"),
    "eq-bce-plain": lambda p, y=YES_NO: -Bernoulli(p).log_prob(y),
    "eq-bce-logit": lambda p: p.logit(),
    "eq-bce-sigmoid": lambda x: x.sigmoid(),
    "eq-bce-sigmoid-slope": lambda x: slope(torch.sigmoid, x),
    "eq-bce-logits": lambda x, y, w, alpha: (
        w * F.binary_cross_entropy_with_logits(x, y, pos_weight=alpha, reduction="none")
    ),
    "eq-bce-gradient": lambda p, y, w=ONES: slope(total(F.binary_cross_entropy), p, y),
    "eq-bce-logits-gradient": lambda x, y, w=ONES, alpha=ONES: slope(
        total(F.binary_cross_entropy_with_logits), x, y
    ),
    "eq-bce-curvature": lambda p: slope(lambda x: slope_of_square(x.sigmoid()), p.logit()),
    "eq-bce-stable": lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
    "eq-bce-two": lambda x_0=TARGETS + 1, x_1=TARGETS: torch.stack([x_0, x_1]).softmax(dim=0)[1],
    "eq-bce-undo": lambda q, alpha, p=P_BEST: BEST,
}

BCE, BCEL = "binary_cross_entropy", "binary_cross_entropy_with_logits"
# fmt: off
ERRORS = [
    Row("target that would broadcast", BCE, X, ones(3), {}, (ValueError, "Using a target size (torch.Size([3])) that is different"),
        (ValueError, "target must have the same size as input, (2, 3); got (3,)")),
    Row("target that would broadcast", BCEL, X, ones(3), {}, (ValueError, "must be the same as input size (torch.Size([2, 3]))"),
        (ValueError, "target must have the same size as input, (2, 3); got (3,)")),
    *(Row(f"{name} that enlarges", f, X, Y, {name: ones(4, 2, 3)}, (RuntimeError, "doesn't match the broadcast shape [4, 2, 3]"),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3); got (4, 2, 3)"))
      for f, name in ((BCE, "weight"), (BCEL, "weight"), (BCEL, "pos_weight"))),
    *(Row(f"{name} with a dimension too many", f, X, Y, {name: ones(1, 2, 3)}, (RuntimeError, "doesn't match the broadcast shape [1, 2, 3]"),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3); got (1, 2, 3)"))
      for f, name in ((BCE, "weight"), (BCEL, "weight"), (BCEL, "pos_weight"))),
    *(Row(f"{name} that does not broadcast", f, X, Y, {name: ones(2)}, (RuntimeError, ""),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3); got (2,)"))
      for f, name in ((BCE, "weight"), (BCEL, "weight"), (BCEL, "pos_weight"))),
    *(Row(f"{name} for channels", f, ones(2, 3, 4, 5), ones(2, 3, 4, 5), {name: ones(3)}, (RuntimeError, "must match the size of tensor"),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3, 4, 5); got (3,); one for each of 3 classes in dimension 1 has the shape (3, 1, 1)"))
      for f, name in ((BCEL, "weight"), (BCEL, "pos_weight"))),
    *(Row(f"{name} for channels of a signal", f, ones(2, 3, 4), ones(2, 3, 4), {name: ones(3)}, (RuntimeError, "must match the size of tensor"),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3, 4); got (3,); one for each of 3 classes in dimension 1 has the shape (3, 1)"))
      for f, name in ((BCEL, "weight"), (BCEL, "pos_weight"))),
    *(Row(f"{name} of seven", f, ones(2, 3, 4, 5), ones(2, 3, 4, 5), {name: ones(7)}, (RuntimeError, "must match the size of tensor"),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3, 4, 5); got (7,)"))
      for f, name in ((BCEL, "weight"), (BCEL, "pos_weight"))),
    *(Row(f"{dtype} as target", BCE, X, Y.to(dtype), {}, (RuntimeError, "but expected Float"), (RuntimeError, f"target must be floating point, got {dtype}"))
      for dtype in (torch.int64, torch.bool, torch.complex64)),
    *(Row(f"{dtype} as target", BCE, X, Y.to(dtype), {}, (RuntimeError, "but expected Float"), (RuntimeError, f"target must have the dtype of input, got {dtype} and torch.float32"))
      for dtype in (torch.float64, torch.float16)),
    *(Row(f"{dtype} as target", BCEL, X, Y.to(dtype), {}, (RuntimeError, ""), (RuntimeError, f"target must be floating point, got {dtype}"))
      for dtype in (torch.int64, torch.bool)),
    *(Row("integers as input", f, X.long(), Y, {}, (RuntimeError, ""), (NotImplementedError, "input must be floating point, got torch.int64")) for f in (BCE, BCEL)),
    *(Row(f"input {p}", BCE, torch.tensor([0.5, p]), ones(2), {}, (RuntimeError, "all elements of input should be between 0 and 1"),
          (RuntimeError, "all elements of input should be between 0 and 1, got values from...")) for p in (1.5, -0.1, math.nan, math.inf)),
    *(Row(f"target {y}", BCE, torch.tensor([0.5, 0.5]), torch.tensor([0.5, y]), {}, (RuntimeError, "all elements of target should be between 0 and 1"),
          (RuntimeError, "all elements of target should be between 0 and 1, got values from...")) for y in (1.5, -0.1, math.nan, math.inf)),
    *(Row(f"target {y}", BCEL, torch.zeros(2), torch.tensor([0.5, y]), {}, torch_says,
          (RuntimeError, "all elements of target should be between 0 and 1, got values from..."))
      for y, torch_says in ((1.5, math.log(2)), (-0.1, math.log(2)), (math.nan, math.nan), (math.inf, math.nan))),
]
# fmt: on


def test_certain_and_wrong_probabilities_have_the_printed_loss_and_gradient():
    p, y = (
        grid.flatten() for grid in torch.meshgrid(vector(0, 1e-50, 1e-3, 1), vector(0, 0.3, 1), indexing="ij")
    )
    printed = Equation(docstring_formula("binary_cross_entropy")).value(p=p, y=y, w=1.0)
    assert_close(printed, binary_cross_entropy(p, y, reduction="none"))
    check_note_gradient("binary_cross_entropy", {"p": p, "y": y, "w": 1.0})


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_in_a_note_is_the_functions(name):
    check_note_gradient(name, CASES[name][0])


def test_a_floor_left_out_is_caught():
    wrong = r"\ell = -y \log p - (1 - y) \log(1 - p)"
    p, y = vector(0.0), vector(1.0)
    assert binary_cross_entropy(p, y) == 100 != Equation(wrong).value(p=p, y=y)
