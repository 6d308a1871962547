# ruff: noqa: E501 - a row of the errors is a line
"""Losses of preferences: their formulas, their errors, and what they are in terms of the others."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch.testing import assert_close

from lossref import (
    binary_cross_entropy_with_logits,
    bradley_terry_loss,
    dpo_loss,
    ipo_loss,
    mse_loss,
    soft_margin_loss,
)
from tests.errors import Row, X, Y, ones
from tests.formulas import slope, uniform, vector
from tests.strategies import exhaustive, gradient, real, vectors

BT, DPO, IPO = "bradley_terry_loss", "dpo_loss", "ipo_loss"
N = 12
ANSWERS = [uniform(-9, -6, N, seed=k) for k in range(4)]
FOUR = dict(zip(("c", "r", "c_0", "r_0"), ANSWERS, strict=True))
SYMBOLS = {"c": "chosen", "r": "rejected", "c_0": "reference_chosen", "r_0": "reference_rejected"}
SYMBOLS |= {"m": "margin", "epsilon": "label_smoothing"}
CASES = {
    BT: [{"x": ANSWERS[0], "y": ANSWERS[1], "m": m} for m in (0.0, 1.5, -0.5)],
    DPO: [FOUR | {"beta": b, "epsilon": e} for b, e in ((0.1, 0.0), (0.5, 0.2), (2.0, 0.5))],
    IPO: [FOUR | {"beta": b} for b in (0.1, 0.5, 2.0)],
}
MUTANTS = [
    (BT, "m - (x - y)", "m + (x - y)"),
    (BT, "m - (x - y)", "m - x - y"),
    (DPO, r"(c - c_0) - (r - r_0)", r"(c - c_0) + (r - r_0)"),
    (DPO, r"(c - c_0) - (r - r_0)", r"(c + c_0) - (r + r_0)"),
    (DPO, r"e^{-\beta h}", r"e^{-h}"),
    (DPO, r"(1 - \varepsilon) ", ""),
    (IPO, r"\frac{1}{2 \beta}", r"\frac{1}{\beta}"),
    (IPO, r"\frac{1}{2 \beta}", r"\frac{\beta}{2}"),
    (IPO, r"\right)^2", r"\right)"),
]

LEADS = {"h": uniform(-6, 6, N, seed=7)}


def dpo_of_lead(h, beta):
    return F.binary_cross_entropy_with_logits(beta * h, torch.ones_like(h), reduction="none")


TWINS = {
    "eq-dpo-plain": lambda c, r, c_0, r_0, beta: plain_dpo(c, r, c_0, r_0, beta=beta, reduction="none"),
    "eq-dpo-gradient": lambda beta, h=LEADS["h"]: slope(dpo_of_lead, h, beta),
    "eq-ipo": lambda c, r, c_0, r_0, beta: plain_ipo(c, r, c_0, r_0, beta=beta, reduction="none"),
    "eq-dpo": lambda c, r, c_0, r_0, beta, epsilon: plain_dpo(
        c, r, c_0, r_0, beta=beta, label_smoothing=epsilon, reduction="none"
    ),
    "eq-bradley-terry": lambda x, y, m: plain_bradley_terry(x, y, margin=m, reduction="none"),
}
NUMBERS = (
    FOUR
    | LEADS
    | {"beta": vector(0.3).squeeze(), "epsilon": vector(0.2).squeeze(), "m": vector(0.7).squeeze()}
)
OTHER_NAMES = ["ipo", "bradley-terry"]  # in labels of equations
BROKEN = [
    ("eq-dpo-plain", r"- (r - r_0)", r"+ (r - r_0)"),
    ("eq-dpo-gradient", r"e^{\beta h}", r"e^{-\beta h}"),
    ("eq-dpo-gradient", r"-\beta}", r"-1}"),
    ("eq-ipo", r"2 \beta", r"\beta"),
    ("eq-dpo", r"\varepsilon \log", r"\log"),
    ("eq-bradley-terry", "m - (x", "m + (x"),
]

REFERENCE = {"reference_chosen": X, "reference_rejected": Y}
ERRORS = [
    Row("scores of other shapes", BT, X, ones(3), {}, None, (ValueError, "target must have the size of input, (2, 3): one number for each pair; got (3,)")),
    Row("complex scores", BT, X.to(torch.complex64), Y, {}, None,
        (NotImplementedError, "input and target must be real; got input of torch.complex64, target of torch.float32")),
    *(
        row
        for name in (DPO, IPO)
        for row in (
            Row("answers of other shapes", name, X, ones(2, 1), REFERENCE, None,
                (ValueError, "rejected must have the size of chosen, (2, 3): one number for each pair; got (2, 1)")),
            Row("a reference for each row", name, X, Y, REFERENCE | {"reference_rejected": ones(2)}, None,
                (ValueError, "reference_rejected must have the size of chosen, (2, 3): one number for each pair; got (2,)")),
            Row("no reference", name, X, Y, {}, None, (TypeError, f"{name}() missing 2 required positional arguments: 'reference_chosen' and 'reference_rejected'")),
            *(Row(f"a beta of {beta}", name, X, Y, REFERENCE | {"beta": beta}, None, (ValueError, f"beta must be positive and finite, got {beta}"))
              for beta in (0.0, -0.1, math.inf, math.nan)),
        )
    ),
    *(Row(f"a smoothing of {share}", DPO, X, Y, REFERENCE | {"label_smoothing": share}, None, (ValueError, f"label_smoothing must be from 0 to 1, got {share}"))
      for share in (-0.1, 1.1, math.nan)),
]  # fmt: skip


def reduced(loss, reduction):
    return {"none": loss, "sum": loss.sum(), "mean": loss.mean()}[reduction]


def lead(chosen, rejected, reference_chosen, reference_rejected):
    return (chosen - rejected) - (reference_chosen - reference_rejected)  # as in the paper


def plain_bradley_terry(input, target, *, margin=0.0, reduction="mean"):
    return reduced(-F.logsigmoid(input - target - margin), reduction)


def plain_dpo(
    chosen, rejected, reference_chosen, reference_rejected, *, beta=0.1, label_smoothing=0.0, reduction="mean"
):
    logit = beta * lead(chosen, rejected, reference_chosen, reference_rejected)
    loss = -F.logsigmoid(logit) * (1 - label_smoothing) - F.logsigmoid(-logit) * label_smoothing
    return reduced(loss, reduction)


def plain_ipo(chosen, rejected, reference_chosen, reference_rejected, *, beta=0.1, reduction="mean"):
    h = lead(chosen, rejected, reference_chosen, reference_rejected)
    return reduced(h**2 - h / beta + 1 / (4 * beta**2), reduction)


ORACLES = {BT: plain_bradley_terry, DPO: plain_dpo, IPO: plain_ipo}

# Four pairs under a model and its reference.
PAIRS = (
    vector(-12.3, -8.1, -20, -5),
    vector(-11, -9.5, -45, -4),
    vector(-12, -8.5, -21, -5.5),
    vector(-11.2, -9, -30, -5.5),
)


@pytest.mark.parametrize(
    ("loss", "options", "golden"),
    [
        (dpo_loss, {}, [0.718459648, 0.649159339, 0.1839007409, 0.7443966601]),  # torchtune 0.6.1
        (dpo_loss, {"beta": 0.5, "label_smoothing": 0.1}, [0.8009394199, 0.538248946, 0.8003354064, 0.9240769842]),  # the same
        (ipo_loss, {}, [30.25, 16.81, 121, 36]),
    ],
)  # fmt: skip
def test_golden_values(loss, options, golden):
    assert_close(loss(*PAIRS, **options, reduction="none"), vector(*golden), rtol=0, atol=1e-9)


def test_golden_mean_and_scores():
    assert_close(dpo_loss(*PAIRS).item(), 0.573979097, rtol=0, atol=1e-9)  # liger-kernel 0.8.5
    found = bradley_terry_loss(vector(1.2, -0.3, 2), vector(0.4, 0.5, -1), reduction="none")
    assert_close(found, vector(0.3711006659, 1.1711006659, 0.0485873516), rtol=0, atol=1e-9)


def test_is_binary_cross_entropy_of_the_lead():
    chosen, rejected, *_ = ANSWERS
    logit = 0.3 * lead(*ANSWERS)
    assert_close(
        bradley_terry_loss(chosen, rejected),
        binary_cross_entropy_with_logits(chosen - rejected, torch.ones(N).double()),
    )
    assert_close(bradley_terry_loss(chosen, rejected), soft_margin_loss(chosen - rejected, torch.ones(N)))
    for share in (0.0, 0.2):
        expected = binary_cross_entropy_with_logits(logit, torch.full((N,), 1 - share).double())
        assert_close(dpo_loss(*ANSWERS, beta=0.3, label_smoothing=share), expected)  # fmt: skip


def test_dpo_is_bradley_terry_of_rewards_and_ipo_a_squared_error():
    chosen, rejected, first, second = ANSWERS
    rewards = 0.3 * (chosen - first), 0.3 * (rejected - second)
    assert_close(dpo_loss(*ANSWERS, beta=0.3), bradley_terry_loss(*rewards))
    assert_close(ipo_loss(*ANSWERS, beta=0.3), mse_loss(lead(*ANSWERS), torch.full((N,), 1 / 0.6).double()))


@exhaustive
@given(vectors(real), vectors(real))
def test_only_the_lead_counts(c, r):
    zero = torch.zeros_like(c)
    for loss in (dpo_loss, ipo_loss):
        expected = loss(c, r, zero, zero, reduction="none")
        assert_close(loss(c + 3, r + 3, zero, zero, reduction="none"), expected, rtol=1e-9, atol=1e-9)
        assert_close(loss(c, r, c, r, reduction="none"), loss(zero, zero, zero, zero, reduction="none"))
    two = bradley_terry_loss(c, r, reduction="none") - bradley_terry_loss(r, c, reduction="none")
    assert_close(two, r - c, rtol=1e-9, atol=1e-9)  # the loss of the order less that of its opposite


@pytest.mark.parametrize("beta", [0.01, 0.1, 5.0])
def test_of_the_reference_itself(beta):
    same = ANSWERS[:2] * 2
    assert_close(dpo_loss(*same, beta=beta).item(), math.log(2))
    assert_close(ipo_loss(*same, beta=beta).item(), 1 / (2 * beta) ** 2)


@pytest.mark.parametrize("beta", [0.1, 0.5, 2.0])
@pytest.mark.parametrize("share", [0.7, 1.0])
def test_where_a_share_prefers_the_first(beta, share):
    """DPO's best lead is a log-odds, and has no end where all agree; IPO's has one."""
    h = torch.linspace(-30, 60, 9001, dtype=torch.float64)
    zero = torch.zeros_like(h)

    def mean(loss):
        yes, no = (
            loss(h, zero, zero, zero, beta=beta, reduction="none"),
            loss(zero, h, zero, zero, beta=beta, reduction="none"),
        )
        return h[(share * yes + (1 - share) * no).argmin()].item()  # fmt: skip

    assert mean(ipo_loss) == pytest.approx((2 * share - 1) / (2 * beta), abs=0.011)
    best = math.log(share / (1 - share)) / beta if share < 1 else 60
    assert mean(dpo_loss) == pytest.approx(best, abs=0.011)


def test_the_slopes():
    leaf = ANSWERS[0]
    h = lead(*ANSWERS)
    found = gradient(lambda c: dpo_loss(c, *ANSWERS[1:], beta=0.3, reduction="none").sum(), leaf)
    assert_close(found, -0.3 * (-0.3 * h).sigmoid())
    found = gradient(lambda c: ipo_loss(c, *ANSWERS[1:], beta=0.3, reduction="none").sum(), leaf)
    assert_close(found, 2 * (h - 1 / 0.6))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_far_from_home(dtype):
    far, zero = torch.tensor([1e4, -1e4], dtype=dtype, requires_grad=True), torch.zeros(2, dtype=dtype)
    for loss in (
        bradley_terry_loss(far, zero, reduction="none"),
        dpo_loss(far, zero, zero, zero, beta=1, reduction="none"),
    ):
        assert_close(loss.detach(), torch.tensor([0, 1e4], dtype=dtype))
        assert_close(torch.autograd.grad(loss.sum(), far)[0], torch.tensor([0, -1], dtype=dtype))  # fmt: skip
    assert (-(far.detach() / 96).sigmoid().log())[1].isinf() == (
        dtype == torch.float32
    )  # -104, as it is written


def test_a_model_near_its_reference_loses_nothing_in_float32():
    """Of long answers, whose log-probabilities are large: each is compared with its own reference."""
    reference = torch.tensor([-3001.0, -12.0])
    moved = reference + torch.tensor([2**-10, 2**-16])
    found = dpo_loss(moved[:1], moved[1:], reference[:1], reference[1:], beta=1.0)
    expected = plain_dpo(
        *(each.double() for each in (moved[:1], moved[1:], reference[:1], reference[1:])), beta=1.0
    )
    assert_close(found.double(), expected, rtol=1e-7, atol=0)
