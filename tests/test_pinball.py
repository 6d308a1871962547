# ruff: noqa: E501 - a row of the errors is a line
"""The pinball loss and the CRPS: their formulas, their errors, and what is true of them alone."""

import math

import pytest
import torch
from hypothesis import given
from torch import Tensor
from torch.distributions import Normal
from torch.testing import assert_close

from lossref import crps_ensemble_loss, crps_normal_loss, l1_loss, pinball_loss
from tests.errors import Row, X, Y, ones
from tests.formulas import slope, uniform, vector
from tests.strategies import exhaustive, matrices, ordinary, tensor, vectors

PINBALL, NORMAL, ENSEMBLE = "pinball_loss", "crps_normal_loss", "crps_ensemble_loss"


# ---- Independent formulas: what the shared tests hold the functions against.


def reduced(loss: Tensor, reduction: str) -> Tensor:
    return {"none": loss, "sum": loss.sum(), "mean": loss.mean()}[reduction]


def pinball(input, target, *, quantile=0.5, reduction="mean"):
    residual = target - input
    below = torch.where(residual < 0, (quantile - 1) * residual, 0.0)
    return reduced(torch.where(residual > 0, quantile * residual, below), reduction)


def crps_normal(input, target, std, *, reduction="mean"):
    z = (target - input) / std
    density = (-z * z / 2).exp() / math.sqrt(2 * math.pi)
    loss = std * (z * (2 * torch.special.ndtr(z) - 1) + 2 * density - 1 / math.sqrt(math.pi))
    return reduced(loss, reduction)


def crps_ensemble(input, target, *, fair=False, reduction="mean"):
    size = input.shape[-1]
    terms = [(input[..., i] - target).abs() / size for i in range(size)]
    for i in range(size):
        for j in range(i):
            terms.append(-(input[..., i] - input[..., j]).abs() / (size * (size - fair)))
    return reduced(torch.stack(terms).sum(0), reduction)


ORACLES = {PINBALL: pinball, NORMAL: crps_normal, ENSEMBLE: crps_ensemble}

# ---- The formulas of the docstrings, run.

PREDICTED, SEEN, WIDTHS = uniform(-2, 2, 12), uniform(-2, 2, 12, seed=1), uniform(0.2, 2, 12, seed=2)
LEVELS = vector(0, 0.1, 0.25, 0.5, 0.75, 0.9, 1).repeat(2)[:12]
SYMBOLS = {"tau": "quantile", "sigma": "std"}
CASES = {
    PINBALL: [{"x": PREDICTED, "y": SEEN, "tau": tau} for tau in (LEVELS, 0.1, 0.5)],
    NORMAL: [{"x": PREDICTED, "y": SEEN, "sigma": WIDTHS}],
    ENSEMBLE: [{"x": uniform(-2, 2, 5, seed=k), "y": torch.tensor(0.3), "M": 5} for k in (1, 2)],
}
MUTANTS = [
    (PINBALL, r"\tau r, (\tau - 1) r", r"\tau r, (1 - \tau) r"),
    (PINBALL, r"\tau r, (\tau - 1) r", r"(1 - \tau) r, -\tau r"),
    (PINBALL, r"y - x", r"x - y"),
    (PINBALL, r"\max", r"2 \max"),
    (NORMAL, r"(y - x) \operatorname", r"(x - y) \operatorname"),
    (NORMAL, r"\frac{z}{\sqrt{2}}", r"z"),
    (NORMAL, r"\sqrt{2} \, e", r"e"),
    (NORMAL, r"- 1\right)", r"\right)"),
    (NORMAL, r"-z^2 / 2", r"-z^2"),
    (NORMAL, r"\frac{\sigma}{\sqrt{\pi}}", r"\frac{1}{\sqrt{\pi}}"),
    (ENSEMBLE, r"\frac{1}{2 M^2}", r"\frac{1}{M^2}"),
    (ENSEMBLE, r"\frac{1}{2 M^2}", r"\frac{1}{2 M (M - 1)}"),
    (ENSEMBLE, r"|x_i - y|", r"(x_i - y)"),
    (ENSEMBLE, r"\quad - \frac", r"\quad + \frac"),
]

MEMBERS, VALUE, FIVE = PREDICTED[:5], SEEN[0], torch.tensor(5.0)
OFF = uniform(-2, 2, 12, seed=4)  # no prediction is exactly right


def slope_of(x, y, tau):
    return slope(pinball, x, y, quantile=tau, reduction="sum")


TWINS = {
    "eq-pinball": lambda x=PREDICTED, y=SEEN, tau=LEVELS: pinball(x, y, quantile=tau, reduction="none"),
    "eq-pinball-slope": lambda x=PREDICTED, y=OFF, tau=LEVELS: slope_of(x, y, tau),
    "eq-crps-normal": lambda x=PREDICTED, y=SEEN, sigma=WIDTHS: crps_normal(x, y, sigma, reduction="none"),
    "eq-crps-ensemble": lambda x=MEMBERS, y=VALUE, M=FIVE: crps_ensemble(x, y),
}
OTHER_NAMES = ["crps"]  # in labels of equations
BROKEN = [
    ("eq-pinball", r"(\tau - 1)", r"\tau"),
    ("eq-pinball", r"\max", r"\min"),
    ("eq-pinball-slope", r"1 - \tau", r"\tau"),
    ("eq-pinball-slope", r"-\tau & \text{if } x < y", r"-\tau & \text{if } x > y"),
    ("eq-crps-normal", r"\sqrt{2} \, e", r"e"),
    ("eq-crps-normal", r"-z^2 / 2", r"-z^2"),
    ("eq-crps-ensemble", r"2 M^2", r"M^2"),
    ("eq-crps-ensemble", r"|x_i - x_j|", r"|x_i - y|"),
]
WANTED = "quantile must be from 0 to 1, got"
SHAPE = (
    "target must have the shape of input without its last dimension, that of the members; got input of shape"
)
DIMENSIONS = "input and target must have as many dimensions, got the shapes (2, 3) and (2,): the target of several quantiles has the size 1 in their dimension"
LEVELS_THAT_ARE_NONE = {
    "a percentage": (90, "90"),
    "above 1": (1.5, "1.5"),
    "below 0": (-0.1, "-0.1"),
    "nan": (math.nan, "nan"),
}
ERRORS = [
    *(Row(f"a quantile: {what}", PINBALL, X, Y, {"quantile": q}, None, (ValueError, f"{WANTED} {says}")) for what, (q, says) in LEVELS_THAT_ARE_NONE.items()),
    *(Row(f"quantiles: {what}", PINBALL, X, Y, {"quantile": torch.tensor([0.5, q, 0.1])}, None, (ValueError, f"{WANTED} {says}")) for what, (q, says) in LEVELS_THAT_ARE_NONE.items()),
    Row("a quantile as word", PINBALL, X, Y, {"quantile": "0.9"}, None, (TypeError, "quantile must be a number, got '0.9'")),
    Row("quantiles as a list", PINBALL, X, Y, {"quantile": [0.1, 0.5, 0.9]}, None, (TypeError, "quantile must be a number, got list")),
    Row("complex quantiles", PINBALL, X, Y, {"quantile": 1j * X}, None, (NotImplementedError, "input and target and quantile must be real; got input of torch.float32, target of torch.float32, quantile of torch.complex64")),
    Row("two quantiles for three columns", PINBALL, X, Y, {"quantile": torch.tensor([0.1, 0.9])}, None, (RuntimeError, "quantile must broadcast to the size of input, (2, 3); got (2,)")),
    Row("several quantiles of one prediction", PINBALL, X[:, :1], Y[:, :1], {"quantile": torch.tensor([0.1, 0.9])}, None, (RuntimeError, "quantile must broadcast to the size of input, (2, 1); got (2,)")),
    Row("a row of targets for several quantiles", PINBALL, X, Y[:, 0], {}, None, (RuntimeError, DIMENSIONS)),
    Row("shapes that do not broadcast", PINBALL, X, ones(2, 2), {}, None, (RuntimeError, "The size of tensor a (2) must match the size of tensor b (3)...")),
    Row("a row of targets", NORMAL, X, Y[:, 0], {"std": Y}, None, (RuntimeError, DIMENSIONS)),
    Row("a deviation below 0", NORMAL, X, Y, {"std": -Y}, None, (ValueError, "std must not be negative, got -1")),
    Row("deviations of another shape", NORMAL, X, Y, {"std": ones(2)}, None, (RuntimeError, "std must broadcast to the size of input, (2, 3); got (2,)")),
    Row("a number as std", NORMAL, X, Y, {"std": 1.0}, None, (TypeError, "std must be a Tensor, got float")),
    Row("complex deviations", NORMAL, X, Y, {"std": 1j * Y}, None, (NotImplementedError, "input and target and std must be real; got input of torch.float32, target of torch.float32, std of torch.complex64")),
    Row("a target for each member", ENSEMBLE, X, Y, {}, None, (RuntimeError, f"{SHAPE} (2, 3) and target of shape (2, 3)")),
    Row("a column of targets", ENSEMBLE, X, Y[:, :1], {}, None, (RuntimeError, f"{SHAPE} (2, 3) and target of shape (2, 1)")),
    Row("no dimension", ENSEMBLE, X[0, 0], Y[0, 0], {}, None, (RuntimeError, f"{SHAPE} () and target of shape ()")),
    Row("no member", ENSEMBLE, ones(2, 0), Y[:, 0], {}, None, (ValueError, "input must have members in its last dimension, 1 or more; got 0")),
    Row("one member, and fair", ENSEMBLE, ones(2, 1), Y[:, 0], {"fair": True}, None, (ValueError, "input must have members in its last dimension, 2 or more; got 1")),
]  # fmt: skip


# ---- What other libraries and papers say.

Y_SEEN, Q_SAID = vector(1, -2, 3.5, 0, 4), vector(0.5, -1, 3.5, 2, 1)


@pytest.mark.parametrize(
    ("tau", "each", "mean"),  # scikit-learn 1.9.1, mean_pinball_loss
    [
        (0.1, (0.05, 0.9, 0, 1.8, 0.3), 0.61),
        (0.5, (0.25, 0.5, 0, 1, 1.5), 0.65),
        (0.9, (0.45, 0.1, 0, 0.2, 2.7), 0.69),
    ],
)
def test_the_pinball_loss_of_scikit_learn(tau, each, mean):
    assert_close(pinball_loss(Q_SAID, Y_SEEN, quantile=tau, reduction="none"), vector(*each))
    assert_close(pinball_loss(Q_SAID, Y_SEEN, quantile=tau), tensor(mean))


def test_the_crps_of_properscoring_and_scoringrules():  # 0.1 and 0.10.0
    found = crps_normal_loss(vector(0, 1, -1), vector(0.3, 2, -1), vector(1, 0.5, 2), reduction="none")
    assert_close(found, vector(0.2693329, 0.72639591, 0.46738995), rtol=0, atol=5e-9)
    members, y = vector(0, 1, 3, -0.5), tensor(1.2)
    assert_close(crps_ensemble_loss(members, y), tensor(0.50625))
    assert_close(crps_ensemble_loss(members, y, fair=True), tensor(0.26666667), rtol=0, atol=5e-9)


# ---- What they are in terms of the others, and of each other.


@exhaustive
@given(vectors(ordinary), vectors(ordinary), vectors(ordinary.map(lambda r: 0.5 + r / 10)))
def test_pinball_is_a_tilted_l1(x, y, tau):
    l1 = l1_loss(x, y, reduction="none")
    assert_close(pinball_loss(x, y, reduction="none"), l1 / 2, rtol=0, atol=0)
    loss = pinball_loss(x, y, quantile=tau, reduction="none")
    assert_close(loss, l1 / 2 + (tau - 0.5) * (y - x), rtol=1e-12, atol=1e-12)
    assert (loss >= 0).all()
    assert_close(pinball_loss(-x, -y, quantile=1 - tau, reduction="none"), loss, rtol=1e-12, atol=1e-12)
    assert_close(pinball_loss(4 * x, 4 * y, quantile=tau, reduction="none"), 4 * loss)


def test_the_crps_is_twice_the_pinball_loss_of_all_quantiles():
    steps = 20000
    tau = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps
    quantiles = PREDICTED.unsqueeze(1) + WIDTHS.unsqueeze(1) * Normal(0, 1).icdf(tau)
    all_of_them = 2 * pinball_loss(quantiles, SEEN.unsqueeze(1), quantile=tau, reduction="none").mean(1)
    assert_close(all_of_them, crps_normal_loss(PREDICTED, SEEN, WIDTHS, reduction="none"), rtol=0, atol=2e-5)


def test_an_ensemble_of_quantiles_has_nearly_the_crps_of_their_distribution():
    tau = (torch.arange(400, dtype=torch.float64) + 0.5) / 400
    members = PREDICTED.unsqueeze(1) + WIDTHS.unsqueeze(1) * Normal(0, 1).icdf(tau)
    found = crps_ensemble_loss(members, SEEN, reduction="none")
    assert_close(found, crps_normal_loss(PREDICTED, SEEN, WIDTHS, reduction="none"), rtol=0, atol=5e-3)
    # Each member is then the quantile that twice its mean pinball loss says.
    twice = 2 * pinball_loss(members, SEEN.unsqueeze(1), quantile=tau, reduction="none").mean(1)
    assert_close(found, twice, rtol=1e-10, atol=1e-12)


def test_a_fair_ensemble_expects_as_much_of_few_members_as_of_many():
    generator = torch.Generator().manual_seed(0)
    truth = crps_normal_loss(tensor(0.0), tensor(0.5), tensor(1.0))
    for members in (2, 5):
        draws = torch.randn(20_000, members, generator=generator, dtype=torch.float64)
        y = torch.full((20_000,), 0.5, dtype=torch.float64)
        assert_close(crps_ensemble_loss(draws, y, fair=True), truth, rtol=0, atol=1e-2)
        assert_close(crps_ensemble_loss(draws, y) - truth, tensor(1 / members) / math.sqrt(math.pi),
                     rtol=0, atol=1e-2)  # fmt: skip


@exhaustive
@given(matrices(ordinary), vectors(ordinary, 3))
def test_an_ensemble_is_no_better_than_0_and_no_worse_than_its_members(x, y):
    off = l1_loss(x, y.unsqueeze(1).expand_as(x), reduction="none").mean(1)
    for fair in (False, True):
        loss = crps_ensemble_loss(x, y, fair=fair, reduction="none")
        assert (loss >= -1e-12).all()
        assert (loss <= off + 1e-12).all()
    assert_close(crps_ensemble_loss(x[:, :1], y), l1_loss(x[:, 0], y))
