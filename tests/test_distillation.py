# ruff: noqa: E501 - a row of the errors is a line
"""Distillation: its formula, its errors, and what it is in terms of the others."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch.distributions import Categorical
from torch.testing import assert_close

from lossref import cross_entropy, distillation_loss, kl_div
from tests.errors import Row, X, Y, ones
from tests.formulas import C, check_note_gradient, slope, uniform, vector
from tests.strategies import exhaustive, gradient, matrices, ordinary, real, tensor

DISTILLATION = "distillation_loss"
STUDENT, TEACHER = uniform(-3, 3, C, seed=1), uniform(-3, 3, C, seed=2)
SYMBOLS = {"T": "temperature"}
CASES = {DISTILLATION: [{"x": STUDENT, "y": TEACHER, "T": t, "C": C} for t in (1.0, 2.5, 20.0)]}
MUTANTS = [
    (DISTILLATION, "T^2", "T"),
    (DISTILLATION, "T^2", ""),
    (DISTILLATION, "q_c \\log", "p_c \\log"),
    (DISTILLATION, r"\frac{q_c}{p_c}", r"\frac{p_c}{q_c}"),
    (DISTILLATION, r"e^{x_c / T}", r"e^{x_c}"),
]
ERRORS = [
    Row("class indices", DISTILLATION, X, ones(2, dtype=torch.int64), {}, None, (NotImplementedError, "target must be floating point, got torch.int64")),
    Row("integers as the student's logits", DISTILLATION, X.long(), Y, {}, None, (NotImplementedError, "input must be floating point, got torch.int64")),
    Row("no classes", DISTILLATION, ones(), ones(), {}, None, (ValueError, "input must have a dimension of classes, got a scalar")),
    Row("another shape", DISTILLATION, X, ones(3), {}, None,
        (ValueError, "target must hold the teacher's logits, of the size of input, (2, 3); got (3,)")),
    *(Row(f"a temperature of {t}", DISTILLATION, X, Y, {"temperature": t}, None, (ValueError, f"temperature must be positive and finite, got {t}"))
      for t in (0.0, -1.0, math.inf, math.nan)),
]  # fmt: skip


def naive(input, target, *, temperature=1.0, reduction="mean"):
    """As it is written everywhere, and exact enough in float64."""
    dim = min(1, input.dim() - 1)
    teacher = (target / temperature).log_softmax(dim)
    terms = teacher.exp() * (teacher - (input / temperature).log_softmax(dim))
    loss = temperature**2 * terms.sum(dim)
    return {"none": loss, "sum": loss.sum(), "mean": loss.mean()}[reduction]


ORACLES = {DISTILLATION: naive}
ROWS, OTHERS = uniform(-3, 3, 6, 4, seed=3), uniform(-3, 3, 6, 4, seed=4)

NUMBERS = {"x": STUDENT, "y": TEACHER, "T": tensor(2.5)}
TWINS = {
    "eq-distillation": lambda x, y, T: naive(x, y, temperature=T),
    "eq-distillation-gradient": lambda x, y, T: slope(naive, x, y, temperature=T),
    "eq-distillation-limit": lambda x, y: distillation_loss(x, y, temperature=1e7),
}
BROKEN = [
    ("eq-distillation", "T^2", "T"),
    ("eq-distillation", r"\frac{q_c}{p_c}", r"\frac{p_c}{q_c}"),
    ("eq-distillation-gradient", "T (", "T^2 ("),
    ("eq-distillation-gradient", "p_c - q_c", "q_c - p_c"),
    ("eq-distillation-limit", "2 C", "C"),
    ("eq-distillation-limit", r"- \bar{x} ", ""),
]


def by_hand(x, y, t):
    """Of one row, in plain Python."""
    p, q = ([math.exp(each / t) for each in logits] for logits in (x, y))
    terms = [b / sum(q) * math.log(b / sum(q) / (a / sum(p))) for a, b in zip(p, q, strict=True)]
    return t * t * math.fsum(terms)


@exhaustive
@given(matrices(ordinary), matrices(ordinary))
def test_is_the_formula_in_plain_python(x, y):
    for t in (1.0, 4.0):
        expected = tensor([by_hand(*row, t) for row in zip(x.tolist(), y.tolist(), strict=True)])
        found = distillation_loss(x, y, temperature=t, reduction="none")
        assert_close(found, expected, rtol=1e-10, atol=1e-11)


@exhaustive
@given(matrices(real), matrices(real))
def test_is_not_negative_and_0_for_a_student_that_agrees(x, y):
    for t in (1.0, 20.0):
        for dtype in (torch.float64, torch.float32):
            loss = distillation_loss(x.to(dtype), y.to(dtype), temperature=t, reduction="none")
            assert (loss >= 0).all()
            assert distillation_loss(y.to(dtype), y.to(dtype), temperature=t) == 0
    assert_close(gradient(lambda x: distillation_loss(x, y), y), torch.zeros_like(y))


@pytest.mark.parametrize(
    ("temperature", "golden", "reverse"),
    [
        (1.0, [0.03741673, 0.14884538], [0.05740428, 0.1408154]),
        (2.0, [0.14558374, 0.14569568], None),
        (4.0, [0.25669995, 0.1435695], None),
    ],
)
def test_golden_values(temperature, golden, reverse):
    """Of scipy 1.17.1: rel_entr of the two softmaxes, summed, times the squared temperature."""
    student, teacher = tensor([[2, 0.5, -1], [0, 1, 0.3]]), tensor([[3, 1, -2], [0.5, 0.2, 0.1]])
    options = {"temperature": temperature, "reduction": "none"}
    assert_close(distillation_loss(student, teacher, **options), tensor(golden), rtol=0, atol=5e-9)
    if reverse:
        assert_close(distillation_loss(teacher, student, **options), tensor(reverse), rtol=0, atol=5e-9)


def test_is_the_kl_divergence_at_temperature_1():
    log_p, log_q = ROWS.log_softmax(1), OTHERS.log_softmax(1)
    for function in (kl_div, F.kl_div):
        expected = function(log_p, log_q, reduction="batchmean", log_target=True)
        assert_close(distillation_loss(ROWS, OTHERS), expected)


@pytest.mark.parametrize("t", [0.5, 1.0, 4.0])
def test_is_soft_cross_entropy_less_the_entropy_of_the_teacher(t):
    q = (OTHERS / t).softmax(1)
    expected = t**2 * (cross_entropy(ROWS / t, q) - Categorical(q).entropy().mean())
    assert_close(distillation_loss(ROWS, OTHERS, temperature=t), expected)
    found = gradient(lambda x: distillation_loss(x, OTHERS, temperature=t), ROWS)
    assert_close(found, gradient(lambda x: t**2 * cross_entropy(x / t, q), ROWS))


def test_of_a_teacher_that_is_certain_is_cross_entropy():
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    certain = torch.where(F.one_hot(labels, 4).bool(), 0.0, -math.inf).double()
    assert_close(distillation_loss(ROWS, certain), cross_entropy(ROWS, labels))
    found = gradient(lambda x: distillation_loss(x, certain), ROWS)
    assert_close(found, gradient(lambda x: cross_entropy(x, labels), ROWS))


@pytest.mark.parametrize("case", CASES[DISTILLATION], ids=lambda case: str(case["T"]))
def test_the_gradient_is_the_temperature_times_the_difference_of_probabilities(case):
    check_note_gradient(DISTILLATION, case)


def test_tends_to_half_the_squared_difference_of_centred_logits():
    def centred(x):
        return x - x.mean(1, keepdim=True)

    limit = (centred(ROWS) - centred(OTHERS)).square().sum(1) / (2 * C)
    off = [
        (distillation_loss(ROWS, OTHERS, temperature=t, reduction="none") / limit - 1).abs().max()
        for t in (1e2, 1e3, 1e4)
    ]
    assert off[0] < 0.05
    assert 9.5 < off[0] / off[1] < 10.5  # what is left falls with the temperature
    assert 9.5 < off[1] / off[2] < 10.5


def test_a_constant_in_the_logits_of_a_row_does_not_matter():
    expected = distillation_loss(ROWS, OTHERS, temperature=3)
    assert_close(distillation_loss(ROWS + 7, OTHERS - 50, temperature=3), expected)


def test_the_mean_is_over_rows_and_never_over_classes():
    images = ROWS.t().reshape(1, 4, 2, 3), OTHERS.t().reshape(1, 4, 2, 3)
    each = distillation_loss(ROWS, OTHERS, reduction="none")
    assert_close(distillation_loss(*images, reduction="none"), each.view(1, 2, 3))
    for pair in ((ROWS, OTHERS), images):
        assert_close(distillation_loss(*pair), each.mean())
    assert_close(distillation_loss(ROWS[0], OTHERS[0]), each[0])
    assert distillation_loss(torch.randn(5, 1), torch.randn(5, 1)) == 0  # one class
    assert distillation_loss(ROWS[:0], OTHERS[:0], reduction="none").shape == (0,)
    assert distillation_loss(ROWS[:0], OTHERS[:0]).isnan()


@pytest.mark.parametrize(
    ("x", "y", "loss", "slope"),
    [  # a class that the teacher excludes, one that both do, one that the student alone does
        ([0, 1, 2], [1, 0, -math.inf], 1.5564614342, [-0.6410280, -0.0242131, 0.6652410]),
        ([0, 1, -math.inf], [1, 0, -math.inf], 0.4621171573, [-0.4621172, 0.4621172, 0.0]),
        ([0, 1, -math.inf], [1, 0, 1], math.inf, [-0.1533768, 0.5756952, -0.4223188]),
        ([0, 1000, 0], [1000, 0, 0], 1000.0, [-1.0, 1.0, 0.0]),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_classes_of_probability_0(x, y, loss, slope, dtype):
    leaf, target = torch.tensor(x, dtype=dtype, requires_grad=True), torch.tensor(y, dtype=dtype)
    found = distillation_loss(leaf, target)
    assert_close(found.item(), loss, rtol=1e-6, atol=1e-6)
    expected = torch.tensor(slope, dtype=dtype)
    assert_close(torch.autograd.grad(found, leaf)[0], expected, rtol=1e-6, atol=1e-6)


def test_a_high_temperature_and_a_student_that_nearly_agrees_in_float32():
    x, y = uniform(-2, 2, 500, 10, seed=5).float(), uniform(-2, 2, 500, 10, seed=6).float()
    for student, t in ((x, 1000.0), (x, 20.0), (y + 1e-2 * x, 4.0)):
        options = {"temperature": t, "reduction": "none"}
        expected = naive(student.double(), y.double(), **options)
        off = (distillation_loss(student, y, **options) / expected - 1).abs()
        assert off.max() < 1e-3
        assert (naive(student, y, **options) / expected - 1).abs().max() > 10 * off.max()
        p, q = ((each.double() / t).softmax(1) for each in (student, y))
        found = gradient(lambda x: distillation_loss(x, y, **options), student)  # noqa: B023
        truth = t * (p - q)
        assert ((found - truth).abs().amax(1) < 1e-3 * truth.abs().amax(1)).all()


def test_what_torch_makes_of_a_high_temperature_in_float32():
    """When this fails, the docstring's note and the chapter are out of date."""
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(1000, 10, generator=generator) for _ in range(2))
    log_p, log_q = (x / 1000).log_softmax(1), (y / 1000).log_softmax(1)
    torchs = 1e6 * F.kl_div(log_p, log_q, reduction="none", log_target=True).sum(1)
    options = {"temperature": 1000.0, "reduction": "none"}
    right = naive(x.double(), y.double(), **options)
    assert torchs.min() < 0
    assert (torchs / right - 1).abs().median() > 0.05
    assert (distillation_loss(x, y, **options) / right - 1).abs().max() < 1e-3


def test_the_teacher_has_a_gradient():
    found = gradient(lambda y: distillation_loss(ROWS, y, temperature=2), OTHERS)
    assert_close(found, gradient(lambda y: naive(ROWS, y, temperature=2), OTHERS))
    assert found.abs().max() > 0.1


def test_half_precision_is_rounded_once():
    for dtype in (torch.float16, torch.bfloat16):
        x, y = ROWS.to(dtype), OTHERS.to(dtype)
        expected = naive(x.double(), y.double(), temperature=20.0, reduction="none").to(dtype)
        assert_close(distillation_loss(x, y, temperature=20.0, reduction="none"), expected, rtol=0, atol=0)


def test_vectors_are_rows():
    assert_close(distillation_loss(STUDENT, TEACHER), naive(STUDENT, TEACHER))
    assert_close(distillation_loss(vector(2, 0), vector(0, 2)), tensor(2 * math.tanh(1)))
