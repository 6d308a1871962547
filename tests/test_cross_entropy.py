# ruff: noqa: E501 - a row of the errors is a line
"""The formulas and the errors of cross entropy; what is true of it stands in `test_cross_entropy_*.py`."""

import math

import torch
import torch.nn.functional as F
from torch.distributions import Categorical
from torch.testing import assert_close

from lossref import cross_entropy
from tests.errors import ANY, Row, X, Y, index, ones
from tests.formulas import ONES, C, N, check_note_gradient, docstring_formula, one_hot, slope, uniform, vector
from tests.latex import Equation

# ---- The formulas

CLASSES = {"C": C, "x": uniform(-5, 5, C), "q": uniform(0, 1, C, seed=1), "w": uniform(0, 3, C, seed=2)}
CASES = {
    "cross_entropy": [CLASSES | {"epsilon": share} for share in (0.0, 0.1, 1.0)]
    + [CLASSES | {"epsilon": share, "q": one_hot(label, C)} for share in (0.0, 0.1) for label in range(C)]
    + [{"C": 3, "x": vector(300, 0, -300), "q": vector(1, 0, 0), "w": vector(1, 1, 1), "epsilon": 0.0}]
}
MUTANTS = [
    ("cross_entropy", r"-\sum_{c=1}^{C}", r"\sum_{c=1}^{C}"),
    ("cross_entropy", r"\frac{\varepsilon}{C}", r"\frac{\varepsilon}{C - 1}"),
    ("cross_entropy", r"(1 - \varepsilon) q_c", r"q_c"),
    ("cross_entropy", r"w_c", r""),
    ("cross_entropy", r"j=1", r"j=2"),
    ("cross_entropy", r"\log \frac", r"\frac"),
]
NUMBERS = {
    "x": uniform(-3, 3, C),
    "w": uniform(0.5, 2, C, seed=1),
    "epsilon": 0.1,
    "p": uniform(-1, 1, C, seed=14).softmax(0),
    "q": uniform(-1, 1, C, seed=15).softmax(0),
}
TRUE_CLASS = one_hot(2, C)
LABELS = vector(1, 4, 2, 2, 3, 1).repeat(2)  # in formulas the first class is 1
ROWS = uniform(-3, 3, N, C, seed=16).softmax(dim=1)


def cheapest(q, w):
    """Find the probabilities for which the weighted loss is least."""
    x = torch.zeros_like(q, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [x], max_iter=200, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        loss = F.cross_entropy(x, q, w)
        loss.backward()
        return loss

    optimiser.step(closure)
    return x.detach().softmax(0)


TWINS = {
    "eq-cross-entropy": lambda x, q, w, epsilon: F.cross_entropy(x, q, w, label_smoothing=epsilon),
    "eq-cross-entropy-plain": lambda p, y=3: -Categorical(p).log_prob(torch.tensor(y - 1)),
    "eq-cross-entropy-softmax": lambda x: x.softmax(dim=0),
    "eq-cross-entropy-shift": lambda x, t=37.0: x.softmax(dim=0),
    "eq-cross-entropy-index": lambda x, y=3: F.cross_entropy(x, torch.tensor(y - 1)),
    "eq-cross-entropy-gradient": lambda x, q, w=ONES[:C], epsilon=0: slope(F.cross_entropy, x, q),
    "eq-cross-entropy-logsumexp": lambda x, m=2.5: x.logsumexp(dim=0),
    "eq-cross-entropy-floor": lambda: F.cross_entropy(TRUE_CLASS, torch.tensor(2)),
    "eq-cross-entropy-weighted": lambda w, q: cheapest(q, w),
    "eq-cross-entropy-mean": lambda w, p=ROWS, y=LABELS: F.nll_loss(p.log(), y.long() - 1, w),
}

CE = "cross_entropy"
# fmt: off
ERRORS = [
    Row("label_smoothing 1.1", CE, X, index(0, 1), {"label_smoothing": 1.1},
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: 1.1"),
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: 1.1")),
    Row("complex weights", CE, X, index(0, 1), {"weight": ones(3).to(torch.complex64)}, ANY, (NotImplementedError, "weight must be real, got torch.complex64")),
    Row("negative label_smoothing", CE, X, index(0, 1), {"label_smoothing": -0.1}, math.log(3),
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: -0.1")),
    Row("label_smoothing as text", CE, X, index(0, 1), {"label_smoothing": "0.1"}, (TypeError, "argument 'label_smoothing' (position 6) must be float, not str"),
        (TypeError, "label_smoothing must be a number, got '0.1'")),
    Row("label_smoothing nan", CE, X, index(0, 1), {"label_smoothing": math.nan}, math.log(3),
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: nan")),
    Row("ignore_index 1.5", CE, X, index(0, 1), {"ignore_index": 1.5},
        (TypeError, "argument 'ignore_index' (position 5) must be int, not float"), (TypeError, "ignore_index must be an int, got float")),
    Row("ignore_index for probabilities", CE, X, Y / 3, {"ignore_index": 0},
        (RuntimeError, "ignore_index is not supported for floating point target"),
        (RuntimeError, "ignore_index needs a target of class indices, not of probabilities, got 0")),
    Row("a scalar as input", CE, ones(), ones(), {}, (IndexError, "Dimension specified as 1 but tensor has no dimensions"),
        (ValueError, "input must have a dimension of classes, got a scalar")),
    Row("more targets than rows", CE, X, index(0, 1, 2), {}, (ValueError, "Expected input batch_size (2) to match target batch_size (3)."),
        (ValueError, "target must hold class indices, of size (2,), or probabilities, of the size (2, 3) of input; got (3,)")),
    Row("targets as a column", CE, X, index(0, 1).view(2, 1), {}, (RuntimeError, "0D or 1D target tensor expected"),
        (ValueError, "target must hold class indices, of size (2,), or probabilities, of the size (2, 3) of input; got (2, 1)")),
    Row("classes in the last dimension", CE, ones(2, 4, 3), ones(2, 4, dtype=torch.int64), {},
        (RuntimeError, "Expected target size [2, 3], got [2, 4]"),
        (ValueError, "target must hold class indices, of size (2, 3), or probabilities, of the size (2, 4, 3) of input; got (2, 4)")),
    Row("one target without a batch", CE, ones(3), index(0), {}, math.log(3),
        (ValueError, "target must hold class indices, of size (), or probabilities, of the size (3,) of input; got (1,)")),
    Row("a batch of one without a target's", CE, ones(1, 3), torch.tensor(0), {}, (ValueError, "Expected input batch_size (1) to match target batch_size (0)."),
        (ValueError, "target must hold class indices, of size (1,), or probabilities, of the size (1, 3) of input; got ()")),
    *(Row(f"weight of shape {tuple(w.shape)}", CE, X, t, {"weight": w}, (RuntimeError, "weight tensor should be defined either for all 3 classes"),
          (RuntimeError, f"weight must have one entry for each of the 3 classes, got {tuple(w.shape)}"))
      for w in (ones(2), ones(1), ones(), ones(1, 3), ones(4)) for t in (index(0, 1), Y / 3)),
    Row("integers as logits", CE, X.long(), index(0, 1), {}, (NotImplementedError, "not implemented for 'Long'"),
        (NotImplementedError, "input must be floating point, got torch.int64")),
    *(Row(f"{dtype} as class index", CE, X, index(0, 1).to(dtype), {}, (RuntimeError, "expected target dtype to be Long or Byte"),
          (RuntimeError, f"target must hold class indices of torch.int64 or torch.uint8, got {dtype}"))
      for dtype in (torch.int32, torch.int16, torch.bool, torch.float32, torch.complex64)),
    *(Row(f"one-hot target of {dtype}", CE, X, torch.eye(3, dtype=torch.int64)[:2].to(dtype), {},
          (RuntimeError, "Expected floating point type for target with class probabilities"),
          (RuntimeError, f"target of the shape of input must hold probabilities, floating point; got {dtype}"))
      for dtype in (torch.int64, torch.uint8, torch.int32, torch.bool)),
    *(Row(f"probability {q}", CE, torch.zeros(1, 2), torch.tensor([[0.5, q]]), {}, torch_says,
          (RuntimeError, "all elements of target should be between 0 and 1, got values from..."))
      for q, torch_says in ((1.5, 2 * math.log(2)), (-0.1, 0.4 * math.log(2)), (math.nan, math.nan), (math.inf, math.inf))),
    *(Row(f"class {c} of 3", CE, X, index(0, c), {"label_smoothing": smoothing}, (IndexError, f"Target {c} is out of bounds."),
          (IndexError, f"Target {c} is out of bounds: class indices must be from 0 to 2, or ignore_index (-100)"))
      for c in (3, -1, 10**12) for smoothing in (0.0, 0.1)),
    Row("class 3 of 3 as a byte", CE, X, index(0, 3, dtype=torch.uint8), {}, (IndexError, "Target 3 is out of bounds."), (IndexError, "Target 3 is out of bounds: class indices must be from 0 to 2, or ignore_index (-100)")),
    Row("no classes", CE, ones(2, 0), index(0, 0), {}, (IndexError, "Target 0 is out of bounds."), (IndexError, "Target 0 is out of bounds: class indices must be from 0 to -1, or ignore_index (-100)")),
]
# fmt: on


def test_class_indices_are_the_one_hot_case_of_the_formula():
    formula = Equation(docstring_formula("cross_entropy"))
    for true in range(C):
        x, w = CLASSES["x"], CLASSES["w"]
        by_index = cross_entropy(x, torch.tensor(true), w, reduction="none", label_smoothing=0.1)
        assert_close(by_index, formula.value(**CLASSES | {"q": one_hot(true, C), "epsilon": 0.1}))


def test_the_gradient_in_the_note_is_the_functions():
    case = CASES["cross_entropy"][0]
    ones = torch.ones_like(case["w"])
    check_note_gradient("cross_entropy", case | {"w": ones, "q": case["q"] / case["q"].sum()})
