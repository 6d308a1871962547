# ruff: noqa: E501 - a row of the errors is a line
"""The formula and the errors of CTC; what is true of it stands in `test_ctc_laws.py`."""

import itertools

import torch
import torch.nn.functional as F

from tests.errors import ANY, Row, index, ones
from tests.formulas import uniform

# ---- Its formula


def reading(path, blank=0):
    """Return the labels that a path reads as: repeated classes are one, then blanks are dropped."""
    return [c for c, before in zip(path, (None, *path), strict=False) if c not in (before, blank)]


def case(frames, classes, labels):
    paths = [p for p in itertools.product(range(classes), repeat=frames) if reading(p) == labels]
    return {
        "x": uniform(-3, 3, frames, classes, seed=len(paths)),
        "T": frames,
        r"\mathcal{B}^{-1}(y)": torch.tensor(paths) + 1,  # in formulas the first class is 1
        "targets": torch.tensor(labels, dtype=torch.int64),
        "input_lengths": [frames],
        "target_lengths": [len(labels)],
    }


SYMBOLS = {"x": "log_probs"}
CASES = {"ctc_loss": [case(4, 3, labels) for labels in ([], [1], [1, 2], [2, 2], [1, 2, 1], [1, 2, 1, 2])]}
MUTANTS = [
    ("ctc_loss", r"-\log", r"\log"),
    ("ctc_loss", r"\prod", r"\sum"),
    ("ctc_loss", r"t=1", r"t=2"),
    ("ctc_loss", r"e^{x_{t, \pi_t}}", r"x_{t, \pi_t}"),
]

CASE = CASES["ctc_loss"][3]  # the label comes again: 2, 2
NUMBERS = {
    "x": CASE["x"],
    "p": CASE["x"].exp(),
    "y": CASE["targets"],
    "T": CASE["T"],
    "paths": CASE[r"\mathcal{B}^{-1}(y)"],
}


def torch_ctc(x, y):
    return F.ctc_loss(x[:, None], y[None], [len(x)], [len(y)], reduction="sum")


TWINS = {
    "eq-ctc": lambda x, y, T, paths: torch_ctc(x, y),
    "eq-ctc-plain": lambda p, y, T, paths: torch_ctc(p.log(), y),
}
BROKEN = [
    ("eq-ctc", r"-\log", r"\log"),
    ("eq-ctc", r"t=1", r"t=2"),
    ("eq-ctc-plain", r"\prod", r"\sum"),
    ("eq-ctc-plain", r"-\log \sum", r"-\sum"),
]

CTC = "ctc_loss"
LOG_PROBS, TARGETS = torch.zeros(5, 2, 4).log_softmax(2), torch.tensor([[1, 2], [3, 3]])
LENGTHS = {"input_lengths": [5, 5], "target_lengths": [2, 1]}


def bad(what, torch_says, error, targets=TARGETS, log_probs=LOG_PROBS, **options):
    return Row(what, CTC, log_probs, targets, LENGTHS | options, torch_says, error)


AS_IF_RIGHT = 2.9557416439056396
SHAPE = "log_probs must be of shape (T, N, C), or (T, C) for a single row, and not be empty; got"
ROWS = "targets must be of shape (N, S) with a row for each of the 2 of log_probs, or strung together in one dimension; got"
OUT = "is out of bounds: labels must be from 0 to 3, and not the blank (0)"
# fmt: off
ERRORS = [
    *(bad(f"{dtype} as log_probs", (NotImplementedError, '"ctc_loss_cpu" not implemented for'),
          (NotImplementedError, f"log_probs must be floating point, got {dtype}"), log_probs=LOG_PROBS.to(dtype))
      for dtype in (torch.int64, torch.complex64)),
    *(bad(f"log_probs of shape {shape}", (RuntimeError, message), (RuntimeError, f"{SHAPE} {shape}"), log_probs=ones(*shape))
      for shape, message in (((4,), "Expected 3-dimensional tensor"), ((1, 5, 2, 4), "Expected 3-dimensional tensor"),
                             ((0, 2, 4), "must not be empty"), ((5, 0, 4), "must not be empty"), ((5, 2, 0), "must not be empty"))),
    *(bad(f"blank {blank}", (RuntimeError, "blank must be in label range"),
          (RuntimeError, f"blank must be in label range, from 0 to 3, got {blank}"), blank=blank) for blank in (-1, 4)),
    bad("blank 0.5", ANY, (TypeError, "blank must be an int, got float"), blank=0.5),
    bad("zero_infinity as text", ANY, (TypeError, "zero_infinity must be a bool, got 'no'"), zero_infinity="no"),
    *(bad(f"{dtype} as labels", says, (RuntimeError, f"targets must be integers, got {dtype}"), targets=TARGETS.to(dtype))
      for dtype, says in ((torch.float32, AS_IF_RIGHT), (torch.bool, 3.1675662994384766))),
    bad("a row of labels too few", (RuntimeError, "Expected tensor to have size 2 at dimension 0, but got size 1"),
        (RuntimeError, f"{ROWS} (1, 2)"), targets=TARGETS[:1]),
    bad("labels of three dimensions", (RuntimeError, "Expected 1 to 2 dimensions"), (RuntimeError, f"{ROWS} (1, 2, 2)"), targets=TARGETS[None]),
    # What torch reads here belongs to the other row; elsewhere it reads outside of the tensor.
    *(bad(f"label {label}", AS_IF_RIGHT, (IndexError, f"Target {label} {OUT}"), targets=torch.tensor(targets))
      for label, targets in ((4, [[4, 2], [3, 3]]), (-1, [[1, 2], [-1, 3]]), (0, [[1, 2], [0, 3]]))),
    bad("labels that do not add up", (RuntimeError, "Expected tensor to have size 3 at dimension 0, but got size 4"),
        (RuntimeError, "target_lengths must add up to the 4 labels of targets, got [2, 1]"), targets=index(1, 2, 3, 3)),
    *(bad(f"target_lengths {lengths}", (RuntimeError, message), (RuntimeError, f"target_lengths must be from 0 to 2, got {lengths}"), target_lengths=lengths)
      for lengths, message in (([3, 1], "Expected tensor to have size at least 3 at dimension 1"), ([2, -1], "Expected target_lengths to have value at least 0"))),
    *(bad(f"input_lengths {lengths}", (RuntimeError, message), (RuntimeError, f"input_lengths must be from 0 to 5, got {lengths}"), input_lengths=lengths)
      for lengths, message in (([6, 5], "Expected input_lengths to have value at most 5"), ([-1, 5], "Expected input_lengths to have value at least 0"))),
    bad("a length too few", (RuntimeError, "input_lengths must be of size batch_size"),
        (RuntimeError, "input_lengths must hold one for each of the 2 rows of log_probs, got shape (1,)"), input_lengths=[5]),
    bad("one length for all", ANY, (TypeError, "target_lengths must be a Tensor, or a list or tuple of ints, got int"), target_lengths=2),
    bad("a length of 1.5", ANY, (TypeError, "each of target_lengths must be an int, got float"), target_lengths=[1.5, 1]),
    bad("lengths of float32", (RuntimeError, "input_lengths must be integral"), (RuntimeError, "input_lengths must be integers, got torch.float32"),
        input_lengths=ones(2) * 5, target_lengths=index(2, 1)),
]
# fmt: on
