# ruff: noqa: E501 - a row of the errors is a line
"""The hinges for classes: their formulas, their errors, and what is true of them alone."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from lossref import multi_margin_loss, multilabel_margin_loss
from tests import loops
from tests.errors import ANY, Row, X, Y, index, ones
from tests.formulas import uniform, vector
from tests.strategies import gradient, tensor

MULTI, TAGS = "multi_margin_loss", "multilabel_margin_loss"
# Eighths: among them are classes that are ahead by exactly the margin.
SCORES, WEIGHTS = uniform(-1, 1, 6, 4).mul(8).round() / 8, vector(0.5, 1, 2, 3)
ONES, HOLD = torch.ones(4, dtype=torch.float64), vector(3, 1)
CLASSES = index(0, 3, 1, 1, 2, 0)
LISTS = torch.tensor(
    [[2, -1, 0, 1], [0, 3, -1, -1], [-1, 0, 1, 2], [3, 1, 0, 2], [1, 1, -1, 3], [0, 1, 0, 1]]
)

# In the formula classes are numbered from 1.
SYMBOLS = {"m": "margin"}
ROW = {"x": SCORES[0], "C": 4, "w": WEIGHTS}
CASES = {
    MULTI: [
        ROW | {"y": c + 1, "target": torch.tensor(c), "p": p, "m": m}
        for c, p, m in ((0, 1, 1.0), (2, 1, 0.25), (3, 2, 1.5), (1, 2, 1.0))
    ],
    TAGS: [
        {"x": x, "C": 4, "Y": vector(*labels), "target": torch.tensor(list)}
        for x, (labels, list) in itertools.product(
            SCORES[:2], [((3, 1), [2, 0, -1, 1]), ((2, 2), [1, 1, -1, -1])]
        )
    ],
}
MUTANTS = [
    (MULTI, r"\frac{w_y}{C}", r"\frac{1}{C}"),
    (MULTI, r"\frac{w_y}{C}", r"\frac{w_y}{C - 1}"),
    (MULTI, r"\frac{w_y}{C}", r"\frac{w_1}{C}"),
    (MULTI, r"c \ne y", r"c \ne 1"),
    (MULTI, r"\sum_{c \ne y}", r"\sum_{c=1}^{C}"),
    (MULTI, r"m - x_y + x_c", r"m + x_y - x_c"),
    (MULTI, r"\max(0, m - x_y + x_c)", r"m - x_y + x_c"),
    (MULTI, r"\right]^p", r"\right]"),
    (TAGS, r"\frac{1}{C}", r"\frac{1}{C - 1}"),
    (TAGS, r"y \in Y", r"y \notin Y"),
    (TAGS, r"\sum_{c \notin Y}", r"\sum_{c=1}^{C}"),
    (TAGS, r"1 - x_y + x_c", r"1 + x_y - x_c"),
    (TAGS, r"\max(0, 1 - x_y + x_c)", r"(1 - x_y + x_c)"),
]


def hinge(x, y, w=ONES, m=1.0, p=1):
    return F.multi_margin_loss(x, torch.tensor(y - 1), p=p, margin=m, weight=w)


def ranked(x, Y):
    wrong = [c for c in range(4) if c + 1 not in Y]
    return sum(F.relu(1 - x[int(y) - 1] + x[c]) for y in Y for c in wrong) / 4


TWINS = {
    "eq-multi-margin-plain": lambda x=SCORES[0], y=2: hinge(x, y),
    "eq-multi-margin": lambda x=SCORES[0], y=3, w=WEIGHTS, m=1.5, p=2: hinge(x, y, w, m, p),
    "eq-multilabel-margin": lambda x=SCORES[1], Y=HOLD: ranked(x, Y.tolist()),
}
OTHER_NAMES = ["multilabel-margin"]  # in labels of equations
BROKEN = [
    ("eq-multi-margin-plain", r"\frac{1}{C}", ""),
    ("eq-multi-margin-plain", r"1 - x_y + x_c", r"1 + x_y - x_c"),
    ("eq-multi-margin-plain", r"c \ne y", r"c \ne 1"),
    ("eq-multi-margin", r"\right]^p", r"\right]"),
    ("eq-multi-margin", r"\frac{w_y}{C}", r"\frac{1}{C}"),
    ("eq-multilabel-margin", r"c \notin Y", r"c \in Y"),
    ("eq-multilabel-margin", r"\frac{1}{C}", ""),
]
FORM = "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
NEEDED = ": input must have the shape (N, C) or (C), with at least one class"
LONG = "target must hold class indices: expected scalar type Long but found "
RANGE = "target out of range: class indices must be from"
ROWS = "target tensor should be 1-D with size equal to the number of rows. Expected target size [2], but got "
LISTED = torch.tensor([[1, 0, -1], [2, -1, -1]])
ERRORS = [
    *(Row(f"class {c}", MULTI, X, index(0, c), {}, (RuntimeError, "target out of range"), (RuntimeError, f"{RANGE} 0 to 2, got {c}")) for c in (3, -1)),
    *(Row(f"class {c} in a list", TAGS, X, torch.tensor([[0, -1, c]] * 2), {}, (RuntimeError, "'target' is out of range"), (RuntimeError, f"{RANGE} -1 to 2, got {c}"))
      for c in (3, -2)),
    *(Row(f"{name} as target", MULTI, X, index(0, 1).to(dtype), {}, (RuntimeError, f"Long but found {name}"), (RuntimeError, f"{LONG}{name}"))
      for name, dtype in (("Float", torch.float32), ("Byte", torch.uint8), ("Int", torch.int32))),
    Row("zeros and ones in float", TAGS, X, Y, {}, (RuntimeError, "Long but found Float"), (RuntimeError, f"{LONG}Float")),
    Row("integers", MULTI, X.long(), index(0, 1), {}, (NotImplementedError, "not implemented for 'Long'"), (NotImplementedError, "input must be floating point, got torch.int64")),
    Row("complex scores", TAGS, X.to(torch.complex64), LISTED, {}, ANY, (NotImplementedError, "input must be floating point, got torch.complex64")),
    Row("an image", MULTI, ones(2, 3, 4), index(0, 1), {}, (RuntimeError, FORM), (RuntimeError, f"{FORM}[2, 3, 4]{NEEDED}")),
    Row("no classes", TAGS, ones(2, 0), ones(2, 0).long(), {}, (RuntimeError, FORM), (RuntimeError, f"{FORM}[2, 0]{NEEDED}")),
    Row("a row too few", MULTI, X, index(0), {}, (RuntimeError, ""), (RuntimeError, f"{ROWS}[1]")),
    Row("one class for two rows", MULTI, X, index(0)[0], {}, (RuntimeError, ""), (RuntimeError, f"{ROWS}[]")),
    Row("lists of another length", TAGS, X, LISTED[:, :2], {}, (RuntimeError, "inconsistent target size"), (RuntimeError, "inconsistent target size: [2, 2] for input of size: [2, 3]")),
    Row("a list for a row of one", TAGS, ones(1, 1), index(0)[0], {}, (RuntimeError, "inconsistent target size"), (RuntimeError, "inconsistent target size: [] for input of size: [1, 1]")),
    Row("p = 3", MULTI, X, index(0, 1), {"p": 3}, (ValueError, "only p == 1 and p == 2 supported"), (ValueError, "only p == 1 and p == 2 supported, got 3")),
    Row("p as word", MULTI, X, index(0, 1), {"p": "2"}, ANY, (TypeError, "p must be a number, got '2'")),
    Row("weights of two classes", MULTI, X, index(0, 1), {"weight": ones(2)}, (RuntimeError, "inconsistent weight size, expected 3 but got [2]"),
        (RuntimeError, "inconsistent weight size, expected 3 but got [2]")),
    Row("weights as a row", MULTI, X, index(0, 1), {"weight": ones(1, 3)}, (ValueError, "weight must be one-dimensional"), (ValueError, "weight must be one-dimensional, got (1, 3)")),
    Row("complex weights", MULTI, X, index(0, 1), {"weight": X[0].to(torch.complex64)}, ANY, (NotImplementedError, "weight must be real, got torch.complex64")),
]  # fmt: skip


def value_and_slope(loss, *given, **options):
    x = SCORES.clone().requires_grad_()
    value = loss(x, *given, **options)
    upstream = torch.arange(1.0, value.numel() + 1, dtype=torch.float64).view(value.shape)
    return value.detach(), torch.autograd.grad(value, x, upstream)[0]


def check_multi_margin(loss=multi_margin_loss):
    """Complain unless `loss` is the loop and torch's own, with ties and at the margin."""
    for p, margin, weight in itertools.product((1, 2), (1.0, 0.375, -0.25), (None, WEIGHTS)):
        for reduction in ("none", "sum", "mean"):
            found = value_and_slope(loss, CLASSES, p, margin, weight, reduction=reduction)
            for oracle in (loops.multi_margin_loss, F.multi_margin_loss):
                assert_close(found, value_and_slope(oracle, CLASSES, p, margin, weight, reduction=reduction))


def check_multilabel_margin(loss=multilabel_margin_loss):
    for reduction in ("none", "sum", "mean"):
        found = value_and_slope(loss, LISTS, reduction=reduction)
        for oracle in (loops.multilabel_margin_loss, F.multilabel_margin_loss):
            assert_close(found, value_and_slope(oracle, LISTS, reduction=reduction))


def test_are_the_loops_and_torchs_own():
    ahead = SCORES.gather(1, CLASSES.unsqueeze(1)) - SCORES
    assert {0.375, 1.0} <= set(ahead.flatten().tolist())  # the margins, met exactly
    check_multi_margin()
    check_multilabel_margin()


def test_at_the_margin_there_is_no_slope_left():
    x = tensor([1.0, 0.0, 0.0])
    for functions in (
        (multi_margin_loss, F.multi_margin_loss),
        (multilabel_margin_loss, F.multilabel_margin_loss),
    ):
        for function in functions:
            target = torch.tensor(0) if "multi_" in function.__name__ else index(0, -1, -1)
            assert function(x, target) == 0
            assert gradient(lambda x: function(x, target), x).eq(0).all()  # noqa: B023
            assert gradient(lambda x: function(x, target), 0.999 * x).ne(0).all()  # noqa: B023


@pytest.mark.parametrize("place", [0, 1])
def test_nan_is_kept(place):
    x = tensor([2.0, 0.0, 0.0])
    x[place] = math.nan
    assert multi_margin_loss(x, torch.tensor(0)).isnan()
    assert multilabel_margin_loss(x, index(0, -1, -1)).isnan()
    # When these fail, torch has mended its own, and the docstrings are out of date.
    assert F.multi_margin_loss(x, torch.tensor(0)) == 0
    assert F.multilabel_margin_loss(x, index(0, -1, -1)) == 0


def test_a_row_without_labels_counts_for_nothing_even_with_nan():
    x = tensor([math.nan, math.inf, 0.0])
    assert multilabel_margin_loss(x, index(-1, 0, 1)) == 0
    assert gradient(lambda x: multilabel_margin_loss(x, index(-1, 0, 1)), x).eq(0).all()


@pytest.mark.parametrize("p", [1, 2])
def test_infinite_scores(p):
    for x, expected in (
        ([math.inf, 1.0, -math.inf], 0.0),
        ([0.0, -math.inf, -2.0], 0.0),
        ([0.0, math.inf, 0.0], math.inf),
        ([-math.inf, 0.0, 0.0], math.inf),
    ):
        assert multi_margin_loss(tensor(x), torch.tensor(0), p) == expected
        assert multilabel_margin_loss(tensor(x), index(0, -1, -1)) == expected
        if expected == 0:
            slope = gradient(lambda x: multi_margin_loss(x, torch.tensor(0), p), tensor(x))
            assert slope.eq(0).all()


def test_no_rows():
    x, classes, lists = SCORES[:0], CLASSES[:0], LISTS[:0]
    for function, target in ((multi_margin_loss, classes), (multilabel_margin_loss, lists)):
        assert function(x, target).isnan()
        assert function(x, target, reduction="sum") == 0
        assert function(x, target, reduction="none").shape == (0,)


def test_shapes_of_one_row():
    x, one = SCORES[0], torch.tensor(2)
    expected = multi_margin_loss(x, one, reduction="none")
    assert expected.shape == ()
    for input, target, shape in (
        (x, one.view(1), (1,)),
        (x.view(1, 4), one, ()),
        (x.view(1, 4), one.view(1), (1,)),
        (x[0], torch.tensor(0), ()),
        (x[0], index(0), (1,)),
        (x[:1], index(0), (1,)),
    ):
        found = multi_margin_loss(input, target, reduction="none")
        assert_close(found, F.multi_margin_loss(input, target, reduction="none"))
        assert found.shape == shape
    for input, target in ((x, LISTS[0]), (x.view(1, 4), LISTS[:1]), (x[0], index(0)), (x[:1], index(0)[0])):
        found = multilabel_margin_loss(input, target, reduction="none")
        assert_close(found, F.multilabel_margin_loss(input, target, reduction="none"))
        assert found.shape == input.shape[:-1]


def test_the_mean_of_weighted_rows_divides_by_their_number():
    rows = multi_margin_loss(SCORES, CLASSES, weight=WEIGHTS, reduction="none")
    assert_close(multi_margin_loss(SCORES, CLASSES, weight=WEIGHTS), rows.mean())
    found, expected = (
        gradient(lambda w: loss(SCORES, CLASSES, weight=w), WEIGHTS)  # noqa: B023
        for loss in (multi_margin_loss, loops.multi_margin_loss)
    )
    assert_close(found, expected)
    whole = multi_margin_loss(SCORES.float(), CLASSES, weight=WEIGHTS.long())
    assert_close(whole, multi_margin_loss(SCORES.float(), CLASSES, weight=WEIGHTS.long().float()))


def test_zeros_and_ones_are_a_list_of_the_classes_0_and_1():
    hot = index(0, 1, 0, 1)
    assert_close(
        multilabel_margin_loss(SCORES[0], hot), 2 * multilabel_margin_loss(SCORES[0], index(0, 1, -1, -1))
    )


def test_what_torch_takes_by_position_may_be_given_so():
    options = 2, 0.5, WEIGHTS
    assert_close(multi_margin_loss(SCORES, CLASSES, *options), F.multi_margin_loss(SCORES, CLASSES, *options))
    for function, given in ((multi_margin_loss, (CLASSES, *options)), (multilabel_margin_loss, (LISTS,))):
        with pytest.raises(TypeError, match=r"takes \d arguments by position, and got 'sum' after them"):
            function(SCORES, *given, "sum")


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.bfloat16, torch.float64])
def test_weights_may_be_of_another_dtype(dtype):
    x, y, w = X.float(), index(0, 1), torch.tensor([1, 0, 1])
    found = multi_margin_loss(x, y, weight=w.to(dtype))
    assert_close(found, F.multi_margin_loss(x, y, weight=w.float()))  # of float32 as well
    with pytest.raises(RuntimeError, match="expected scalar type Float"):
        F.multi_margin_loss(x, y, weight=w.to(dtype))
