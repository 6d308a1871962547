"""Every loss on tensors that are spread over processes: exact, where some of torch's own are not."""

from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from torch.testing import assert_close

from tests.losses import Call, calls
from tests.processes import needs_gloo, results

# By number of processes, (rows, classes): shards of one size, uneven ones, and with an empty one among them.
SHAPES = {2: ((6, 4), (7, 5)), 4: ((5, 6),)}
ALONG = ((0, "mean"), (0, "none"), (1, "mean"))


def sharded(tensor: Tensor, call: Call, dim: int, mesh) -> Tensor:
    """Spread a tensor over the mesh along the rows or the classes of the input, if it has them."""
    has_dim = tensor.shape == call.input.shape or (dim == 0 and tensor.shape == call.input.shape[:1])
    return distribute_tensor(tensor, mesh, [Shard(dim) if has_dim else Replicate()])


def fault(function, call: Call, dim: int, reduction: str, mesh) -> str | None:
    """Return what is wrong with a loss of sharded tensors, if anything is."""
    leaf = call.input.clone().requires_grad_()
    expected = call.theirs(leaf, reduction=reduction)
    upstream = torch.arange(1.0, expected.numel() + 1, dtype=torch.float64).view(expected.shape)
    (slope,) = torch.autograd.grad(expected, leaf, upstream)
    try:
        input = sharded(call.input, call, dim, mesh).requires_grad_()
        options = {
            k: sharded(v, call, dim, mesh) if isinstance(v, Tensor) else v for k, v in call.options.items()
        }
        result = function(input, sharded(call.target, call, dim, mesh), reduction=reduction, **options)
        (result * distribute_tensor(upstream, mesh, [Replicate()])).sum().backward()
        value, found = result.full_tensor(), input.grad.full_tensor()
    except Exception as error:
        return type(error).__name__
    for what, ours, theirs in (("value", value, expected), ("gradient", found, slope)):
        try:
            assert_close(ours, theirs)
        except AssertionError:
            return f"wrong {what}"
    return None


def every_fault(processes: int) -> list[list[str | None]]:
    mesh = init_device_mesh("cpu", (processes,))
    found = []
    for rows, classes in SHAPES[processes]:
        for (dim, reduction), call in product(ALONG, calls(rows, classes)):
            name = f"{call}, {rows} x {classes}, sharded along {dim}, {reduction}"
            theirs = None
            if (dim, reduction) == ALONG[0] and call.loss.module:
                theirs = fault(call.loss.theirs, call, dim, reduction, mesh)
            found.append([name, fault(call.loss.ours, call, dim, reduction, mesh), theirs])
    return found


@needs_gloo
@pytest.mark.parametrize("processes", SHAPES)
def test_value_and_gradient_are_exact(tmp_path: Path, processes: int, record_property) -> None:
    by_rank = results(every_fault, processes, tmp_path)
    for found in by_rank:
        assert [(name, ours) for name, ours, *_ in found if ours] == []
    wrong = [theirs for *_, theirs in by_rank[0] if theirs]
    # When this fails, torch has mended its own (issue 185167), and the book can say so.
    assert {2: {"wrong value", "wrong gradient"}, 4: {"wrong value"}}[processes] <= set(wrong)
    record_property("cases", (f"sharded over {processes} processes", len(by_rank[0])))
    means = len(SHAPES[processes]) * len([call for call in calls() if call.loss.module])
    shown = f"of {means} means over rows on {processes} processes torch.nn.functional gets {len(wrong)} wrong"
    record_property("note", shown)
