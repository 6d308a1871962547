# ruff: noqa: E501 - a row of the errors is a line
"""The soft margin losses: their formulas, their errors, and what is true of them alone."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch.func import hessian
from torch.testing import assert_close

from lossref import binary_cross_entropy_with_logits, multilabel_soft_margin_loss, soft_margin_loss
from tests.errors import ANY, Row, X, Y, ones
from tests.formulas import slope, uniform, vector
from tests.strategies import exhaustive, gradient, real, tensor, vectors

SOFT, TAGS = "soft_margin_loss", "multilabel_soft_margin_loss"
SCORES, LABELS = uniform(-5, 5, 12), vector(1, -1).repeat(6)
ROW, WEIGHTS = {"x": uniform(-5, 5, 4), "y": vector(1, 0, 0.25, 1), "C": 4}, vector(0.5, 1, 2, 3)
CASES = {
    SOFT: [{"x": SCORES, "y": LABELS}, {"x": SCORES, "y": uniform(-2, 2, 12, seed=1)}],
    TAGS: [ROW | {"w": WEIGHTS}, ROW | {"w": torch.ones(4)}],
}
MUTANTS = [
    (SOFT, r"e^{-y x}", r"e^{y x}"),
    (SOFT, r"e^{-y x}", r"e^{-x}"),
    (SOFT, r"1 + e", r"e"),
    (TAGS, r"\frac{1}{C} \sum", r"\sum"),
    (TAGS, r"w_c \left[ y_c", r"\left[ y_c"),
    (TAGS, r"(1 - y_c) \log\left(1 + e^{x_c}\right)", r"(1 - y_c) \log\left(1 + e^{-x_c}\right)"),
    (TAGS, r"(1 - y_c)", r"(-y_c)"),
]


def price(x, y):
    return -F.logsigmoid(y * x)


def mean_of_classes(x=ROW["x"], y=ROW["y"], w=WEIGHTS):
    return F.binary_cross_entropy_with_logits(x, y, w)


TWINS = {
    "eq-soft-margin": price,
    "eq-soft-margin-gradient": lambda x, y: slope(price, x, y),
    "eq-soft-margin-multilabel": mean_of_classes,
}
BROKEN = [
    ("eq-soft-margin", r"e^{-y x}", r"e^{y x}"),
    ("eq-soft-margin-gradient", r"= -\frac{y}", r"= \frac{y}"),
    ("eq-soft-margin-gradient", r"e^{y x}", r"e^{-y x}"),
    ("eq-soft-margin-gradient", r"\frac{y}{1", r"\frac{1}{1"),
    ("eq-soft-margin-multilabel", r"\frac{1}{C}", r""),
    ("eq-soft-margin-multilabel", r"(1 - y_c)", r"(y_c)"),
]
FITS = "must broadcast to the size of input, (2, 3); got"
ERRORS = [
    Row("shapes that do not broadcast", SOFT, X, ones(2), {}, (RuntimeError, "must match the size of tensor b (2)"),
        (RuntimeError, "The size of tensor a (3) must match the size of tensor b (2)...")),
    Row("a target that enlarges", SOFT, X, ones(4, 2, 3), {}, (RuntimeError, ""), (RuntimeError, f"target {FITS} (4, 2, 3)")),
    Row("integers as scores", SOFT, X.long(), Y, {}, ANY, (NotImplementedError, "input must be floating point, got torch.int64")),
    Row("complex labels", SOFT, X, Y.to(torch.complex64), {}, ANY,
        (NotImplementedError, "input and target must be real; got input of torch.float32, target of torch.complex64")),
    Row("bool labels", SOFT, X, Y.bool(), {}, 0.3132617, (NotImplementedError, "target must hold labels 1 and -1, got torch.bool, which has no -1")),
    Row("bytes as labels", SOFT, X, Y.byte(), {}, 0.3132617, (NotImplementedError, "target must hold labels 1 and -1, got torch.uint8, which has no -1")),
    Row("bool labels", TAGS, X, Y.bool(), {}, (RuntimeError, "with a bool tensor is not supported"), (RuntimeError, "target must hold numbers 1 and 0, got torch.bool")),
    Row("integers as logits", TAGS, X.long(), Y, {}, ANY, (NotImplementedError, "input must be floating point, got torch.int64")),
    Row("a scalar", TAGS, ones(), ones(), {}, (IndexError, ""), (IndexError, "input must have a dimension of classes, got a scalar")),
    Row("a target that enlarges", TAGS, X, ones(4, 2, 3), {}, 0.2088411, (RuntimeError, f"target {FITS} (4, 2, 3)")),
    Row("a weight that enlarges", TAGS, X, Y, {"weight": ones(4, 1, 1)}, 0.2088411, (RuntimeError, f"weight {FITS} (4, 1, 1)")),
    Row("a weight that does not broadcast", TAGS, X, Y, {"weight": ones(2)}, (RuntimeError, "must match the size of tensor"),
        (RuntimeError, "weight must broadcast to the size of input, (2, 3); got (2,)")),
    Row("a complex weight", TAGS, X, Y, {"weight": X.to(torch.complex64)}, ANY, (NotImplementedError, "weight must be real, got torch.complex64")),
]  # fmt: skip


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@exhaustive
@given(vectors(real), vectors(real))
def test_are_the_formulas_in_plain_python(x, z):
    y = z.sign()
    expected = tensor([softplus(-b * a) for a, b in zip(x.tolist(), y.tolist(), strict=True)])
    assert_close(soft_margin_loss(x, y, reduction="none"), expected, rtol=1e-14, atol=0)
    y = (z > 0).double()
    each = [softplus(-a if b else a) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    assert_close(multilabel_soft_margin_loss(x, y), tensor(math.fsum(each) / 6), rtol=1e-13, atol=0)


def test_one_formula_has_three_names():
    bce = binary_cross_entropy_with_logits(SCORES, (LABELS + 1) / 2, reduction="none")
    assert_close(soft_margin_loss(SCORES, LABELS, reduction="none"), bce)
    x, y = SCORES.view(3, 4), uniform(0, 1, 3, 4)
    for weight in (None, WEIGHTS, uniform(0, 1, 3, 4, seed=1)):
        bce = binary_cross_entropy_with_logits(x, y, weight, reduction="none")
        assert_close(multilabel_soft_margin_loss(x, y, weight, reduction="none"), bce.mean(1))
        assert_close(multilabel_soft_margin_loss(x, y, weight), bce.mean())


@pytest.mark.parametrize(
    ("dtype", "far"), [(torch.float16, 12.0), (torch.float32, 89.0), (torch.float64, 710.0)], ids=str
)
def test_far_on_the_wrong_side(dtype, far):
    x, y = torch.tensor([-far], dtype=dtype), torch.ones(1, dtype=dtype)
    assert soft_margin_loss(x, y) == far
    assert_close(gradient(lambda x: soft_margin_loss(x, y), x), -y)
    assert F.soft_margin_loss(x, y).isinf()  # if not, the docstring is out of date


def test_infinite_scores():
    x, y = tensor([math.inf, -math.inf, -math.inf]), tensor([1.0, -1.0, 1.0])
    assert soft_margin_loss(x, y, reduction="none").tolist() == [0, 0, math.inf]
    assert gradient(lambda x: soft_margin_loss(x, y, reduction="sum"), x).tolist() == [0, 0, -1]


def test_both_tails_are_kept():
    for x in (17.0, 30.0, 300.0, -30.0):
        found = soft_margin_loss(tensor([x]), tensor([1.0]))
        assert_close(found, tensor(softplus(-x)), rtol=1e-15, atol=0)
        found = multilabel_soft_margin_loss(tensor([x]), tensor([1.0]))
        assert_close(found, tensor(softplus(-x)), rtol=1e-15, atol=0)


def test_labels_of_0_teach_nothing():
    assert_close(soft_margin_loss(SCORES, 0 * SCORES), tensor(math.log(2)))
    assert gradient(lambda x: soft_margin_loss(x, 0 * x.detach()), SCORES).eq(0).all()


def test_derivatives_that_torch_lacks():
    p = (-LABELS * SCORES).sigmoid()
    found = hessian(lambda x: soft_margin_loss(x, LABELS, reduction="sum"))(SCORES)
    assert_close(found, torch.diag(p * (1 - p)))
    found = gradient(lambda y: soft_margin_loss(SCORES, y, reduction="sum"), LABELS)
    assert_close(found, -SCORES * p)


def test_labels_may_be_integers():
    for dtype in (torch.int8, torch.int64):
        assert_close(soft_margin_loss(SCORES, LABELS.to(dtype)), soft_margin_loss(SCORES, LABELS))
    y = (LABELS.view(3, 4) > 0).long()
    x = SCORES.view(3, 4)
    assert_close(multilabel_soft_margin_loss(x, y), multilabel_soft_margin_loss(x, y.double()))


def test_the_classes_are_last():
    x, y = uniform(-3, 3, 2, 3, 4), uniform(0, 1, 2, 3, 4, seed=1)
    found = multilabel_soft_margin_loss(x, y, reduction="none")
    assert found.shape == (2, 3)
    assert_close(found, F.multilabel_soft_margin_loss(x, y, reduction="none"))
