# ruff: noqa: E501 - a row of the errors is a line
"""The losses of overlap: their formulas, their errors, and what is true of them alone."""

import math

import pytest
import torch
from torch.testing import assert_close

from lossref import dice_loss, lovasz_hinge_loss, tversky_loss
from tests.errors import Row, X, Y, ones
from tests.formulas import slope, uniform, vector
from tests.strategies import tensor

DICE, TVERSKY, LOVASZ = "dice_loss", "tversky_loss", "lovasz_hinge_loss"


def reduced(loss, reduction):
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()


def dice(input, target, *, smooth=1.0, squared=False, reduction="mean"):
    p, y = input.flatten(1), target.flatten(1)
    above = 2 * torch.einsum("ni,ni->n", p, 1.0 * y) + smooth
    below = (p.square() + y.square() if squared else p + y).sum(1) + smooth
    return reduced(1 - above / below, reduction)


def tversky(input, target, *, alpha=0.5, beta=0.5, smooth=1.0, reduction="mean"):
    p, y = input.flatten(1), target.flatten(1)
    both = (p * y).sum(1)
    false_positives, false_negatives = p.sum(1) - both, y.sum(1) - both
    above = both + smooth
    return reduced(1 - above / (above + alpha * false_positives + beta * false_negatives), reduction)


def lovasz(input, target, *, reduction="mean"):
    """Without sorting: each pixel is compared with each, and those of the same error by their order."""
    x, y = input.flatten(1), target.flatten(1).to(input.dtype)
    error = 1 - (2 * y - 1) * x
    first = torch.ones(x.shape[1], x.shape[1]).triu().bool()
    worse = (error[:, :, None] > error[:, None]) | ((error[:, :, None] == error[:, None]) & first)

    def lost(worse):  # one minus intersection over union, if exactly these are wrong
        whole = worse.sum(1) + (y[:, :, None] * ~worse).sum(1)
        return worse.sum(1) / whole.clamp(min=1)

    price = lost(worse) - lost(worse & ~torch.eye(x.shape[1]).bool())
    return reduced((error.relu() * price).sum(1), reduction)


ORACLES = {DICE: dice, TVERSKY: tversky, LOVASZ: lovasz}

P, MASK = uniform(0, 1, 8), vector(1, 0, 0, 1, 1, 0, 0, 0)
# By their errors: 3, 2.5, 1.5, ..., of which the last is below 0.
SORTED = [
    (vector(-2, 1.5, -0.5, 0.25, 0.5, -3), vector(1, 0, 1, 0, 1, 0)),
    (vector(2, 1, -0.5, 0, -0.5, 2), vector(0, 0, 1, 1, 0, 1)),
]
SYMBOLS = {"alpha": "alpha", "beta": "beta", "s": "smooth"}
MASKS = {"p": P, "n": 8}
CASES = {
    DICE: [
        MASKS | {"y": y, "s": s} for y, s in ((MASK, 1.0), (0 * MASK, 0.1), (uniform(0, 1, 8, seed=1), 0.0))
    ],
    TVERSKY: [
        MASKS | {"y": MASK, "alpha": 0.3, "beta": 0.7, "s": 0.1},
        MASKS | {"y": uniform(0, 1, 8, seed=1), "alpha": 2.0, "beta": 1.0, "s": 0.0},
    ],
    LOVASZ: [{"x": x, "y": y, "n": 6} for x, y in SORTED],
}
MUTANTS = [
    (DICE, r"\frac{2 \sum", r"\frac{\sum"),
    (DICE, "+ s}{", "}{"),
    (DICE, "(p_i + y_i) + s", "(p_i + y_i) + 2 s"),
    (DICE, "(p_i + y_i)", "(p_i^2 + y_i^2)"),
    (DICE, "1 - ", ""),
    (TVERSKY, r"\alpha A + \beta B", r"\beta A + \alpha B"),
    (TVERSKY, "p_i (1 - y_i)", "p_i"),
    (TVERSKY, r"\frac{I + s}", r"\frac{I}"),
    (LOVASZ, r"\max(0, e_k)", "e_k"),
    (LOVASZ, "1 - (2 y_k - 1) x_k", "1 - y_k x_k"),
    (LOVASZ, "U_k - 1 + y_k", "U_k - 1"),
    (LOVASZ, r"\sum_{i=1}^{k} (1 - y_i)", r"\sum_{i=1}^{n} (1 - y_i)"),
    (LOVASZ, r"- \frac{k - 1}", r"- \frac{k}"),
]


def score(p, y):
    return f1(p[None], y[None])


def f1(p, y, power=1):
    """One minus the Dice loss, by precision and recall."""
    shared = (p * y).sum(1)
    precision, recall = shared / p.pow(power).sum(1), shared / y.pow(power).sum(1)
    return (2 / (1 / precision + 1 / recall))[0]


TWINS = {
    "eq-dice-plain": lambda p=P, y=MASK, n=8: 1 - score(p, y),
    "eq-dice-missed": lambda p=P, y=MASK, n=8: 1 - score(p, y),
    "eq-dice-gradient": lambda p=P, y=MASK, n=8: -slope(score, p, y),
    "eq-dice": lambda p=P, y=MASK, n=8, s=0.5: dice(p[None], y[None], smooth=s),
    "eq-dice-squared": lambda p=P, y=MASK, n=8: 1 - f1(p[None], y[None], power=2),
    "eq-tversky": lambda p=P, y=MASK, n=8, s=0.5, alpha=0.3, beta=0.7: tversky(
        p[None], y[None], alpha=alpha, beta=beta, smooth=s
    ),
    "eq-lovasz": lambda x=SORTED[1][0], y=SORTED[1][1], n=6: lovasz(x[None], y[None]),
}
OTHER_NAMES = ["tversky", "lovasz"]  # in labels of equations
BROKEN = [
    ("eq-dice-plain", "2 ", ""),
    ("eq-dice-missed", "p_i - y_i", "p_i + y_i"),
    ("eq-dice-gradient", "d - 2 y_i", "d - y_i"),
    ("eq-dice", "+ s}{", "}{"),
    ("eq-dice-squared", "p_i^2 + y_i^2", "p_i + y_i"),
    ("eq-dice-squared", "(p_i - y_i)^2", r"\lvert p_i - y_i \rvert"),
    ("eq-tversky", "I + s}{", "I}{"),
    ("eq-tversky", r"\alpha A", "A"),
    ("eq-lovasz", "- 1 + y_k", "- 1"),
    ("eq-lovasz", r"\max(0, e_k)", "e_k"),
]
SIZE = "target must have the same size as input, (2, 3); got (2, 1, 3)"
RANGE = "should be between 0 and 1, got values from"
ERRORS = [
    *(Row("another shape", name, X, ones(2, 1, 3), {}, None, (ValueError, SIZE)) for name in ORACLES),
    *(Row("complex", name, X.to(torch.complex64), Y, {}, None, (NotImplementedError, "input and target must be real; got input of torch.complex64, target of torch.float32"))
      for name in ORACLES),
    *(Row("logits", name, 3 * X, Y, {}, None, (RuntimeError, f"all elements of input {RANGE} 3 to 3")) for name in (DICE, TVERSKY)),
    *(Row("a mask of bytes", name, X, 255 * Y.byte(), {}, None, (RuntimeError, f"all elements of target {RANGE} 255 to 255")) for name in (DICE, TVERSKY)),
    *(Row(f"{option} below 0", name, X, Y, {option: -1}, None, (ValueError, f"{option} must not be negative, got -1.0"))
      for name, option in ((DICE, "smooth"), (TVERSKY, "smooth"), (TVERSKY, "alpha"), (TVERSKY, "beta"))),
    Row("smooth nan", DICE, X, Y, {"smooth": math.nan}, None, (ValueError, "smooth must not be negative, got nan")),
    *(Row(f"the label {wrong:.4g}", LOVASZ, X, wrong * Y, {}, None, (ValueError, f"target must hold 0 and 1, got {wrong:.4g}"))
      for wrong in (255.0, -1.0, 0.5)),
]  # fmt: skip

# Two samples of four pixels.
FOUR, TRUE = tensor([[0.9, 0.8, 0.3, 0.1], [0.6, 0.2, 0.4, 0.7]]), tensor([[1, 1, 0, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"smooth": 0}, [0.17073171, 0.51724138]),  # monai 1.6.1 and keras 3.15.1, a sample at a time
        ({"smooth": 0, "squared": True}, [0.04225352, 0.31707317]),  # monai
        ({"smooth": 1}, [0.1372549, 0.38461538]),
        ({"smooth": 2}, [0.1147541, 0.30612245]),  # optax 0.2.8, where it is smooth=1
    ],
)
def test_dice_of_other_libraries(options, expected):
    assert_close(dice_loss(FOUR, TRUE, reduction="none", **options), tensor(expected), rtol=0, atol=1e-8)


def test_dice_of_a_batch_is_that_of_one_sample_with_all_pixels():
    whole = FOUR.flatten(), TRUE.flatten()  # segmentation-models-pytorch 0.6.0, keras, monai with batch=True
    assert_close(dice_loss(*whole, smooth=0), tensor(0.31428571), rtol=0, atol=1e-8)
    assert_close(dice_loss(*whole, smooth=0, squared=True), tensor(0.14285714), rtol=0, atol=1e-8)
    assert_close(dice_loss(FOUR, TRUE, smooth=0), tensor(0.34398654), rtol=0, atol=1e-8)
    images = FOUR.view(2, 2, 1, 2), TRUE.view(2, 2, 1, 2)
    assert_close(dice_loss(*images), dice_loss(FOUR, TRUE))


@pytest.mark.parametrize(
    ("prices", "expected"),
    [
        ((1, 1), [0.29166667, 0.68181818]),  # Jaccard: monai, smp
        ((0.3, 0.7), [0.16256158, 0.4488189]),  # monai, optax
        ((0.7, 0.3), [0.17874396, 0.57055215]),  # keras 3.15.1 gives it for alpha=0.3, beta=0.7
    ],
)
def test_tversky_of_other_libraries(prices, expected):
    alpha, beta = prices
    found = tversky_loss(FOUR, TRUE, alpha=alpha, beta=beta, smooth=0, reduction="none")
    assert_close(found, tensor(expected), rtol=0, atol=1e-8)


def test_lovasz_of_other_libraries():
    x, y = tensor([[1.2, -0.3, 0.4, -2, 0.8, -0.1]]), tensor([[1, 1, 0, 0, 1, 0]])
    assert_close(lovasz_hinge_loss(x, y), tensor(0.805))  # kornia 0.9.0, smp
