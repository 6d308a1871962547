"""The laws of reductions, options and rows: what is summed, divided by, left out and left alone."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from lossref.testing.laws import (
    GRADIENT,
    VALUE,
    Broken,
    NotApplicable,
    against_formula,
    base,
    close,
    hold,
    ordinary,
)
from lossref.testing.report import Counterexample
from lossref.testing.subject import OPTIONS, Case, Outcome, Subject, run


def reductions(subject: Subject) -> str:
    """Sum and mean are made of the unreduced losses, and the mean divides by what it should."""
    if subject.style == "none":
        raise NotApplicable("it does not reduce")
    cases = ordinary(base(subject))
    if subject.style == "argument":
        against_formula(subject, VALUE, "sum", cases)
    for case in cases:
        came, truth = subject.both(case, VALUE, "mean", torch.float64)
        if came.error is None and close(came.value, truth.value, 1e-6 * truth.value.abs() + 1e-12):
            continue
        code = Counterexample(subject.code(case, VALUE, "mean"), str(truth), str(came))
        raise Broken(f"the mean is wrong{divided(subject, case, came, truth)}", code)
    return f"{len(cases)} cases"


def divided(subject: Subject, case: Case, came: Outcome, truth: Outcome) -> str:
    """Say what a wrong mean divides by, and what it should divide by."""
    if came.error is not None or not isinstance(came.value, Tensor) or came.value.dim():
        return ""
    total = float(run(subject.call(case, "sum"), subject.formula, case).value)
    by, should = (total / float(each) if float(each) else math.nan for each in (came.value, truth.value))
    rows, elements = case.rows or 1, case.tensors[case.first].numel()
    names = {rows: "rows", elements: "elements", 1: "nothing"}
    words = []
    for number in (by, should):
        name = names.get(round(number)) if math.isfinite(number) else None
        words.append(
            f"{number:.4g} ({name})" if name and abs(number - round(number)) < 1e-6 else f"{number:.4g}"
        )
    return f": it divides by {words[0]}, and should by {words[1]}"


def with_options(subject: Subject, *names: str) -> list[Case]:
    """Return the ordinary cases that have an option, without the others that have laws of their own."""
    others = OPTIONS - set(names)
    cases = [
        replace(case, options={key: value for key, value in case.options.items() if key not in others})
        for case in ordinary(subject.cases)
        if case.options.keys() & set(names)
    ]
    if not cases:
        raise NotApplicable(f"it has no {' or '.join(names)}")
    return cases


def compared(subject: Subject, cases: list[Case]) -> str:
    """Hold unreduced values, means and gradients against the formula."""
    number = against_formula(subject, VALUE, "none", cases)
    number += against_formula(subject, VALUE, "mean", cases)
    number += against_formula(subject, GRADIENT, "mean", cases)
    return f"{number} cases"


def weight(subject: Subject) -> str:
    """A weight multiplies, and the mean divides by what the formula's does."""
    return compared(subject, with_options(subject, "weight", "pos_weight"))


def smoothing(subject: Subject) -> str:
    """Label smoothing gives eps / C to every class, the true one among them."""
    return compared(subject, with_options(subject, "label_smoothing"))


def ignore(subject: Subject) -> str:
    """A row that is ignored counts in no sum, no mean and no gradient, whatever stands in it."""
    cases = with_options(subject, "ignore_index")
    seen = compared(subject, cases)
    spoiled = []
    for case in cases:
        names = list(case.tensors)
        ignored = case.tensors[names[1]] == case.options["ignore_index"]
        if ignored.any() and not case.tensors[names[1]].is_floating_point():
            input = case.tensors[names[0]].clone()
            input[ignored] = torch.nan
            spoiled.append(replace(case, tensors={**case.tensors, names[0]: input}))
    against_formula(subject, VALUE, "mean", spoiled)
    against_formula(subject, GRADIENT, "mean", spoiled)
    return seen


def unreduced(subject: Subject) -> list[Case]:
    """Return the cases whose rows can be told apart in the result."""
    cases = [case for case in ordinary(base(subject)) if case.rows]
    if not cases:
        raise NotApplicable("nothing says that its rows are independent")
    if subject.style not in ("argument", "none"):
        raise NotApplicable("it returns one number for all rows")
    return cases


def rows(subject: Subject) -> str:
    """A row costs the same alone, in any order and in any batch."""
    which = "[0]", "[::-1]", "1:"

    def lines(case: Case, some: str = "[0]") -> str:
        some = f"list(range({case.rows}))[::-1]" if some == "[::-1]" else some
        cut = [f"{name} = {name}[{some}]" for name in sorted(case.by_row)]
        return "\n".join(["whole = CALL", *cut, "part = CALL", f"torch.stack([part, whole[{some}]])"])

    def judge(case: Case) -> tuple[Outcome, Outcome] | None:
        for some in which if case.rows > 1 else ():
            came, _ = subject.both(case, lines(case, some), "none", torch.float64)
            if came.error is not None:
                return came, Outcome("two equal losses")
            part, whole = came.value.detach()
            if not close(part, whole, 1e-9 * (1 + whole.abs())):
                return came, Outcome(torch.stack([whole, whole]))
        return None

    return f"{hold(subject, unreduced(subject), judge, lines, 'none')} cases"


def nan(subject: Subject) -> str:
    """A nan in one row is seen in its loss, and in that of no other row."""
    cases = []
    for case in unreduced(subject):
        input = case.tensors[case.first].clone()
        input[0] = torch.nan
        cases.append(replace(case, tensors={**case.tensors, case.first: input}))
    return f"{against_formula(subject, VALUE, 'none', cases)} cases"


def purity(subject: Subject) -> str:
    """The tensors that go in are left as they were, and the same input gives the same loss again."""
    cases = ordinary(subject.cases)
    for case in cases:
        lines = (
            f"before = {case.first}.clone()\nfirst, second = CALL, CALL\n({case.first} - before).abs().max()"
        )
        came, _ = subject.both(case, lines, "none", torch.float64)
        if came.error is not None or not isinstance(came.value, Tensor):
            continue  # another law says so
        if came.value:
            code = subject.code(case, lines, "none")
            raise Broken("it changed its input", Counterexample(code, "0", str(came)))
        again = "first, second = CALL, CALL\n(first - second).abs().max()"
        came, _ = subject.both(case, again, "none", torch.float64)
        if came.value:
            code = subject.code(case, again, "none")
            raise Broken("two calls gave two losses", Counterexample(code, "0", str(came)))
    return f"{len(cases)} cases"
