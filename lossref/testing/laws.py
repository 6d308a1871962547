"""What all laws share: how a loss is held against its formula, and how the smallest failure is told."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from lossref.testing.report import Counterexample
from lossref.testing.subject import OPTIONS, Case, Outcome, Subject

VALUE = "CALL"
GRADIENT = """{x}.requires_grad_()
each = CALL
torch.autograd.grad((each.flatten() * torch.arange(1, 1 + each.numel())).sum(), {x})[0]"""
SECOND = """{x}.requires_grad_()
each = CALL
along = (each.flatten() * torch.arange(1, 1 + each.numel())).sum()
(slope,) = torch.autograd.grad(along, {x}, create_graph=True)
torch.autograd.grad(slope.square().sum(), {x})[0] if slope.requires_grad else torch.zeros_like({x})"""
FORWARD = (
    "torch.func.jvp(lambda {x}: CALL, ({x},), (torch.linspace(1, 2, {x}.numel()).view_as({x}).to({x}),))[1]"
)
Allowed = Callable[[Case, Tensor], Tensor]  # how far from the truth a result may be
Judge = Callable[[Case], tuple[Outcome, Outcome] | None]


class Broken(Exception):
    """A law is broken: why, and the counterexample."""

    def __init__(self, note: str, counterexample: Counterexample | None = None) -> None:
        super().__init__(note)
        self.note, self.counterexample = note, counterexample


class NotApplicable(Exception):
    """A law says nothing about this loss: why."""


def close(came: Any, truth: Tensor, allowed: Tensor | float) -> bool:
    """Say whether a result has the right shape, and is within what is allowed; inf is inf, and nan nan."""
    if not isinstance(came, Tensor) or came.shape != truth.shape:
        return False
    wide = came.detach().double()
    same = (wide == truth) | (wide.isnan() & truth.isnan())
    return bool((same | ((wide - truth).abs() <= allowed)).all())


def in_float64(case: Case, truth: Tensor) -> Tensor:
    """Allow a share of the truth, and a smaller one of the largest number that went in."""
    largest = max(float(each.double().abs().max()) for each in case.tensors.values() if each.numel())
    return 1e-7 * truth.abs() + 1e-10 * max(1.0, largest)


def hold(
    subject: Subject,
    cases: Iterable[Case],
    judge: Judge,
    lines: Callable[[Case], str],
    reduction: str,
    dtype: torch.dtype = torch.float64,
) -> int:
    """Judge each case, and break with the smallest that fails; return how many there were.

    `judge` returns what came and what was expected where a case fails, and `lines` the code that shows it.
    """
    number = 0
    for case in cases:
        number += 1
        if judge(case) is None:
            continue
        case = next((each for each in case.smaller() if judge(each)), case)
        case = next((each for each in map(case.rounded, (0, 1, 2, 4)) if judge(each)), case)
        came, truth = judge(case) or (Outcome(), Outcome())
        code = subject.code(case.to(dtype), lines(case), reduction)
        raise Broken(blame(came, truth), Counterexample(code, str(truth), str(came)))
    return number


def blame(came: Outcome, truth: Outcome) -> str:
    """Say in a few words what is wrong."""
    if came.error is not None:
        return f"it raised {type(came.error).__name__}"
    if not isinstance(came.value, Tensor):
        return f"it returned {type(came.value).__name__}"
    if came.value.shape != truth.value.shape:
        return f"the shape was {tuple(came.value.shape)} for {tuple(truth.value.shape)}"
    if bool((came.value.isnan() & ~truth.value.isnan()).any()):
        return "it was nan"
    if bool((came.value.isinf() & ~truth.value.isinf()).any()):
        return "it was infinite"
    return "it differed"


def against_formula(
    subject: Subject,
    lines: str,
    wanted: str,
    cases: Iterable[Case],
    *,
    dtype: torch.dtype = torch.float64,
    allowed: Allowed = in_float64,
) -> int:
    """Hold the loss against its formula, on the cases of which the formula says something."""
    known = 0

    def judge(case: Case) -> tuple[Outcome, Outcome] | None:
        nonlocal known
        came, truth = subject.both(case, lines.format(x=case.first), wanted, dtype)
        if not isinstance(truth.value, Tensor):  # this case is not in the formula's domain
            return None
        known += 1
        good = came.error is None and close(came.value, truth.value, allowed(case.to(dtype), truth.value))
        return None if good else (came, truth)

    number = hold(subject, cases, judge, lambda case: lines.format(x=case.first), wanted, dtype)
    if number and not known:
        raise NotApplicable("the formula says nothing of these cases")
    return known


def base(subject: Subject) -> list[Case]:
    """Return the cases without the options that have laws of their own."""
    return [case for case in subject.cases if not case.options.keys() & OPTIONS]


def ordinary(cases: Iterable[Case]) -> list[Case]:
    """Return the cases without special values."""
    return [case for case in cases if not case.special]
