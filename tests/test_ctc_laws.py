"""What is true of CTC: the sum over paths, counted one by one, with its derivatives."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap
from torch.testing import assert_close

from lossref import ctc_loss
from tests.strategies import gradient
from tests.test_ctc import reading

TARGETS = torch.tensor([[1, 2, 3], [3, 0, 0]])


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).log_softmax(-1)


def by_enumeration(x: Tensor, labels: list[int], blank: int) -> Tensor:
    """Return minus the log of the sum over all paths that read as the labels."""
    paths = itertools.product(range(3), repeat=len(x))
    fitting = [path for path in paths if reading(path, blank) == labels]
    index = torch.tensor(fitting, dtype=torch.int64).view(len(fitting), len(x))
    return -x[torch.arange(len(x)), index].sum(1).logsumexp(0)


def every_sequence(longest: int, blank: int) -> list[list[int]]:
    labels = [c for c in range(3) if c != blank]
    return [list(s) for n in range(longest + 1) for s in itertools.product(labels, repeat=n)]


def check_by_enumeration(loss) -> None:
    """Complain unless `loss` is the sum over paths, for all labels and lengths at once."""
    for blank in range(3):
        rows = [(labels, frames) for labels in every_sequence(4, blank) for frames in range(5)]
        x = random(4, len(rows), 3, seed=blank).requires_grad_()
        targets = torch.full((len(rows), 4), -100)
        for row, (labels, _) in enumerate(rows):
            targets[row, : len(labels)] = torch.tensor(labels, dtype=torch.int64)
        lengths = [frames for _, frames in rows], [len(labels) for labels, _ in rows]
        expected = torch.stack([by_enumeration(x[:f, row], y, blank) for row, (y, f) in enumerate(rows)])
        found = loss(x, targets, *lengths, blank, "none")
        assert_close(found, expected)
        finite = expected.isfinite()
        slope, truth = (torch.autograd.grad(each[finite].sum(), x)[0] for each in (found, expected))
        assert_close(slope, truth)
        kept = torch.where(finite, expected, 0.0)
        assert_close(loss(x, targets, *lengths, blank, "none", True), kept)
        mean = (kept / torch.tensor(lengths[1]).clamp(min=1)).sum() / len(rows)
        assert_close(loss(x, targets, *lengths, blank, "mean", True), mean)
        assert_close(loss(x, targets, *lengths, blank, "sum", True), kept.sum())


def test_is_the_sum_over_all_paths() -> None:
    check_by_enumeration(ctc_loss)


WRONG = {
    "reads all frames": lambda x, y, frames, labels, *rest: ctc_loss(x, y, [len(x)] * len(y), labels, *rest),
    "keeps infinities": lambda *call: ctc_loss(*call[:6]),
    "mean of all alike": lambda *call: (
        ctc_loss(*call[:5], "none", *call[6:]).mean() if call[5] == "mean" else ctc_loss(*call)
    ),
    "a frame too many": lambda x, y, frames, *rest: ctc_loss(
        x, y, [min(len(x), n + 1) for n in frames], *rest
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_version_is_caught(wrong: str) -> None:
    with pytest.raises(AssertionError):
        check_by_enumeration(WRONG[wrong])


def test_all_readings_together_are_certain() -> None:
    x, sequences = random(4, 1, 3), every_sequence(4, 0)
    total = sum(
        (-ctc_loss(x, torch.tensor([y], dtype=torch.int64), [4], [len(y)], 0, "sum")).exp() for y in sequences
    )
    assert_close(total, torch.tensor(1.0, dtype=torch.float64))


def test_the_gradient_of_each_frame_sums_to_minus_1() -> None:
    slope = gradient(lambda x: ctc_loss(x, torch.tensor([[1, 2]]), [4], [2], 0, "sum"), random(5, 1, 4))
    assert_close(slope.sum(2).squeeze(1), torch.tensor([-1.0] * 4 + [0.0], dtype=torch.float64))


def test_is_torchs_in_random_cases_where_torchs_is_finite() -> None:
    """Value and gradient: behind log_softmax, where what torch adds to the gradient cancels."""
    generator = torch.Generator().manual_seed(0)
    draw = lambda low, high, *shape: torch.randint(low, high + 1, shape, generator=generator)  # noqa: E731
    lost = 0
    for _ in range(60):
        frames, rows, classes, longest = (int(draw(1, n)) for n in (8, 3, 4, 4))
        classes, blank = classes + 1, int(draw(0, classes))
        x = torch.randn(frames, rows, classes, generator=generator, dtype=torch.float64)
        targets = draw(0, classes - 2, rows, longest)
        targets += targets >= blank
        lengths = draw(0, frames, rows), draw(0, longest, rows)
        together = torch.cat([row[:n] for row, n in zip(targets, lengths[1], strict=True)])
        for given in (targets, together):
            ours = lambda x: ctc_loss(x.log_softmax(2), given, *lengths, blank, "none")  # noqa: B023, E731
            theirs = lambda x: F.ctc_loss(x.log_softmax(2), given, *lengths, blank, "none")  # noqa: B023, E731
            assert_close(ours(x), theirs(x))
            found, expected = gradient(ours, x), gradient(theirs, x)
            assert found.isfinite().all()
            assert_close(found[expected.isfinite()], expected[expected.isfinite()])
            lost += bool(expected.isnan().any())
    # When this fails, torch has mended its own (issue 31557), and the docstring can say so.
    assert lost


# ---- Its derivatives and transforms


def loss_of_logits(x: Tensor) -> Tensor:
    return ctc_loss(x.log_softmax(-1), TARGETS, [5, 4], [3, 1])


def test_every_derivative_is_there_and_ties_are_no_exception() -> None:
    for x in (random(5, 2, 4), torch.zeros(5, 2, 4, dtype=torch.float64)):
        leaf = x.clone().requires_grad_()
        assert torch.autograd.gradcheck(loss_of_logits, leaf, check_forward_ad=True, check_batched_grad=True)
        assert torch.autograd.gradgradcheck(loss_of_logits, leaf)
        curvature = hessian(loss_of_logits)(x)
        assert_close(jacfwd(jacfwd(loss_of_logits))(x), curvature)
        assert_close(jacrev(jacrev(loss_of_logits))(x), curvature)
        along = random(5, 2, 4, seed=1)
        assert_close(jvp(loss_of_logits, (x,), (along,))[1], (gradient(loss_of_logits, x) * along).sum())


def test_vmap_over_everything() -> None:
    inputs = torch.stack([random(5, 2, 4, seed=seed) for seed in range(3)])
    targets = torch.stack([TARGETS, TARGETS, torch.tensor([[2, 2, 1], [1, 1, 2]])])
    together = torch.tensor([[1, 2, 3, 3], [3, 2, 1, 1], [1, 1, 2, 2]])
    lengths = torch.tensor([[5, 4], [4, 4], [5, 5]]), torch.tensor([[3, 1], [2, 1], [3, 2]])
    apart = [ctc_loss(*each) for each in zip(inputs, targets, *lengths, strict=True)]
    assert_close(vmap(ctc_loss)(inputs, targets, *lengths), torch.stack(apart))
    slopes = vmap(grad(ctc_loss))(inputs, targets, *lengths)
    assert_close(slopes[1], grad(ctc_loss)(inputs[1], targets[1], lengths[0][1], lengths[1][1]))
    fixed = torch.tensor([3, 1])
    apart = [ctc_loss(x, y, lengths[0][0], fixed) for x, y in zip(inputs, together, strict=True)]
    assert_close(
        vmap(ctc_loss, (0, 0, None, None))(inputs, together, lengths[0][0], fixed), torch.stack(apart)
    )


def test_where_values_are_not_known() -> None:
    together, x = torch.tensor([1, 2, 3, 3]), random(5, 2, 4)
    calls = {
        "lists": (TARGETS, [5, 4], [3, 1]),
        "together": (together, torch.tensor([5, 4]), torch.tensor([3, 1])),
    }
    for targets, *lengths in calls.values():
        torch._dynamo.reset()
        compiled = torch.compile(grad(ctc_loss), fullgraph=True, backend="aot_eager")
        assert_close(compiled(x, targets, *lengths), grad(ctc_loss)(x, TARGETS, [5, 4], [3, 1]))
        on_meta = [each.to("meta") if isinstance(each, Tensor) else each for each in (x, targets, *lengths)]
        assert ctc_loss(*on_meta, reduction="none").shape == (2,)
