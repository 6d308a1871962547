"""What is true of binary cross entropy, of probabilities and of logits, and of the two together."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch.distributions import Bernoulli
from torch.testing import assert_close

from lossref import binary_cross_entropy, binary_cross_entropy_with_logits
from tests import formulas
from tests.formulas import (
    ONES,
    TARGETS,
    YES_NO,
    N,
    check_note_gradient,
    docstring_formula,
    halved,
    slope,
    total,
    uniform,
    vector,
)
from tests.latex import Equation
from tests.strategies import (
    exhaustive,
    gradient,
    inner_probability,
    label,
    ordinary,
    positive,
    probability,
    real,
    tensor,
    vectors,
)


def bce(p, y, **options):
    return binary_cross_entropy(p, y, reduction="none", **options)


def bcel(x, y, **options):
    return binary_cross_entropy_with_logits(x, y, reduction="none", **options)


def gradient_of_sum(loss, x, y):
    """The gradient, itself with a graph."""
    return torch.autograd.grad(loss(x, y, reduction="sum"), x, create_graph=True)[0]


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def log(p):
    return max(math.log(p), -100.0) if p > 0 else -100.0


def bce_by_hand(p, y):
    not_p = [max(math.log1p(-a), -100.0) if a < 1 else -100.0 for a in p.tolist()]
    return tensor(
        [-(b * log(a) + (1 - b) * n) for a, b, n in zip(p.tolist(), y.tolist(), not_p, strict=True)]
    )


def bcel_by_hand(x, y, pos_weight=1.0):
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    return tensor([pos_weight * b * softplus(-a) + (1 - b) * softplus(a) for a, b in pairs])


# ---- The formulas


def yes_or_no(**more):
    return {"y": torch.cat([vector(0, 1).repeat(10), uniform(0, 1, 20)]), **more}


WEIGHTS = uniform(0.1, 3, 40, seed=2)
LOGITS = torch.cat([uniform(-4, 4, 34), vector(-30, -30, 0, 0, 30, 30)])
CASES = {
    "binary_cross_entropy": [yes_or_no(p=uniform(0, 1, 40, seed=1), w=w) for w in (1.0, WEIGHTS)],
    "binary_cross_entropy_with_logits": [
        yes_or_no(x=LOGITS, w=w, alpha=alpha) for w in (1.0, WEIGHTS) for alpha in (1.0, 0.3, WEIGHTS.flip(0))
    ],
}
MUTANTS = [
    ("binary_cross_entropy", r"-w", r"w"),
    ("binary_cross_entropy", r"-w", r"-"),
    ("binary_cross_entropy", r"(1 - y) \max", r"(1 + y) \max"),
    ("binary_cross_entropy", r"\log p", r"\log (1 - p)"),
    ("binary_cross_entropy", r"y \max(\log p, -100) + (1 - y)", r"(1 - y) \max(\log p, -100) + y"),
    ("binary_cross_entropy_with_logits", r"-w", r"w"),
    ("binary_cross_entropy_with_logits", r"\alpha y", r"y"),
    ("binary_cross_entropy_with_logits", r"\sigma(-x)", r"\sigma(x)"),
    ("binary_cross_entropy_with_logits", r"(1 - y) \log", r"\alpha (1 - y) \log"),
    ("binary_cross_entropy_with_logits", r"e^{-x}", r"e^{x}"),
]
NUMBERS = {
    "p": uniform(0.01, 0.99, N, seed=12),
    "q": uniform(0, 1, N, seed=13),
    "y": vector(0, 1, 0.3).repeat(4),
}


def best_logit(share, alpha):
    """Find the logit of least mean loss where a share of the labels is positive."""

    def falls(x):
        return slope(F.binary_cross_entropy_with_logits, x, share, pos_weight=alpha) <= 0

    return halved(torch.full_like(share, -50), torch.full_like(share, 50), falls)


def slope_of_square(p):
    """The slope of (p - 1)^2 with respect to the logit."""
    return 2 * (p - 1) * p * (1 - p)


BEST = best_logit(NUMBERS["q"], formulas.NUMBERS["alpha"])
P_BEST = BEST.sigmoid()
TWINS = {
    "eq-bce": lambda p, y, w: F.binary_cross_entropy(p, y, w, reduction="none"),
    "eq-bce-plain": lambda p, y=YES_NO: -Bernoulli(p).log_prob(y),
    "eq-bce-logit": lambda p: p.logit(),
    "eq-bce-sigmoid": lambda x: x.sigmoid(),
    "eq-bce-sigmoid-slope": lambda x: slope(torch.sigmoid, x),
    "eq-bce-logits": lambda x, y, w, alpha: (
        w * F.binary_cross_entropy_with_logits(x, y, pos_weight=alpha, reduction="none")
    ),
    "eq-bce-gradient": lambda p, y, w=ONES: slope(total(F.binary_cross_entropy), p, y),
    "eq-bce-logits-gradient": lambda x, y, w=ONES, alpha=ONES: slope(
        total(F.binary_cross_entropy_with_logits), x, y
    ),
    "eq-bce-curvature": lambda p: slope(lambda x: slope_of_square(x.sigmoid()), p.logit()),
    "eq-bce-stable": lambda x, y: F.binary_cross_entropy_with_logits(x, y, reduction="none"),
    "eq-bce-two": lambda x_0=TARGETS + 1, x_1=TARGETS: torch.stack([x_0, x_1]).softmax(dim=0)[1],
    "eq-bce-undo": lambda q, alpha, p=P_BEST: BEST,
}


def test_certain_and_wrong_probabilities_have_the_printed_loss_and_gradient():
    p, y = (
        grid.flatten() for grid in torch.meshgrid(vector(0, 1e-50, 1e-3, 1), vector(0, 0.3, 1), indexing="ij")
    )
    printed = Equation(docstring_formula("binary_cross_entropy")).value(p=p, y=y, w=1.0)
    assert_close(printed, bce(p, y))
    check_note_gradient("binary_cross_entropy", {"p": p, "y": y, "w": 1.0})


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_in_a_note_is_the_functions(name):
    check_note_gradient(name, CASES[name][0])


def test_a_floor_left_out_is_caught():
    wrong = r"\ell = -y \log p - (1 - y) \log(1 - p)"
    p, y = vector(0.0), vector(1.0)
    assert binary_cross_entropy(p, y) == 100 != Equation(wrong).value(p=p, y=y)


# ---- The laws


class TestProbabilities:
    @exhaustive
    @given(vectors(probability), vectors(label))
    def test_is_the_formula_in_plain_python(self, p, y):
        assert_close(bce(p, y), bce_by_hand(p, y), rtol=1e-14, atol=1e-320)
        total = math.fsum(bce_by_hand(p, y).tolist())
        assert_close(binary_cross_entropy(p, y), tensor(total / 6), rtol=1e-14, atol=0)

    @exhaustive
    @given(vectors(probability), vectors(label))
    def test_value_and_gradient_equal_torch_where_the_logarithm_is_clamped_too(self, p, y):
        assert_close(bce(p, y), F.binary_cross_entropy(p, y, reduction="none"), rtol=1e-14, atol=1e-320)
        theirs = gradient(lambda p: F.binary_cross_entropy(p, y, reduction="none"), p)
        assert_close(gradient(lambda p: bce(p, y), p), theirs, rtol=1e-8, atol=0)  # its 1e-12 is a float32

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    def test_gradient_at_the_ends(self, dtype):
        """The derivative of the clamped value would be nan or 0 here."""
        p = torch.tensor([0.0, 0.0, 1.0, 1.0, 1e-30], dtype=dtype)
        y = torch.tensor([0.0, 1.0, 0.0, 1.0, 1.0], dtype=dtype)
        expected = torch.tensor([0.0, -1e12, 1e12, 0.0, -1e12], dtype=dtype)
        assert_close(gradient(lambda p: bce(p, y), p), expected)
        assert_close(gradient(lambda p: F.binary_cross_entropy(p, y, reduction="none"), p), expected)
        assert_close(bce(p, y), torch.tensor([0.0, 100.0, 100.0, 0.0, 30 * math.log(10)], dtype=dtype))
        for transform in (torch.func.jacrev, torch.func.grad):
            found = torch.func.vmap(transform(binary_cross_entropy))(p, y)
            assert_close(found, expected)
        torch._dynamo.reset()
        compiled = torch.compile(bce, fullgraph=True, backend="aot_eager")
        assert_close(gradient(lambda p: compiled(p, y), p), expected)
        _, forward = torch.func.jvp(lambda p: bce(p, y), (p,), (torch.ones_like(p),))
        assert_close(forward, expected)

    def test_second_derivative_at_the_ends_is_that_of_torch(self):
        p, y = tensor([0.0, 0.0, 1.0, 1.0, 1e-30, 0.0]), tensor([0.0, 1.0, 0.0, 1.0, 1.0, 0.5])
        expected = gradient(lambda p: gradient_of_sum(F.binary_cross_entropy, p, y), p)
        assert_close(expected, tensor([0.0, 1e24, 1e24, 0.0, 1e24, 0.5e24]))
        assert_close(gradient(lambda p: gradient_of_sum(binary_cross_entropy, p, y), p), expected)
        for outer in (torch.func.jacfwd, torch.func.jacrev):
            for inner in (torch.func.jacfwd, torch.func.jacrev):
                found = torch.func.vmap(outer(inner(binary_cross_entropy)))(p, y)
                assert_close(found, expected)

    def test_a_right_and_certain_answer_costs_nothing_not_even_minus_nothing(self):
        certain = torch.tensor([0.0, 1.0])
        for loss in (*bce(certain, certain), binary_cross_entropy(certain, certain)):
            assert math.copysign(1, loss) == 1
            assert loss == 0

    @exhaustive
    @given(vectors(probability), vectors(label))
    def test_gradient_in_target_is_the_difference_of_the_two_logarithms(self, p, y):
        expected = bce(p, 0 * y) * -1 + bce(p, 0 * y + 1)
        assert_close(gradient(lambda y: bce(p, y), y), expected, rtol=1e-14, atol=0)

    @exhaustive
    @given(vectors(inner_probability), vectors(label))
    def test_yes_and_no_are_a_matter_of_naming(self, p, y):
        assert_close(bce(p, y), bce(1 - p, 1 - y), rtol=1e-9, atol=1e-12)

    @exhaustive
    @given(vectors(inner_probability), vectors(inner_probability))
    def test_is_at_least_the_entropy_of_the_label_and_reaches_it_at_the_label(self, p, y):
        entropy = -(y * y.log() + (1 - y) * (-y).log1p())
        assert (bce(p, y) >= entropy - 1e-12).all()
        assert_close(bce(y, y), entropy)
        assert_close(gradient(lambda p: bce(p, y), y), 0 * y, rtol=0, atol=1e-9)

    @exhaustive
    @given(vectors(probability), vectors(probability), vectors(label))
    def test_is_convex_and_at_most_100(self, p, q, y):
        between = bce((p + q) / 2, y)
        assert (between <= (bce(p, y) + bce(q, y)) / 2 + 1e-9).all()
        assert (bce(p, y) <= 100 + 1e-12).all()
        assert (bce(p, y) >= 0).all()

    @exhaustive
    @given(vectors(probability), vectors(label), vectors(label), label)
    def test_is_affine_in_the_label(self, p, y, z, share):
        mixed = bce(p, share * y + (1 - share) * z)
        assert_close(mixed, share * bce(p, y) + (1 - share) * bce(p, z), rtol=1e-9, atol=1e-12)


class TestLogits:
    @exhaustive
    @given(vectors(real), vectors(label), positive)
    def test_is_the_formula_in_plain_python(self, x, y, pos_weight):
        """Which keeps its relative accuracy over the whole range, so no absolute tolerance."""
        assert_close(bcel(x, y), bcel_by_hand(x, y), rtol=1e-14, atol=1e-300)
        weighted = bcel_by_hand(x, y, pos_weight)
        assert_close(bcel(x, y, pos_weight=tensor(pos_weight)), weighted, rtol=1e-14, atol=1e-300)

    @exhaustive
    @given(vectors(real), vectors(label))
    def test_gradient_is_probability_minus_label(self, x, y):
        found = gradient(lambda x: bcel(x, y), x)
        pairs = zip(x.tolist(), y.tolist(), strict=True)
        expected = [
            (1 - b) * sigmoid(a) - b * sigmoid(-a) for a, b in pairs
        ]  # sigmoid(x) - y, both tails kept
        assert_close(found, tensor(expected), rtol=1e-13, atol=1e-300)
        assert (found.abs() <= 1).all()

    @exhaustive
    @given(vectors(real), vectors(real), vectors(label))
    def test_gradient_is_lipschitz_with_one_quarter(self, x, z, y):
        steps = gradient(lambda x: bcel(x, y), x) - gradient(lambda x: bcel(x, y), z)
        assert (steps.abs() <= (x - z).abs() / 4 * (1 + 1e-12) + 1e-15).all()

    @exhaustive
    @given(vectors(real), vectors(label))
    def test_mirror_symmetry(self, x, y):
        """Exact but for the rounding of 1 - y. torch's own loses the tail on one side."""
        hard = y.round()
        assert_close(bcel(x, hard), bcel(-x, 1 - hard), rtol=0, atol=0)
        assert_close(bcel(x, y), bcel(-x, 1 - y), rtol=1e-12, atol=1e-12)

    @exhaustive
    @given(vectors(ordinary), vectors(label))
    def test_is_softplus_minus_the_logit_of_a_positive(self, x, y):
        assert_close(bcel(x, y), F.softplus(x) - x * y, rtol=1e-9, atol=1e-12)

    @exhaustive
    @given(vectors(ordinary), vectors(label))
    def test_is_the_loss_of_the_sigmoid(self, x, y):
        assert_close(bcel(x, y), bce(x.sigmoid(), y), rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("copies", [1, 2, 5])
    def test_pos_weight_is_copies_of_the_positives(self, copies):
        x, y = tensor([-3.0, 0.5, 2.0, -1.0]), tensor([1.0, 0.0, 1.0, 0.0])
        repeats = torch.where(y == 1, copies, 1)
        copied = bcel(x.repeat_interleave(repeats), y.repeat_interleave(repeats)).sum()
        assert_close(bcel(x, y, pos_weight=tensor(float(copies))).sum(), copied)

    @pytest.mark.parametrize(
        ("x", "y"), [(-20.0, 0.0), (20.0, 1.0), (-100.0, 0.0), (100.0, 1.0), (-87.0, 0.0), (87.0, 1.0)]
    )
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
    def test_both_tails_are_kept_where_torch_loses_one(self, x, y, dtype):
        logit, target = torch.tensor([x], dtype=dtype), torch.tensor([y], dtype=dtype)
        loss, slope = tensor([softplus(-abs(x))]), tensor([sigmoid(-abs(x))])
        tolerance = {"rtol": 2 * torch.finfo(dtype).eps, "atol": torch.finfo(dtype).smallest_normal}
        assert_close(bcel(logit, target).double(), loss, **tolerance)
        found = gradient(lambda x: bcel(x, target), logit).double()
        assert_close(found, slope if y == 0 else -slope, **tolerance)

    @pytest.mark.parametrize("y", [0.0, 0.3, 1.0])
    @pytest.mark.parametrize("x", [-80.0, -20.0, -1.0, 0.0, 1.0, 20.0, 80.0])
    def test_curvature_is_that_of_the_sigmoid_in_both_tails(self, x, y):
        logit, target = torch.tensor([x]), torch.tensor([y])
        found = gradient(lambda x: gradient_of_sum(binary_cross_entropy_with_logits, x, target), logit)
        assert_close(found, torch.tensor([sigmoid(x) * sigmoid(-x)]), rtol=1e-6, atol=0)

    def test_the_side_that_the_label_switches_off_cannot_overflow(self):
        heavy = torch.tensor([10.0])
        assert bcel(torch.tensor([-1e38]), torch.tensor([0.0]), pos_weight=heavy) == 0
        assert bcel(torch.tensor([1e38]), torch.tensor([1.0]), pos_weight=heavy) == 0

    def test_an_infinite_logit_on_the_wrong_side_costs_infinitely_much(self):
        x, y = tensor([math.inf, -math.inf, math.inf]), tensor([0.0, 1.0, 0.5])
        assert (bcel(x, y) == math.inf).all()
        assert gradient(lambda x: bcel(x, y), x).tolist() == [1.0, -1.0, 0.5]

    def test_torch_still_loses_a_tail(self):
        """When this fails, torch has mended it, and "Differs from torch" can go."""
        x, y = torch.tensor([-20.0, 20.0]), torch.tensor([0.0, 1.0])
        assert F.binary_cross_entropy_with_logits(x, y, reduction="none")[0] == 0
        assert gradient(lambda x: F.binary_cross_entropy_with_logits(x, y, reduction="none"), x)[1] == 0

    @pytest.mark.parametrize("size", [1e4, 1e30, 3e38])
    def test_is_finite_for_every_finite_logit(self, size):
        x = torch.tensor([size, -size, size, -size])
        y = torch.tensor([0.0, 0.0, 1.0, 1.0])
        assert_close(bcel(x, y), torch.tensor([size, 0.0, 0.0, size]))
        assert_close(gradient(lambda x: bcel(x, y), x), torch.tensor([1.0, 0.0, 0.0, -1.0]))


@pytest.mark.parametrize("function", [binary_cross_entropy, binary_cross_entropy_with_logits])
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 1), (2, 3)])
def test_weights_broadcast_but_never_change_dtype_or_divisor(function, shape):
    p = torch.rand(2, 3, generator=torch.Generator().manual_seed(0))
    y, weight = p.flip(0), torch.full(shape, 2.5, dtype=torch.float64)
    name = function.__name__
    for options in ({"weight": weight}, *([{"pos_weight": weight}] if "logits" in name else [])):
        for reduction in ("none", "sum", "mean"):
            ours = function(p, y, reduction=reduction, **options)
            assert_close(ours, getattr(F, name)(p, y, reduction=reduction, **options))


def test_weights_may_be_given_by_position():
    p, y, weight = tensor([0.3, 0.6]), tensor([0.0, 1.0]), tensor([2.0, 3.0])
    for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
        function = {"binary_cross_entropy": binary_cross_entropy}.get(name, binary_cross_entropy_with_logits)
        assert_close(function(p, y, weight), getattr(F, name)(p, y, weight))


def test_mixed_floating_dtypes_of_logits_promote():
    x, y = torch.tensor([0.5], dtype=torch.float64), torch.tensor([1.0])
    for wide in (
        binary_cross_entropy_with_logits(x, y),
        binary_cross_entropy_with_logits(x.float(), y.double()),
    ):
        assert wide.dtype == torch.float64
    assert F.binary_cross_entropy_with_logits(x, y).dtype == torch.float32  # target's
