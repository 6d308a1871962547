"""The laws of value and derivative, in float64 and in what is narrower."""

import functools
from dataclasses import replace

import torch
from torch import Tensor

from lossref.testing.laws import (
    GRADIENT,
    VALUE,
    Allowed,
    against_formula,
    base,
    close,
    hold,
    ordinary,
)
from lossref.testing.subject import Case, Outcome, Subject

SECOND = """{x}.requires_grad_()
each = CALL
along = (each.flatten() * torch.arange(1, 1 + each.numel())).sum()
(slope,) = torch.autograd.grad(along, {x}, create_graph=True)
torch.autograd.grad(slope.square().sum(), {x})[0] if slope.requires_grad else torch.zeros_like({x})"""
FORWARD = """along = torch.linspace(1, 2, {x}.numel()).view_as({x}).to({x})
torch.func.jvp(lambda {x}: CALL, ({x},), (along,))[1]"""


def value(subject: Subject) -> str:
    """The value is that of the formula, at thresholds, ties, certain probabilities and far logits too."""
    return f"{against_formula(subject, VALUE, 'none', base(subject))} cases"


@functools.lru_cache(maxsize=8)
def smooth(subject: Subject) -> list[Case]:
    """Return the cases at which the formula's slope does not jump."""

    def is_smooth(case: Case) -> bool:
        x = case.tensors[case.first]
        step = 1e-7 * (1 + x.abs())
        slopes = []
        for near in (x - step, x, x + step):
            moved = replace(case, tensors={**case.tensors, case.first: near})
            slopes.append(subject.both(moved, GRADIENT.format(x=case.first), "none", torch.float64)[1].value)
        if not all(isinstance(slope, Tensor) and slope.isfinite().all() for slope in slopes):
            return False
        low, middle, high = slopes
        return bool(((high - low).abs() <= 1e-4 * (1 + middle.abs())).all())

    found = []
    for case in base(subject):
        rows = [case.of_rows([row]) for row in range(case.rows)] if case.special else []
        found += [row for row in rows if is_smooth(row)] if rows else [case]
    return found


def gradient(subject: Subject) -> str:
    """The gradient is that of the formula, for any gradient from above."""
    return f"{against_formula(subject, GRADIENT, 'none', smooth(subject))} cases"


def difference(subject: Subject) -> str:
    """The gradient is what a small step does to the value."""
    wanted = "sum" if subject.style == "argument" else subject.style
    lines = """{x} = {x}.requires_grad_()
(slope,) = torch.autograd.grad(CALL.sum(), {x})
slope.sum()"""
    moved = "{x} = {x} + STEP\nCALL.sum().double()"

    def judge(case: Case) -> tuple[Outcome, Outcome] | None:
        came, _ = subject.both(case, lines.format(x=case.first), wanted, torch.float64)
        high, low = (
            subject.both(case, moved.format(x=case.first).replace("STEP", step), wanted, torch.float64)[
                0
            ].value
            for step in ("1e-6", "(-1e-6)")
        )
        if high is None or low is None:
            return None
        truth = Outcome(((high - low) / 2e-6).detach())
        good = came.error is None and close(
            came.value, truth.value, 1e-6 * (1 + truth.value.abs() + high.abs())
        )
        return None if good else (came, truth)

    number = hold(subject, ordinary(base(subject)), judge, lambda case: lines.format(x=case.first), wanted)
    return f"{number} cases"


def second(subject: Subject) -> str:
    """The second derivative is that of the formula."""
    return f"{against_formula(subject, SECOND, 'none', ordinary(base(subject)))} cases"


def forward(subject: Subject) -> str:
    """Forward mode gives the derivative that reverse mode gives."""
    return f"{against_formula(subject, FORWARD, 'none', ordinary(base(subject)))} cases"


def roundings(subject: Subject, dtype: torch.dtype, times: int) -> Allowed:
    """Allow what some roundings of the numbers that go in, and of the result, would do to the truth."""
    info = torch.finfo(dtype)

    def allowed(case: Case, truth: Tensor) -> Tensor:
        off = truth.abs()
        for name, tensor in {**case.tensors, **case.options}.items():
            if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
                continue
            lines = f"{name}.requires_grad_()\ntorch.autograd.grad(CALL.sum(), {name})[0]"
            slope = subject.both(case, lines, "none", torch.float64)[1].value
            if isinstance(slope, Tensor):  # the formula has a derivative there
                off = off + spread((slope * tensor.double()).abs().nan_to_num(0), truth)
        return (times * info.eps * off + 2 * info.tiny).where(truth.abs() < info.max / 2, torch.inf)

    return allowed


def spread(moved: Tensor, truth: Tensor) -> Tensor:
    """Sum, for each loss, what the numbers move that go into it."""
    if moved.shape == truth.shape:
        return moved
    if truth.dim() and moved.shape[:1] == truth.shape[:1]:
        return moved.flatten(1).sum(1).view(-1, *[1] * (truth.dim() - 1))
    return moved.sum()


def of_its_row(dtype: torch.dtype, share: float) -> Allowed:
    """Allow a few roundings of a gradient, and a small share of one of the largest in its row."""
    info = torch.finfo(dtype)

    def allowed(case: Case, truth: Tensor) -> Tensor:
        row = truth.abs().flatten(1).amax(1).view(-1, *[1] * (truth.dim() - 1)) if truth.dim() > 1 else 0
        off = 4 * max(info.eps, 1e-4) * truth.abs() + share * info.eps * row + 2 * info.tiny
        return off.where(truth.abs() < info.max / 2, torch.inf)

    return allowed


def accurate(subject: Subject, dtype: torch.dtype, times: int, share: float) -> int:
    """Hold value and gradient in a dtype against the formula in float64."""
    number = against_formula(
        subject, VALUE, "none", base(subject), dtype=dtype, allowed=roundings(subject, dtype, times)
    )
    return number + against_formula(
        subject, GRADIENT, "none", smooth(subject), dtype=dtype, allowed=of_its_row(dtype, share)
    )


def tails(subject: Subject) -> str:
    """In float32, what is small is as accurate as what is large: the loss of a far logit, and its slope."""
    return f"{accurate(subject, torch.float32, 64, 256)} cases"


def half(subject: Subject) -> str:
    """In half precision, value and gradient are those of the formula, rounded a few times at most."""
    number = 0
    for dtype in (torch.bfloat16, torch.float16):
        number += accurate(subject, dtype, 4, 0.1)
        if subject.style != "none":
            allowed = roundings(subject, dtype, 4)
            number += against_formula(subject, VALUE, "mean", base(subject), dtype=dtype, allowed=allowed)
    return f"{number} cases"
