"""The laws of what torch can do to a function, vmap to sharding; and of what must be refused."""

import importlib
from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor

from lossref.testing.laws import (
    Broken,
    NotApplicable,
    base,
    blame,
    close,
    ordinary,
)
from lossref.testing.laws_of_rows import unreduced
from lossref.testing.report import Counterexample
from lossref.testing.subject import Case, Loss, Subject, run

COMPILED = """{x}.requires_grad_()
value = torch.compile(lambda {x}: CALL, fullgraph=True, backend="aot_eager")({x}).sum()
torch.stack([value, torch.autograd.grad(value, {x})[0].sum()])"""
PLAIN = """{x}.requires_grad_()
value = CALL.sum()
torch.stack([value, torch.autograd.grad(value, {x})[0].sum()])"""
VMAPPED = "torch.func.vmap(lambda {x}: CALL)(torch.stack([{x}, {x} / 2]))"
STACKED = """both = []
for {x} in ({x}, {x} / 2): both.append(CALL)
torch.stack(both)"""


def as_plain(subject: Subject, lines: str, plain: str) -> str:
    """Hold what a transform gives against the formula without it."""
    cases = ordinary(base(subject))[:2]
    wanted = "sum" if subject.style == "argument" else subject.style
    for case in cases:
        came, _ = subject.both(case, lines.format(x=case.first), wanted, torch.float64)
        _, truth = subject.both(case, plain.format(x=case.first), wanted, torch.float64)
        if not isinstance(truth.value, Tensor):
            continue
        if came.error is not None or not close(came.value, truth.value, 1e-7 * (1 + truth.value.abs())):
            code = Counterexample(
                subject.code(case, lines.format(x=case.first), wanted), str(truth), str(came)
            )
            raise Broken(blame(came, truth), code)
    return f"{len(cases)} cases"


def vmap(subject: Subject) -> str:
    """torch.func.vmap maps it over a batch."""
    return as_plain(subject, VMAPPED, STACKED)


def compiled(subject: Subject) -> str:
    """torch.compile makes one graph of it, with the same value and gradient."""
    torch._dynamo.reset()
    return as_plain(subject, COMPILED, PLAIN)


EXPORTED = """class Module(torch.nn.Module):
    def forward(self, {tensors}): return CALL
rows = {{0: torch.export.Dim("rows")}}
program = torch.export.export(Module(), ({tensors},), dynamic_shapes=[rows] * {number})
program.module()({fewer})"""


def plain(subject: Subject) -> Case:
    """Return a case whose tensors all have a row for each loss."""
    cases = [case for case in unreduced(subject) if set(case.tensors) <= case.by_row and not case.options]
    if not cases:
        raise NotApplicable("it has no case of plain tensors")
    return cases[0]


def exported(subject: Subject) -> str:
    """torch.export makes a program of it, for any number of rows."""
    case = plain(subject)
    names = list(case.tensors)
    lines = EXPORTED.format(
        tensors=", ".join(names), number=len(names), fewer=", ".join(f"{name}[1:]" for name in names)
    )
    came, _ = subject.both(case, lines, "none", torch.float64)
    truth = subject.both(case.of_rows(range(1, case.rows)), "CALL", "none", torch.float64)[1]
    if came.error is not None or not close(came.value, truth.value, 1e-7 * (1 + truth.value.abs())):
        code = Counterexample(subject.code(case, lines, "none"), str(truth), str(came))
        raise Broken(blame(came, truth), code)
    return "1 case"


def sharded_gradient(loss: Loss, *tensors: Tensor, reduction: str, devices: int = 2) -> Tensor:
    """Return the gradient of a reduced loss whose tensors are spread by rows over simulated devices."""
    import torch.distributed as dist
    from torch.distributed._local_tensor import LocalTensorMode
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import DTensor, Shard, distribute_tensor
    from torch.testing._internal.distributed.fake_pg import FakeStore

    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=devices)
    try:
        with LocalTensorMode(devices):
            mesh = init_device_mesh("cpu", (devices,))
            input, *others = (distribute_tensor(each.detach(), mesh, [Shard(0)]) for each in tensors)
            input.requires_grad_()
            (slope,) = torch.autograd.grad(loss(input, *others, reduction=reduction), input)
            found: Tensor = cast(DTensor, slope).full_tensor().reconcile()  # type: ignore[attr-defined]
            return found
    finally:
        dist.destroy_process_group()


def sharded(subject: Subject) -> str:
    """With rows spread over two devices, the gradients of sum and mean are those of all rows together."""
    try:
        importlib.import_module("torch.distributed._local_tensor")
    except ImportError:
        raise NotApplicable("this torch cannot simulate devices") from None
    if subject.style != "argument":
        raise NotApplicable("it has no argument reduction")
    if torch.distributed.is_initialized():
        raise NotApplicable("a process group is in use")
    case = plain(subject)
    names = ", ".join(case.tensors)
    for reduction in ("sum", "mean"):
        alone = f"{case.first}.requires_grad_()\ntorch.autograd.grad(CALL, {case.first})[0]"
        truth = subject.both(case, alone, reduction, torch.float64)[1]
        lines = (
            "from lossref.testing import sharded_gradient\n"
            f'sharded_gradient(loss, {names}, reduction="{reduction}")'
        )
        came = run(lines, subject.loss, case)
        if came.error is not None or not close(came.value, truth.value, 1e-7 * (1 + truth.value.abs())):
            code = Counterexample(subject.code(case, lines, reduction), str(truth), str(came))
            raise Broken(f"in the {reduction} {blame(came, truth)}", code)
    return "2 reductions"


def mistakes(subject: Subject, case: Case) -> Iterator[tuple[str, Case, str]]:
    """Yield bad calls: what is wrong, the case, and the reduction."""
    names = list(case.tensors)
    first, second = (case.tensors[name] for name in names[:2])

    def changed(**tensors: Tensor) -> Case:
        return Case({**case.tensors, **tensors}, case.options)

    if subject.style == "argument":
        yield "a reduction that there is not", case, "average"
    if second.shape == first.shape:
        yield "a target of one column", changed(**{names[1]: second[:, :1]}), "sum"
        yield "a target of one row", changed(**{names[1]: second[:1]}), "sum"
    yield "a row too few", changed(**{names[1]: second[1:]}), "sum"
    yield "a target beyond its domain", changed(**{names[1]: second + 1000}), "sum"
    yield "a target below its domain", changed(**{names[1]: second - 1000}), "sum"


def refusals(subject: Subject) -> str:
    """What the formula refuses is refused, or warned of: other shapes, labels that there are not."""
    number = 0
    seen = {tuple(case.tensors): case for case in ordinary(base(subject)) if case.rows > 1}
    for case in (case.of_rows([0, 1]).rounded(1) for case in seen.values()):
        for what, bad, reduction in mistakes(subject, case):
            if not refused(subject.call(bad, reduction), subject.formula, bad):
                continue
            number += 1
            call = subject.call(bad, reduction if subject.style == "argument" else None)
            if not refused(call, subject.loss, bad):
                came = run(call, subject.loss, bad)
                code = subject.code(bad, call, None)
                raise Broken(f"it accepted {what}", Counterexample(code, "an error", str(came)))
    if not number:
        raise NotApplicable("its formula refuses nothing that this tries")
    return f"{number} mistakes"


def refused(call: str, loss: Loss, case: Case) -> bool:
    """Say whether a call raises, or warns."""
    return run(call, loss, case, "error").error is not None
