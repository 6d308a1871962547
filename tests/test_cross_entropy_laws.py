"""What is true of cross entropy, with class indices and with probabilities."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from lossref import binary_cross_entropy_with_logits, cross_entropy
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
