"""Losses of other shapes than a row for a target, on rows that are spread over processes."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from torch.testing import assert_close

import lossref
from lossref.testing.domains import box
from tests.losses import FUNCTIONS
from tests.processes import needs_gloo, results
from tests.test_box_iou import COMPLETE, ORACLES

# Its name, the loss of spread tensors, torch's of whole ones, and these with their dimension of rows, if any.
Case = tuple[str, Callable[..., Tensor], Callable[..., Tensor], list[tuple[Tensor, int | None]]]


def ctc(loss: Callable[..., Tensor], reduction: str) -> Callable[..., Tensor]:
    return lambda x, *rest: loss(x.log_softmax(2), *rest, reduction=reduction, zero_infinity=True)


def linear(loss: Callable[..., Tensor], reduction: str) -> Callable[..., Tensor]:
    return lambda x, w, y, weight=None: loss(x, w, y, weight=weight, reduction=reduction)


def adaptive(loss: Callable[..., Tensor], reduction: str) -> Callable[..., Tensor]:
    return lambda x, y, head, a, b, c, d: loss(x, y, head, [(a, b), (c, d)], reduction=reduction)


def boxes(loss: Callable[..., Tensor], reduction: str) -> Callable[..., Tensor]:
    return lambda x, y: loss(x, y, reduction=reduction)


def cases(rows: int) -> Iterator[Case]:
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def whole(low: int, high: int, *shape: int) -> Tensor:
        return torch.randint(low, high, shape, generator=generator)

    labels, frames, lengths = whole(1, 4, rows, 2), whole(3, 5, rows), whole(1, 3, rows)
    together = torch.cat([row[:n] for row, n in zip(labels, lengths, strict=True)])
    x, layer, weight, classes = random(rows, 5), random(4, 5), random(4).exp(), whole(0, 9, rows)
    logits = random(4, rows, 4)
    pair, few = [(x, 0), (random(rows, 5), 0)], whole(0, 2, rows)
    contrastive = [
        ("info_nce_loss", pair),
        ("info_nce_loss", [*pair, (random(3, 5), None)]),
        ("info_nce_loss", [*pair, (random(rows, 3, 5), 0)]),
        ("nt_xent_loss", pair),
        ("supervised_contrastive_loss", [(x, 0), (few, 0)]),
    ]
    tail = [(each, None) for each in (random(4, 5), random(3, 5), random(3, 3), random(1, 5), random(4, 1))]
    for reduction in ("mean", "none") if rows % 2 else ("mean",):
        both = ctc(lossref.ctc_loss, reduction), ctc(F.ctc_loss, reduction)
        yield f"ctc {reduction}", *both, [(logits, 1), (labels, 0), (frames, 0), (lengths, 0)]
        yield f"ctc together {reduction}", *both, [(logits, 1), (together, None), (frames, 0), (lengths, 0)]
        both = linear(lossref.linear_cross_entropy, reduction), linear(F.linear_cross_entropy, reduction)
        yield f"linear {reduction}", *both, [(x, 0), (layer, None), (labels[:, 0], 0)]
        given = [(x, 0), (layer, None), (labels[:, 0], 0), (weight, None)]
        yield f"linear, weight, {reduction}", *both, given
        # Held against torch elsewhere, which has no such function.
        whole_rows = adaptive(lossref.adaptive_log_softmax_with_loss, reduction)
        yield f"adaptive {reduction}", whole_rows, whole_rows, [(x, 0), (classes, 0), *tail]
        # The rows of all processes are each other's classes, with no code that gathers them.
        for loss, given in contrastive:
            both = (
                partial(one, reduction=reduction) for one in (FUNCTIONS[loss].ours, FUNCTIONS[loss].theirs)
            )
            yield f"{loss} {reduction}", *both, given
        both = boxes(lossref.complete_box_iou_loss, reduction), boxes(ORACLES[COMPLETE], reduction)
        yield f"boxes {reduction}", *both, [(box(rows, generator=generator), 0) for _ in "xy"]


def every_fault(processes: int) -> list[str]:
    mesh = init_device_mesh("cpu", (processes,))

    def spread(tensor: Tensor, dim: int | None) -> Tensor:
        return distribute_tensor(tensor, mesh, [Replicate() if dim is None else Shard(dim)])

    faults = []
    for rows in (4, 5):
        for name, ours, theirs, ((input, dim), *others) in cases(rows):
            leaf = input.clone().requires_grad_()
            expected = theirs(leaf, *(tensor for tensor, _ in others))
            (slope,) = torch.autograd.grad(expected.sum(), leaf)
            try:
                spread_leaf = spread(input, dim).requires_grad_()
                found = ours(spread_leaf, *(spread(*other) for other in others))
                found.sum().backward()
                assert_close([found.full_tensor(), spread_leaf.grad.full_tensor()], [expected, slope])
            except Exception as error:
                faults.append(f"{name}, {rows} rows: {error!r}")
    return faults


@needs_gloo
def test_value_and_gradient_are_exact(tmp_path: Path, record_property) -> None:
    assert results(every_fault, 2, tmp_path) == [[], []]
    record_property("cases", ("sharded over 2 processes", len([*cases(4), *cases(5)])))
