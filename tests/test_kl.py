# ruff: noqa: E501 - a row of the errors is a line
"""The Kullback-Leibler divergence: its formula, its errors, and what is true of it alone."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.distributions import Categorical, Normal, kl_divergence
from torch.testing import assert_close

from lossref import cross_entropy, kl_div
from tests.errors import ANY, Row, X, ones
from tests.formulas import C, slope, uniform, vector
from tests.strategies import gradient, tensor

KL = "kl_div"
LOGITS, TRUTH = uniform(-3, 3, 5, 4), uniform(-3, 3, 5, 4, seed=1).softmax(1)
CASES = {KL: [{"x": LOGITS, "y": TRUTH}, {"x": vector(-1, -2, -3), "y": vector(0, 1, 0.5)}]}
MUTANTS = [
    (KL, r"\log y - x", r"x - \log y"),
    (KL, r"y (\log y - x)", r"e^x (\log y - x)"),
    (KL, r"y (\log y - x)", r"y (\log y - \log x)"),
    (KL, r"0 & \text", r"1 & \text"),
    (KL, r"y > 0", r"y > \frac{3}{4}"),
]
P, Q = uniform(-2, 2, C, seed=5).softmax(0), uniform(-2, 2, C, seed=6).softmax(0)
MEANS, WIDTHS = uniform(-2, 2, 2, seed=7), uniform(0.5, 2, 2, seed=8)


def unreduced(x, y):
    return F.kl_div(x, y, reduction="none")


TWINS = {
    "eq-kl": lambda x=LOGITS, y=TRUTH: unreduced(x, y),
    "eq-kl-plain": lambda p=P, q=Q: kl_divergence(Categorical(q), Categorical(p)),
    "eq-kl-gradient": lambda x=LOGITS, y=TRUTH: slope(unreduced, x, y),
    "eq-kl-gauss": lambda m=MEANS[0], s=WIDTHS[0], mu=MEANS[1], sigma=WIDTHS[1]: kl_divergence(
        Normal(m, s), Normal(mu, sigma)
    ),
}
BROKEN = [
    ("eq-kl", r"\log y - x", r"x - \log y"),
    ("eq-kl-plain", r"\frac{q_c}{p_c}", r"\frac{p_c}{q_c}"),
    ("eq-kl-gradient", "-y", "y"),
    ("eq-kl-gauss", r"\frac{\sigma}{s}", r"\frac{s}{\sigma}"),
    ("eq-kl-gauss", r"2 \sigma^2", r"\sigma^2"),
]
REAL = "input and target must be real, and one of them floating point; got input of"
ERRORS = [
    Row("shapes that do not broadcast", KL, X, ones(2), {}, (RuntimeError, "must match the size of tensor"),
        (RuntimeError, "The size of tensor a (2) must match the size of tensor b (3)...")),
    Row("a probability below 0", KL, X, -X, {}, math.nan, math.nan),
    Row("integers", KL, X.long(), X.long(), {}, ANY, (NotImplementedError, f"{REAL} torch.int64 and target of torch.int64")),
    Row("complex", KL, X.to(torch.complex64), X, {}, ANY, (NotImplementedError, f"{REAL} torch.complex64 and target of torch.float32")),
]  # fmt: skip


def test_is_the_divergence_of_distributions():
    expected = kl_divergence(Categorical(TRUTH), Categorical(logits=LOGITS))
    for target, log_target in ((TRUTH, False), (TRUTH.log(), True)):
        found = kl_div(LOGITS.log_softmax(1), target, reduction="none", log_target=log_target)
        assert_close(found.sum(1), expected)
        mean = kl_div(LOGITS.log_softmax(1), target, reduction="batchmean", log_target=log_target)
        assert_close(mean, expected.mean())
        assert_close(kl_div(LOGITS.log_softmax(1), target, log_target=log_target), expected.mean() / 4)
    assert (expected > 0).all()


def test_differs_from_cross_entropy_by_the_entropy():
    entropy = Categorical(TRUTH).entropy().mean()
    divergence = kl_div(LOGITS.log_softmax(1), TRUTH, reduction="batchmean")
    assert_close(divergence, cross_entropy(LOGITS, TRUTH) - entropy)
    found = gradient(lambda x: kl_div(x.log_softmax(1), TRUTH, reduction="batchmean"), LOGITS)
    assert_close(found, gradient(lambda x: cross_entropy(x, TRUTH), LOGITS))


@pytest.mark.parametrize("log_target", [False, True])
def test_batchmean_is_that_of_torch_in_any_shape(log_target):
    for shape in ((5, 4), (5,), (), (2, 5, 4)):
        x, y = uniform(-3, 3, *shape), uniform(0.1, 1, *shape, seed=1)
        options = {"reduction": "batchmean", "log_target": log_target}
        assert_close(kl_div(x, y, **options), F.kl_div(x, y, **options))


def test_batchmean_of_a_broadcast_is_over_all_rows():
    one = LOGITS[:1].log_softmax(1)
    expected = kl_div(one.expand(5, 4), TRUTH, reduction="batchmean")
    assert_close(kl_div(one, TRUTH, reduction="batchmean"), expected)
    assert_close(F.kl_div(one, TRUTH, reduction="batchmean"), 5 * expected)  # of one row


@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("x", [-2.0, -math.inf])
def test_what_never_happens_costs_nothing(log_target, x):
    """Nor has it a gradient, where torch has nan."""
    leaves = [tensor([x]), tensor([-math.inf if log_target else 0.0])]
    for leaf in leaves:
        leaf.requires_grad_()
    for function in (kl_div, F.kl_div):
        loss = function(*leaves, reduction="sum", log_target=log_target)
        found = [loss, *torch.autograd.grad(loss, leaves)]
        if function is kl_div:
            assert [each.item() for each in found] == [0, 0, 0]
        else:  # when this fails, torch has mended its own, and the docstring is out of date
            assert any(each.isnan().any() for each in found)


def test_what_the_model_takes_for_impossible_costs_all():
    assert kl_div(tensor([-math.inf]), tensor([0.5])) == math.inf


def test_gradients():
    x, y = LOGITS.log_softmax(1), TRUTH
    assert_close(gradient(lambda x: kl_div(x, y, reduction="sum"), x), -y)
    assert_close(gradient(lambda y: kl_div(x, y, reduction="sum"), y), y.log() - x + 1)
    t = y.log()
    found = gradient(lambda t: kl_div(x, t, reduction="sum", log_target=True), t)
    assert_close(found, y * (t - x + 1))


def test_the_mean_does_not_warn(recwarn):
    kl_div(LOGITS, TRUTH)
    assert not recwarn.list
