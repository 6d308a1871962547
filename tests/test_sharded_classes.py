"""Cross entropy of logits whose classes are spread over processes: exact, and no logit is sent."""

import itertools
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from torch.distributed.tensor.debug import CommDebugMode
from torch.distributed.tensor.parallel import loss_parallel
from torch.testing import assert_close

from lossref import cross_entropy
from tests.processes import needs_gloo, results

# By number of processes: the mesh, whose last dimension has the classes and another the rows.
MESHES = {2: (2,), 4: (2, 2)}
SHAPES = {2: ((6, 4), (7, 5, 2)), 4: ((7, 5),)}  # shards of one size, and uneven ones, as of images
# Where the target and the weights are; and inside torch's loss_parallel, which changes none of this.
GIVEN = (
    (nullcontext, "replicated"),
    (nullcontext, "sharded"),
    (nullcontext, "plain"),
    (loss_parallel, "sharded"),
)


def problems(rows: int, classes: int, *more: int) -> Iterator[tuple[str, Tensor, Tensor, dict[str, Any]]]:
    """Yield logits, every kind of target, and options that together use every argument."""
    generator = torch.Generator().manual_seed(0)
    x, q = torch.randn(2, rows, classes, *more, generator=generator, dtype=torch.float64)
    index = torch.randint(classes, (rows, *more), generator=generator)
    weight = torch.rand(classes, generator=generator, dtype=torch.float64)
    with_ignored, poisoned = index.clone(), x.clone()
    with_ignored[1], poisoned[1] = -100, torch.nan
    targets = {"index": (x, index), "ignored": (poisoned, with_ignored), "probabilities": (x, q.softmax(1))}
    options = itertools.product((None, weight), (0.0, 0.2), ("none", "mean"))
    for (name, (input, target)), (weighted, eps, reduction) in itertools.product(targets.items(), options):
        shown = f"{name}, {'no ' if weighted is None else ''}weight, {eps}, {reduction}"
        yield shown, input, target, {"weight": weighted, "label_smoothing": eps, "reduction": reduction}


def fault(input: Tensor, target: Tensor, options: dict[str, Any], mesh: Any, given: str) -> str | None:
    """Return what is wrong with the loss of spread logits, if anything is; `given` says how the rest lies."""
    leaf = input.clone().requires_grad_()
    expected = cross_entropy(leaf, target, **options)
    (slope,) = torch.autograd.grad(expected.sum(), leaf)
    rows, everywhere = [Shard(0)] * (mesh.ndim - 1), [Replicate()] * mesh.ndim
    logits = distribute_tensor(input, mesh, [*rows, Shard(1)]).requires_grad_()
    if given != "plain":
        place = Shard(1) if target.shape == input.shape else Replicate()
        target = distribute_tensor(target, mesh, [*rows, place])
        if options["weight"] is not None:
            places = [*everywhere[1:], Shard(0)] if given == "sharded" else everywhere
            options = options | {"weight": distribute_tensor(options["weight"], mesh, places)}
    with CommDebugMode() as forward:
        loss = cross_entropy(logits, target, **options)
    with CommDebugMode() as backward:
        loss.sum().backward()
    sent = {str(kind).split(".")[-1]: times for kind, times in forward.get_comm_counts().items()}
    # The largest, the sum and the true class; and where rows are spread too, one number for the mean.
    allowed = 3 + (mesh.ndim > 1 and options["reduction"] == "mean")
    if set(sent) - {"all_reduce"} or sum(sent.values()) > allowed:
        return f"forward sends {sent}"
    # Where rows are spread too, DTensor moves the slopes of the rows, one number each, once more.
    if backward.get_total_counts() > (0 if mesh.ndim == 1 else 2):
        return f"backward sends {backward.get_comm_counts()}"
    if logits.grad.placements != logits.placements:
        return f"the gradient lies in {logits.grad.placements}"
    for what, ours, theirs in (("value", loss, expected), ("gradient", logits.grad, slope)):
        try:
            assert_close(ours.full_tensor(), theirs)
        except AssertionError:
            return f"wrong {what}"
    return None


def every_fault(processes: int) -> list[list[str | None]]:
    mesh = init_device_mesh("cpu", MESHES[processes])
    found = []
    for shape, (within, given) in itertools.product(SHAPES[processes], GIVEN):
        for name, *problem in problems(*shape):
            with within():
                found.append([f"{shape}, {within.__name__}, {name}, {given}", fault(*problem, mesh, given)])
    return found


@needs_gloo
@pytest.mark.parametrize("processes", MESHES)
def test_logits_stay_and_value_and_gradient_are_exact(
    tmp_path: Path, processes: int, record_property
) -> None:
    by_rank = results(every_fault, processes, tmp_path)
    for found in by_rank:
        assert [(name, wrong) for name, wrong in found if wrong] == []
    record_property("cases", (f"classes over {processes} processes", len(by_rank[0])))


def every_derivative(processes: int) -> list[str]:
    mesh = init_device_mesh("cpu", (processes,))
    problem = {name: rest for name, *rest in problems(6, 4)}
    wrong = []
    for name in ("index, weight, 0.0, mean", "index, weight, 0.2, mean", "probabilities, weight, 0.2, mean"):
        input, target, options = problem[name]
        weight = options.pop("weight")
        leaf = weight.clone().requires_grad_()
        (slope,) = torch.autograd.grad(cross_entropy(input, target, leaf, **options), leaf)
        for place in (Shard(0), Replicate()):
            spread = distribute_tensor(weight, mesh, [place]).requires_grad_()
            logits = distribute_tensor(input, mesh, [Shard(1)])
            cross_entropy(logits, target, spread, **options).backward()
            if not torch.allclose(spread.grad.full_tensor(), slope):
                wrong.append(f"{name}, {place}")
    return wrong


@needs_gloo
def test_the_weights_have_their_gradient_too(tmp_path: Path) -> None:
    assert results(every_derivative, 2, tmp_path) == [[], []]
