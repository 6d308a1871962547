# ruff: noqa: E501 - a row of the errors is a line
"""The negative log-likelihood: its formula, its errors, and what is true of it alone."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from lossref import cross_entropy, nll_loss
from tests.errors import ANY, Row, X, index, ones
from tests.formulas import C, N, uniform
from tests.strategies import gradient, tensor

NLL = "nll_loss"
LOGS, WEIGHTS = uniform(-3, 3, 5, 4).log_softmax(1), uniform(0.5, 2, 4, seed=1)
LABELS = index(0, 3, 1, 1, 2)
# In the formula classes are numbered from 1.
CASES = {NLL: [{"x": LOGS[0], "y": c + 1, "w": WEIGHTS, "target": torch.tensor(c)} for c in (0, 2, 3)]}
MUTANTS = [
    (NLL, r"-w_y x_y", r"w_y x_y"),
    (NLL, r"-w_y x_y", r"-x_y"),
    (NLL, r"-w_y x_y", r"-w_y e^{x_y}"),
    (NLL, r"-w_y x_y", r"-w_1 x_y"),
]
ROWS, CLASSES = uniform(-3, 3, N, C, seed=2).log_softmax(1), torch.arange(N) % C + 1.0
OUTPUTS = uniform(-3, 3, C, seed=8)
TWINS = {
    "eq-nll": lambda w, x=LOGS[0], y=3: F.nll_loss(x, torch.tensor(y - 1), w, reduction="sum"),
    "eq-nll-plain": lambda x=LOGS[0], y=3: F.nll_loss(x, torch.tensor(y - 1)),
    "eq-nll-log-softmax": lambda z=OUTPUTS: z.log_softmax(0),
    "eq-nll-mean": lambda w, x=ROWS, y=CLASSES: F.nll_loss(x, y.long() - 1, w),
}
NUMBERS = {"w": WEIGHTS}
BROKEN = [
    ("eq-nll", "-w_y", "w_y"),
    ("eq-nll-plain", "-x_y", "x_y"),
    ("eq-nll-log-softmax", "z_c -", "z_c +"),
    ("eq-nll-mean", r"{\sum_{i=1}^{N} w_{y_i}}", "{N}"),
]
BOUNDS = "is out of bounds: class indices must be from 0 to 2, or ignore_index (-100)"
ERRORS = [
    *(Row(f"class {c}", NLL, X, index(0, c), {}, (IndexError, f"Target {c} is out of bounds"), (IndexError, f"Target {c} {BOUNDS}"))
      for c in (3, -1)),
    *(Row(f"{dtype} as target", NLL, X, index(0, 1).to(dtype), {}, (RuntimeError, "expected target dtype to be Long or Byte"),
          (RuntimeError, f"target must hold class indices of torch.int64 or torch.uint8, got {dtype}"))
      for dtype in (torch.float32, torch.bool, torch.int32)),
    Row("probabilities as target", NLL, X, X, {}, ANY, (ValueError, "target must hold class indices, of size (2,); got (2, 3)")),
    Row("a row too few", NLL, X, index(0), {}, (ValueError, "to match target batch_size"),
        (ValueError, "target must hold class indices, of size (2,); got (1,)")),
    Row("one class in a list", NLL, ones(3), index(0), {}, -1.0, (ValueError, "target must hold class indices, of size (); got (1,)")),
    Row("a scalar", NLL, ones(), index(0)[0], {}, ANY, (ValueError, "input must have a dimension of classes, got a scalar")),
    Row("integers", NLL, X.long(), index(0, 1), {}, (NotImplementedError, "not implemented for 'Long'"),
        (NotImplementedError, "input must be floating point, got torch.int64")),
    Row("weights of two classes", NLL, X, index(0, 1), {"weight": ones(2)}, (RuntimeError, "weight tensor should be defined either for all 3 classes"),
        (RuntimeError, "weight must have one entry for each of the 3 classes, got (2,)")),
    Row("weights of float64", NLL, X, index(0, 1), {"weight": ones(3).double()}, (RuntimeError, "expected scalar type Float but found Double"),
        (RuntimeError, "weight must have the dtype of input, torch.float32; got torch.float64")),
    Row("ignore_index as number", NLL, X, index(0, 1), {"ignore_index": 0.5}, ANY, (TypeError, "ignore_index must be an int, got float")),
]  # fmt: skip


@pytest.mark.parametrize("ignored", [-100, 1])
@pytest.mark.parametrize("weight", [None, WEIGHTS])
def test_by_hand(weight, ignored):
    each = torch.ones(4) if weight is None else weight
    kept = [(x[y].item(), each[y].item()) for x, y in zip(LOGS, LABELS, strict=True) if y != ignored]
    total, counted = math.fsum(-w * x for x, w in kept), math.fsum(w for _, w in kept)
    found = [nll_loss(LOGS, LABELS, weight, ignore_index=ignored, reduction=r) for r in ("sum", "mean")]
    assert_close(found, [tensor(total), tensor(total / counted)])


def test_is_cross_entropy_without_its_softmax():
    logits = uniform(-3, 3, 5, 4, seed=3)
    for options in ({}, {"weight": WEIGHTS}, {"weight": WEIGHTS, "ignore_index": 1}):
        assert_close(
            nll_loss(logits.log_softmax(1), LABELS, **options), cross_entropy(logits, LABELS, **options)
        )


def test_only_the_true_class_has_a_gradient():
    found = gradient(lambda x: nll_loss(x, LABELS, WEIGHTS), LOGS)
    expected = torch.zeros(5, 4, dtype=torch.float64)
    expected[torch.arange(5), LABELS] = -WEIGHTS[LABELS] / WEIGHTS[LABELS].sum()
    assert_close(found, expected)
    assert_close(nll_loss(LOGS, LABELS, 10 * WEIGHTS), nll_loss(LOGS, LABELS, WEIGHTS))


def test_the_weights_have_a_gradient():
    assert torch.autograd.gradcheck(lambda w: nll_loss(LOGS, LABELS, w), WEIGHTS.clone().requires_grad_())


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("weight", [None, WEIGHTS])
def test_what_is_not_chosen_does_no_harm(bad, weight):
    x, y = LOGS.clone(), LABELS.clone()
    x[0, 1:], x[1], y[1] = bad, bad, -100
    clean = LOGS.clone()
    clean[1] = 0
    assert_close(nll_loss(x, y, weight), nll_loss(clean, y, weight))
    assert_close(
        gradient(lambda x: nll_loss(x, y, weight), x), gradient(lambda x: nll_loss(x, y, weight), clean)
    )


def test_where_all_rows_are_ignored():
    y = torch.full_like(LABELS, -100)
    assert nll_loss(LOGS, y).isnan()
    assert gradient(lambda x: nll_loss(x, y), LOGS).eq(0).all()
    assert nll_loss(LOGS, y, reduction="sum") == 0


def test_certain_and_right_costs_0_and_not_minus_0():
    assert str(nll_loss(torch.zeros(3, 2), index(0, 1, 1), reduction="none")) == "tensor([0., 0., 0.])"


def test_many_rows_of_half_precision():
    x, y = torch.zeros(70_000, 3, dtype=torch.float16).log_softmax(1), torch.zeros(70_000, dtype=torch.int64)
    assert_close(nll_loss(x, y), torch.tensor(math.log(3), dtype=torch.float16))
    assert F.nll_loss(x, y).isnan()  # if not, the docstring is out of date


def test_bytes_are_classes():
    assert_close(nll_loss(LOGS, LABELS.byte()), nll_loss(LOGS, LABELS))
