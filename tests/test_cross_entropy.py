# ruff: noqa: E501 - a row of the errors is a line
"""What is true of cross entropy, with class indices and with probabilities."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Categorical, kl_divergence
from torch.testing import assert_close

from lossref import binary_cross_entropy_with_logits, cross_entropy
from tests.errors import Row, X, Y, index, ones
from tests.formulas import ONES, C, N, check_note_gradient, docstring_formula, one_hot, slope, uniform, vector
from tests.latex import Equation
from tests.strategies import exhaustive, gradient, label, matrices, ordinary, positive, real, tensor, vectors

IGNORED = -100
indices = st.lists(st.sampled_from([0, 1, 2, 3, 3, IGNORED]), min_size=3, max_size=3).map(torch.tensor)
classes = st.lists(st.integers(0, 3), min_size=3, max_size=3).map(torch.tensor)
distributions = matrices(ordinary).map(lambda x: x.softmax(1))
weights = vectors(positive, size=4)


def log_softmax(row):
    top = max(row)
    total = math.log(math.fsum(math.exp(x - top) for x in row))
    return [x - top - total for x in row]


def by_hand(x, target, weight=None, *, ignore_index=IGNORED, label_smoothing=0.0):
    """Return the losses of the rows and what each of them counts in the mean, by the formula, in loops."""
    weight = [1.0] * x.shape[1] if weight is None else weight.tolist()
    losses, counts = [], []
    for row, true in zip(x.tolist(), target.tolist(), strict=True):
        if true == ignore_index:
            losses.append(0.0)
            counts.append(0.0)
            continue
        q = true if isinstance(true, list) else [float(c == true) for c in range(len(row))]
        q = [(1 - label_smoothing) * share + label_smoothing / len(row) for share in q]
        terms = zip(weight, q, log_softmax(row), strict=True)
        losses.append(-math.fsum(w * share * log_p if share else 0.0 for w, share, log_p in terms))
        counts.append(1.0 if isinstance(true, list) else weight[true])
    return tensor(losses), tensor(counts)


# ---- The formulas

CLASSES = {"C": C, "x": uniform(-5, 5, C), "q": uniform(0, 1, C, seed=1), "w": uniform(0, 3, C, seed=2)}
CASES = {
    "cross_entropy": [CLASSES | {"epsilon": share} for share in (0.0, 0.1, 1.0)]
    + [CLASSES | {"epsilon": share, "q": one_hot(label, C)} for share in (0.0, 0.1) for label in range(C)]
    + [{"C": 3, "x": vector(300, 0, -300), "q": vector(1, 0, 0), "w": vector(1, 1, 1), "epsilon": 0.0}]
}
MUTANTS = [
    ("cross_entropy", r"-\sum_{c=1}^{C}", r"\sum_{c=1}^{C}"),
    ("cross_entropy", r"\frac{\varepsilon}{C}", r"\frac{\varepsilon}{C - 1}"),
    ("cross_entropy", r"(1 - \varepsilon) q_c", r"q_c"),
    ("cross_entropy", r"w_c", r""),
    ("cross_entropy", r"j=1", r"j=2"),
    ("cross_entropy", r"\log \frac", r"\frac"),
]
NUMBERS = {
    "x": uniform(-3, 3, C),
    "w": uniform(0.5, 2, C, seed=1),
    "epsilon": 0.1,
    "p": uniform(-1, 1, C, seed=14).softmax(0),
    "q": uniform(-1, 1, C, seed=15).softmax(0),
}
TRUE_CLASS = one_hot(2, C)
LABELS = vector(1, 4, 2, 2, 3, 1).repeat(2)  # in formulas the first class is 1
ROWS = uniform(-3, 3, N, C, seed=16).softmax(dim=1)
TWINS = {
    "eq-cross-entropy": lambda x, q, w, epsilon: F.cross_entropy(x, q, w, label_smoothing=epsilon),
    "eq-cross-entropy-softmax": lambda x: x.softmax(dim=0),
    "eq-cross-entropy-shift": lambda x, t=37.0: x.softmax(dim=0),
    "eq-cross-entropy-likelihood": lambda p, q=TRUE_CLASS: Categorical(p).log_prob(q.argmax()).exp(),
    "eq-cross-entropy-index": lambda x, y=3: F.cross_entropy(x, torch.tensor(y - 1)),
    "eq-cross-entropy-gradient": lambda x, q, w=ONES[:C], epsilon=0: slope(F.cross_entropy, x, q),
    "eq-cross-entropy-entropy": lambda q: Categorical(q).entropy(),
    "eq-cross-entropy-divergence": lambda p, q: kl_divergence(Categorical(q), Categorical(p)),
    "eq-cross-entropy-split": lambda p, q: F.cross_entropy(p.log(), q),
    "eq-cross-entropy-logsumexp": lambda x, m=2.5: x.logsumexp(dim=0),
    "eq-cross-entropy-floor": lambda: F.cross_entropy(TRUE_CLASS, torch.tensor(2)),
    "eq-cross-entropy-mean": lambda w, p=ROWS, y=LABELS: F.nll_loss(p.log(), y.long() - 1, w),
}

CE = "cross_entropy"
# fmt: off
ERRORS = [
    Row("label_smoothing 1.1", CE, X, index(0, 1), {"label_smoothing": 1.1},
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: 1.1"),
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: 1.1")),
    Row("negative label_smoothing", CE, X, index(0, 1), {"label_smoothing": -0.1}, math.log(3),
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: -0.1")),
    Row("label_smoothing as text", CE, X, index(0, 1), {"label_smoothing": "0.1"}, (TypeError, "argument 'label_smoothing' (position 6) must be float, not str"),
        (TypeError, "label_smoothing must be a number, got '0.1'")),
    Row("label_smoothing nan", CE, X, index(0, 1), {"label_smoothing": math.nan}, math.log(3),
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: nan")),
    Row("ignore_index 1.5", CE, X, index(0, 1), {"ignore_index": 1.5},
        (TypeError, "argument 'ignore_index' (position 5) must be int, not float"), (TypeError, "ignore_index must be an int, got float")),
    Row("ignore_index for probabilities", CE, X, Y / 3, {"ignore_index": 0},
        (RuntimeError, "ignore_index is not supported for floating point target"),
        (RuntimeError, "ignore_index needs a target of class indices, not of probabilities, got 0")),
    Row("a scalar as input", CE, ones(), ones(), {}, (IndexError, "Dimension specified as 1 but tensor has no dimensions"),
        (ValueError, "input must have a dimension of classes, got a scalar")),
    Row("more targets than rows", CE, X, index(0, 1, 2), {}, (ValueError, "Expected input batch_size (2) to match target batch_size (3)."),
        (ValueError, "target must hold class indices, of size (2,), or probabilities, of the size (2, 3) of input; got (3,)")),
    Row("targets as a column", CE, X, index(0, 1).view(2, 1), {}, (RuntimeError, "0D or 1D target tensor expected"),
        (ValueError, "target must hold class indices, of size (2,), or probabilities, of the size (2, 3) of input; got (2, 1)")),
    Row("classes in the last dimension", CE, ones(2, 4, 3), ones(2, 4, dtype=torch.int64), {},
        (RuntimeError, "Expected target size [2, 3], got [2, 4]"),
        (ValueError, "target must hold class indices, of size (2, 3), or probabilities, of the size (2, 4, 3) of input; got (2, 4)")),
    Row("one target without a batch", CE, ones(3), index(0), {}, math.log(3),
        (ValueError, "target must hold class indices, of size (), or probabilities, of the size (3,) of input; got (1,)")),
    Row("a batch of one without a target's", CE, ones(1, 3), torch.tensor(0), {}, (ValueError, "Expected input batch_size (1) to match target batch_size (0)."),
        (ValueError, "target must hold class indices, of size (1,), or probabilities, of the size (1, 3) of input; got ()")),
    *(Row(f"weight of shape {tuple(w.shape)}", CE, X, t, {"weight": w}, (RuntimeError, "weight tensor should be defined either for all 3 classes"),
          (RuntimeError, f"weight must have one entry for each of the 3 classes, got {tuple(w.shape)}"))
      for w in (ones(2), ones(1), ones(), ones(1, 3), ones(4)) for t in (index(0, 1), Y / 3)),
    Row("integers as logits", CE, X.long(), index(0, 1), {}, (NotImplementedError, "not implemented for 'Long'"),
        (NotImplementedError, "input must be floating point, got torch.int64")),
    *(Row(f"{dtype} as class index", CE, X, index(0, 1).to(dtype), {}, (RuntimeError, "expected target dtype to be Long or Byte"),
          (RuntimeError, f"target must hold class indices of torch.int64 or torch.uint8, got {dtype}"))
      for dtype in (torch.int32, torch.int16, torch.bool, torch.float32, torch.complex64)),
    *(Row(f"one-hot target of {dtype}", CE, X, torch.eye(3, dtype=torch.int64)[:2].to(dtype), {},
          (RuntimeError, "Expected floating point type for target with class probabilities"),
          (RuntimeError, f"target of the shape of input must hold probabilities, floating point; got {dtype}"))
      for dtype in (torch.int64, torch.uint8, torch.int32, torch.bool)),
    *(Row(f"probability {q}", CE, torch.zeros(1, 2), torch.tensor([[0.5, q]]), {}, torch_says,
          (RuntimeError, "all elements of target should be between 0 and 1, got values from..."))
      for q, torch_says in ((1.5, 2 * math.log(2)), (-0.1, 0.4 * math.log(2)), (math.nan, math.nan), (math.inf, math.inf))),
    *(Row(f"class {c} of 3", CE, X, index(0, c), {"label_smoothing": smoothing}, (IndexError, f"Target {c} is out of bounds."),
          (IndexError, f"Target {c} is out of bounds: class indices must be from 0 to 2, or ignore_index (-100)"))
      for c in (3, -1, 10**12) for smoothing in (0.0, 0.1)),
    Row("class 3 of 3 as a byte", CE, X, index(0, 3, dtype=torch.uint8), {}, (IndexError, "Target 3 is out of bounds."), (IndexError, "Target 3 is out of bounds: class indices must be from 0 to 2, or ignore_index (-100)")),
    Row("no classes", CE, ones(2, 0), index(0, 0), {}, (IndexError, "Target 0 is out of bounds."), (IndexError, "Target 0 is out of bounds: class indices must be from 0 to -1, or ignore_index (-100)")),
]
# fmt: on


def test_class_indices_are_the_one_hot_case_of_the_formula():
    formula = Equation(docstring_formula("cross_entropy"))
    for true in range(C):
        x, w = CLASSES["x"], CLASSES["w"]
        by_index = cross_entropy(x, torch.tensor(true), w, reduction="none", label_smoothing=0.1)
        assert_close(by_index, formula.value(**CLASSES | {"q": one_hot(true, C), "epsilon": 0.1}))


def test_the_gradient_in_the_note_is_the_functions():
    case = CASES["cross_entropy"][0]
    ones = torch.ones_like(case["w"])
    check_note_gradient("cross_entropy", case | {"w": ones, "q": case["q"] / case["q"].sum()})


# ---- The laws


@exhaustive
@given(matrices(real), st.one_of(indices, distributions), st.one_of(st.none(), weights), label)
def test_is_the_formula_in_plain_python(x, target, weight, smoothing):
    losses, counts = by_hand(x, target, weight, label_smoothing=smoothing)
    found = cross_entropy(x, target, weight, reduction="none", label_smoothing=smoothing)
    assert_close(found, losses, rtol=1e-12, atol=1e-12)
    mean = cross_entropy(x, target, weight, label_smoothing=smoothing)
    expected = losses.sum() / counts.sum() if counts.sum() else tensor(math.nan)
    assert_close(mean, expected, rtol=1e-12, atol=1e-12, equal_nan=True)
    theirs = F.cross_entropy(x, target, weight, label_smoothing=smoothing)
    assert_close(mean, theirs, rtol=1e-12, atol=1e-12, equal_nan=True)


@exhaustive
@given(matrices(real), classes, st.floats(-100, 100))
def test_only_differences_of_logits_matter(x, target, shift):
    for y in (target, F.one_hot(target, 4).double()):
        assert_close(cross_entropy(x + shift, y), cross_entropy(x, y), rtol=1e-9, atol=1e-9)


@exhaustive
@given(matrices(real), distributions)
def test_gradient_is_probability_minus_target(x, q):
    found = gradient(lambda x: cross_entropy(x, q, reduction="sum"), x)
    assert_close(found, x.softmax(1) - q, rtol=1e-9, atol=1e-12)
    assert_close(found.sum(1), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-12)
    assert (found.norm(dim=1) <= math.sqrt(2) + 1e-12).all()


@exhaustive
@given(vectors(ordinary, size=4), st.integers(0, 3))
def test_curvature_is_between_0_and_one_half(x, target):
    hessian = torch.func.hessian(lambda x: cross_entropy(x, torch.tensor(target)))(x)
    eigenvalues = torch.linalg.eigvalsh(hessian)
    assert eigenvalues.min() >= -1e-12
    assert eigenvalues.max() <= 0.5 + 1e-12


@exhaustive
@given(matrices(ordinary), distributions)
def test_is_at_least_the_entropy_of_the_target_and_reaches_it_there(x, q):
    entropy = -(q * q.log()).sum(1)
    assert (cross_entropy(x, q, reduction="none") >= entropy - 1e-9).all()
    assert_close(cross_entropy(q.log(), q, reduction="none"), entropy)


@pytest.mark.parametrize("size", [1, 2, 10, 1000])
def test_uniform_logits_cost_the_logarithm_of_the_number_of_classes(size):
    assert_close(cross_entropy(torch.zeros(1, size), torch.tensor([0])), torch.tensor(math.log(size)))


@exhaustive
@given(matrices(real), classes, label)
def test_an_index_is_a_one_hot_target(x, target, smoothing):
    one_hot = F.one_hot(target, 4).double()
    for reduction in ("none", "sum", "mean"):
        options = {"reduction": reduction, "label_smoothing": smoothing}
        assert_close(
            cross_entropy(x, target, **options), cross_entropy(x, one_hot, **options), rtol=1e-9, atol=1e-9
        )


@exhaustive
@given(matrices(ordinary), classes, distributions, weights, positive)
def test_scale_of_the_weights_cancels_in_the_mean_over_indices_but_not_over_probabilities(
    x, target, q, weight, a
):
    assert_close(
        cross_entropy(x, target, a * weight), cross_entropy(x, target, weight), rtol=1e-9, atol=1e-12
    )
    assert_close(cross_entropy(x, q, a * weight), a * cross_entropy(x, q, weight), rtol=1e-9, atol=1e-12)


@exhaustive
@given(matrices(ordinary), distributions, distributions, label, weights)
def test_is_affine_in_the_target_and_in_the_smoothing(x, q, r, share, weight):
    mixed = cross_entropy(x, share * q + (1 - share) * r, weight)
    assert_close(mixed, share * cross_entropy(x, q, weight) + (1 - share) * cross_entropy(x, r, weight))
    ends = [cross_entropy(x, q, weight, label_smoothing=end) for end in (0.0, 1.0)]
    smoothed = cross_entropy(x, q, weight, label_smoothing=share)
    assert_close(smoothed, (1 - share) * ends[0] + share * ends[1])


@exhaustive
@given(matrices(real), indices, weights, label)
def test_ignored_is_deleted(x, target, weight, smoothing):
    kept = target != IGNORED
    for reduction in ("sum", "mean"):
        options = {"reduction": reduction, "label_smoothing": smoothing}
        ours = cross_entropy(x, target, weight, **options)
        assert_close(ours, cross_entropy(x[kept], target[kept], weight, **options), equal_nan=True)
    unreduced = cross_entropy(x, target, weight, reduction="none", label_smoothing=smoothing)
    assert (unreduced[~kept] == 0).all()
    slope = gradient(lambda x: cross_entropy(x, target, weight, label_smoothing=smoothing), x)
    assert (slope[~kept] == 0).all()
    assert slope.isfinite().all()


@exhaustive
@given(matrices(real), classes, weights, st.permutations(range(4)))
def test_the_order_of_classes_and_of_rows_does_not_matter(x, target, weight, order):
    renamed = torch.tensor([order.index(c) for c in target.tolist()])
    assert_close(cross_entropy(x[:, order], renamed, weight[list(order)]), cross_entropy(x, target, weight))
    assert_close(cross_entropy(x.flip(0), target.flip(0), weight), cross_entropy(x, target, weight))


@exhaustive
@given(
    matrices(real, rows=6, columns=2), st.lists(st.integers(0, 1), min_size=6, max_size=6).map(torch.tensor)
)
def test_two_classes_are_binary_cross_entropy_of_the_difference(x, target):
    binary = binary_cross_entropy_with_logits(x[:, 1] - x[:, 0], target.double(), reduction="none")
    assert_close(cross_entropy(x, target, reduction="none"), binary, rtol=1e-9, atol=1e-12)


@exhaustive
@given(matrices(real), classes, weights)
def test_sums_add_over_batches_where_means_need_their_weights(x, target, weight):
    parts = [(x[:1], target[:1]), (x[1:], target[1:])]
    total = sum(cross_entropy(a, b, weight, reduction="sum") for a, b in parts)
    assert_close(total, cross_entropy(x, target, weight, reduction="sum"))
    means = sum(weight[b].sum() * cross_entropy(a, b, weight) for a, b in parts) / weight[target].sum()
    assert_close(means, cross_entropy(x, target, weight))


@pytest.mark.parametrize("extra", [(), (2,), (2, 3), (2, 1, 3)])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_further_dimensions_are_more_rows(extra, smoothing):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 4, *extra, generator=generator)
    target = torch.randint(4, (5, *extra), generator=generator)
    target[0] = IGNORED
    weight = torch.rand(4, generator=generator)
    flat = x.movedim(1, -1).reshape(-1, 4)
    for y, flat_y in ((target, target.flatten()), (x.softmax(1), flat.softmax(1))):
        for reduction in ("mean", "sum", "none"):
            options = {"reduction": reduction, "label_smoothing": smoothing}
            ours = cross_entropy(x, y, weight, **options)
            assert_close(ours, F.cross_entropy(x, y, weight, **options))
            assert_close(ours.flatten(), cross_entropy(flat, flat_y, weight, **options).flatten())


def test_a_single_row_needs_no_batch():
    x, target, weight = (
        torch.randn(4, generator=torch.Generator().manual_seed(0)),
        torch.tensor(2),
        torch.arange(1.0, 5),
    )
    for y in (target, x.softmax(0)):
        for reduction in ("mean", "sum", "none"):
            options = {"reduction": reduction, "label_smoothing": 0.1}
            ours = cross_entropy(x, y, weight, **options)
            assert_close(ours, F.cross_entropy(x, y, weight, **options))
            assert ours.shape == ()


@pytest.mark.parametrize("ignore_index", [-100, -1, 0, 2, 99])
def test_any_index_can_be_ignored_also_one_of_a_class(ignore_index):
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([0, 1, 2, 1, ignore_index])
    ours = cross_entropy(x, target, ignore_index=ignore_index)
    assert_close(ours, F.cross_entropy(x, target, ignore_index=ignore_index))


def test_a_row_can_be_ignored_where_there_is_one_class():
    x, target = torch.tensor([[2.0], [3.0]]), torch.tensor([0, IGNORED])
    assert cross_entropy(x, target) == F.cross_entropy(x, target) == 0


@pytest.mark.parametrize("ignore_index", [-100, 156, 2])
def test_bytes_as_indices_do_not_wrap(ignore_index):
    """-100 as a byte would be 156: no row is ignored by accident."""
    x = torch.randn(2, 200, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([156, 2], dtype=torch.uint8)
    expected = cross_entropy(x, target.long(), ignore_index=ignore_index)
    assert_close(cross_entropy(x, target, ignore_index=ignore_index), expected)


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0, 3.0])])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_all_ignored_has_value_nan_and_gradient_zero(weight, smoothing):
    x, target = (
        torch.randn(2, 3, generator=torch.Generator().manual_seed(0)),
        torch.tensor([IGNORED, IGNORED]),
    )
    options = {"weight": weight, "label_smoothing": smoothing}
    assert cross_entropy(x, target, **options).isnan()
    assert cross_entropy(x, target, reduction="sum", **options) == 0
    assert_close(cross_entropy(x, target, reduction="none", **options), torch.zeros(2))
    for loss in (cross_entropy, F.cross_entropy):
        assert_close(gradient(lambda x, loss=loss: loss(x, target, **options), x), torch.zeros(2, 3))


@pytest.mark.parametrize("poison", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0, 3.0])])
def test_an_ignored_row_cannot_poison_the_gradient(poison, weight):
    x = torch.tensor([[1.0, 2.0, 3.0], [poison, 0.0, poison]])
    target = torch.tensor([1, IGNORED])
    for smoothing in (0.0, 0.1):
        loss = lambda x, s=smoothing: cross_entropy(x, target, weight, label_smoothing=s)  # noqa: E731
        assert_close(loss(x), cross_entropy(x[:1], target[:1], weight, label_smoothing=smoothing))
        expected = gradient(
            lambda x, s=smoothing: cross_entropy(x, target[:1], weight, label_smoothing=s), x[:1]
        )
        assert_close(gradient(loss, x), torch.cat([expected, torch.zeros(1, 3)]))
    theirs = gradient(lambda x: F.cross_entropy(x, target, weight), x)
    assert theirs.isnan().any() == (poison != -math.inf)  # torch's own is poisoned


def test_a_logit_of_minus_infinity_is_an_excluded_class():
    x, target = torch.tensor([[1.0, -math.inf, 3.0]]), torch.tensor([0])
    assert_close(cross_entropy(x, target), cross_entropy(x[:, [0, 2]], target))
    assert cross_entropy(x, torch.tensor([1])) == math.inf
    assert cross_entropy(x, torch.tensor([[0.2, 0.3, 0.5]])) == math.inf
    assert cross_entropy(x, target, label_smoothing=0.1) == math.inf
    one_hot = torch.tensor([[1.0, 0.0, 0.0]])
    assert cross_entropy(x, one_hot).isnan()  # 0 times infinity, in torch too
    assert F.cross_entropy(x, one_hot).isnan()


def test_many_rows_in_half_precision():
    """In float16, torch's count of 70 000 rows is infinite."""
    for dtype in (torch.float16, torch.bfloat16):
        x, target = torch.zeros(70_000, 3, dtype=dtype), torch.zeros(70_000, dtype=torch.int64)
        loss = cross_entropy(x, target)
        assert loss.dtype == dtype
        assert_close(loss.float(), torch.tensor(math.log(3)), rtol=torch.finfo(dtype).eps, atol=0)


def test_weight_may_be_given_by_position_and_in_any_dtype():
    x, target, weight = torch.zeros(2, 3), torch.tensor([0, 1]), torch.tensor([1, 3, 5])
    assert_close(cross_entropy(x, target, weight), F.cross_entropy(x, target, weight.float()))
    assert cross_entropy(x, target, weight.double()).dtype == torch.float32
