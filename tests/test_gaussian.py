# ruff: noqa: E501 - a row of the errors is a line
"""The Gaussian loss: its formula, its errors, and what is true of it alone."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch.distributions import Normal
from torch.func import vmap
from torch.testing import assert_close

from lossref import gaussian_nll_loss, mse_loss
from tests.errors import ANY, Row, X, Y, ones
from tests.formulas import slope, uniform
from tests.strategies import exhaustive, gradient, ordinary, positive, tensor, vectors

GAUSSIAN = "gaussian_nll_loss"
SYMBOLS = {"v": "var", "epsilon": "eps"}
MEANS, TARGETS, VARIANCES = uniform(-3, 3, 12), uniform(-3, 3, 12, seed=1), uniform(0, 2, 12, seed=2)
CASES = {
    GAUSSIAN: [{"x": MEANS, "y": TARGETS, "v": VARIANCES, "epsilon": eps} for eps in (1e-6, 0.5)]
    + [{"x": MEANS, "y": TARGETS, "v": 0 * VARIANCES, "epsilon": 0.25}]
}
MUTANTS = [
    (GAUSSIAN, r"\log \max(v, \varepsilon)", r"\log v"),
    (GAUSSIAN, r"\frac{1}{2} \left( \log", r"\left( \log"),
    (GAUSSIAN, r"(x - y)^2", r"\lvert x - y \rvert"),
    (GAUSSIAN, r"}{\max(v, \varepsilon)", r"}{v"),
    (GAUSSIAN, r"}{\max(v, \varepsilon)", r"}{2 \max(v, \varepsilon)"),
]
VARIED = VARIANCES + 0.1


def torch_loss(x, y, v, eps=1e-6):
    return F.gaussian_nll_loss(x, y, v, eps=float(eps), reduction="none")


def pull_of_beta(x, y, v, beta):
    weight = v**beta  # detached
    return slope(lambda x: weight * torch_loss(x, y, v), x)


TWINS = {
    "eq-gaussian": lambda x, y, v=VARIANCES, epsilon=0.5: torch_loss(x, y, v, epsilon),
    "eq-gaussian-plain": lambda x, y, v=VARIED: -Normal(x, v.sqrt()).log_prob(y) - math.log(2 * math.pi) / 2,
    "eq-gaussian-gradient": lambda x, y, v=VARIED: slope(torch_loss, x, y, v),
    "eq-gaussian-variance": lambda x, y, v=VARIED: slope(lambda v: torch_loss(x, y, v), v),
    "eq-gaussian-beta": lambda x, y, beta, v=VARIED: pull_of_beta(x, y, v, beta),
}
BROKEN = [
    ("eq-gaussian-plain", r"\log v", r"\log v^2"),
    ("eq-gaussian-plain", r"\frac{1}{2}", ""),
    ("eq-gaussian-gradient", r"{v}", r"{v^2}"),
    ("eq-gaussian-variance", r"2 v^2", r"v^2"),
    ("eq-gaussian-variance", r"v - (", r"v + ("),
    ("eq-gaussian-beta", r"1 - \beta", r"\beta"),
]
V = {"var": X}
SIZE = "var is of incorrect size: it must have the shape of input, (2, 3), with 1 for any of its sizes, or without the last; got"
ERRORS = [
    *(Row(f"var of shape {tuple(var.shape)}", GAUSSIAN, X, Y, {"var": var}, (ValueError, "var is of incorrect size"), (ValueError, f"{SIZE} {tuple(var.shape)}"))
      for var in (ones(3), ones(2, 2), ones(2, 3, 1), ones())),
    Row("a variance below 0", GAUSSIAN, X, Y, {"var": -X}, (ValueError, "var has negative entry/entries"), (ValueError, "var must not be negative, got -1")),
    Row("a variance for all below 0", GAUSSIAN, X, Y, {"var": -2.0}, (ValueError, "var has negative entry/entries"), (ValueError, "var must not be negative, got -2")),
    Row("a list as var", GAUSSIAN, X, Y, {"var": [1.0]}, ANY, (TypeError, "var must be a Tensor, got list")),
    *(Row(f"eps {eps}", GAUSSIAN, X, Y, V | {"eps": eps}, 0.0, (ValueError, f"eps must be positive, got {eps}")) for eps in (0.0, -1.0)),
    Row("eps nan", GAUSSIAN, X, Y, V | {"eps": math.nan}, math.nan, (ValueError, "eps must be positive, got nan")),
    Row("complex", GAUSSIAN, X.to(torch.complex64), Y, V, ANY,
        (NotImplementedError, "input and target and var must be real; got input of torch.complex64, target of torch.float32, var of torch.float32")),
    Row("a target that does not broadcast", GAUSSIAN, X, ones(2, 2), V, (RuntimeError, "must match the size of tensor b (2)"),
        (RuntimeError, "The size of tensor a (3) must match the size of tensor b (2)...")),
]  # fmt: skip


@exhaustive
@given(vectors(ordinary), vectors(ordinary), vectors(positive))
def test_is_the_formula_in_plain_python(x, y, v):
    rows = zip(x.tolist(), y.tolist(), v.tolist(), strict=True)
    expected = tensor([(math.log(max(c, 0.5)) + (a - b) ** 2 / max(c, 0.5)) / 2 for a, b, c in rows])
    assert_close(gaussian_nll_loss(x, y, v, eps=0.5, reduction="none"), expected, rtol=1e-12, atol=1e-12)


def test_is_the_surprise():
    surprise = -Normal(MEANS, VARIANCES.sqrt()).log_prob(TARGETS)
    assert_close(gaussian_nll_loss(MEANS, TARGETS, VARIANCES, full=True, reduction="none"), surprise)
    assert_close(gaussian_nll_loss(MEANS, TARGETS, 1.0), mse_loss(MEANS, TARGETS) / 2)


@pytest.mark.parametrize("function", [gaussian_nll_loss, F.gaussian_nll_loss])
def test_below_eps_the_variance_has_the_gradient_of_eps(function):
    """A clamp would leave it at 0, and the variance there for ever."""
    r, eps = tensor([0.0, 0.0, 1.0, 1.0]), 0.25
    found = gradient(lambda v: function(r, 0 * r, v, eps=eps), tensor([0.0, 0.2, 0.2, 4.0]))
    at = tensor([eps, eps, eps, 4.0])
    assert_close(found, (1 / at - r**2 / at**2) / 8)


def test_the_best_variance_is_the_squared_residual():
    r = MEANS - TARGETS
    assert_close(gradient(lambda v: gaussian_nll_loss(MEANS, TARGETS, v), r**2), 0 * r)
    pulls = gradient(lambda x: gaussian_nll_loss(x, TARGETS, VARIANCES, reduction="sum"), MEANS)
    assert_close(pulls, r / VARIANCES)


@pytest.mark.parametrize("shape", [(4, 2, 3), (4, 2, 1), (4, 1, 3), (1, 1, 1), (4, 1, 1), (4, 2)])
def test_shapes_of_the_variance(shape):
    x, y, v = uniform(-3, 3, 4, 2, 3), uniform(-3, 3, 4, 2, 3, seed=1), uniform(0.5, 2, *shape, seed=2)
    whole = (v.unsqueeze(-1) if len(shape) == 2 else v).expand(4, 2, 3)
    assert_close(gaussian_nll_loss(x, y, v), gaussian_nll_loss(x, y, whole))
    assert_close(gaussian_nll_loss(x, y, whole), F.gaussian_nll_loss(x, y, whole))


def test_one_variance_for_all():
    for x, y in ((MEANS, TARGETS), (MEANS.bfloat16(), TARGETS.bfloat16()), (MEANS.long(), TARGETS)):
        found = gaussian_nll_loss(x, y, 0.3)
        assert_close(found, gaussian_nll_loss(x, y, torch.full_like(x.double(), 0.3)).to(found.dtype))
    square = uniform(-3, 3, 3, 3)
    by_row = gaussian_nll_loss(square, 0 * square, tensor([1.0, 2.0, 3.0]), reduction="none")
    assert_close(by_row[2], gaussian_nll_loss(square[2], 0 * square[2], 3.0, reduction="none"))


@pytest.mark.parametrize("var", [torch.bfloat16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("input", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_the_variance_counts_for_the_dtype(input, var):
    given = MEANS.to(input), TARGETS.to(input), VARIANCES.to(var)
    found = gaussian_nll_loss(*given)
    assert found.dtype == F.gaussian_nll_loss(*given).dtype
    assert_close(found, gaussian_nll_loss(*(each.double() for each in given)).to(found.dtype))


def test_where_torch_cannot():
    stack = [torch.stack([each, each.flip(0)]) for each in (MEANS, TARGETS, VARIANCES)]
    found = vmap(gaussian_nll_loss)(*stack)
    assert_close(found, torch.stack([gaussian_nll_loss(MEANS, TARGETS, VARIANCES)] * 2))
    with pytest.raises(RuntimeError):  # if not, the docstring is out of date
        vmap(F.gaussian_nll_loss)(*stack)
    torch._dynamo.reset()
    compiled = torch.compile(gaussian_nll_loss, fullgraph=True, backend="eager")
    assert_close(compiled(MEANS, TARGETS, VARIANCES), gaussian_nll_loss(MEANS, TARGETS, VARIANCES))


def test_derivatives_of_all_three():
    leaves = [each.clone().requires_grad_() for each in (MEANS, TARGETS, VARIANCES + 0.1)]
    assert torch.autograd.gradcheck(gaussian_nll_loss, leaves, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(gaussian_nll_loss, leaves, check_fwd_over_rev=True)
