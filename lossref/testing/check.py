"""One call checks a loss; the same as a test, one for each law."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Generator, Tensor

import lossref
from lossref.testing import laws_of_rows, laws_of_torch, laws_of_value
from lossref.testing.domains import DOMAINS, Domain
from lossref.testing.laws import Broken, NotApplicable
from lossref.testing.report import Report, Result
from lossref.testing.subject import Case, Loss, Subject, run

Law = Callable[[Subject], str]

LAWS: dict[str, Law] = {
    "value": laws_of_value.value,
    "gradient": laws_of_value.gradient,
    "difference": laws_of_value.difference,
    "second": laws_of_value.second,
    "forward": laws_of_value.forward,
    "reductions": laws_of_rows.reductions,
    "weight": laws_of_rows.weight,
    "smoothing": laws_of_rows.smoothing,
    "ignore": laws_of_rows.ignore,
    "rows": laws_of_rows.rows,
    "nan": laws_of_rows.nan,
    "tails": laws_of_value.tails,
    "half": laws_of_value.half,
    "refusals": laws_of_torch.refusals,
    "vmap": laws_of_torch.vmap,
    "compiled": laws_of_torch.compiled,
    "exported": laws_of_torch.exported,
    "sharded": laws_of_torch.sharded,
    "purity": laws_of_rows.purity,
}


def drawn(formula: Loss, domain: Domain) -> Iterator[Case]:
    """Yield cases of a domain: small, larger, and with special values."""
    parameters = inspect.signature(formula).parameters.values()
    names = [each.name for each in parameters if each.annotation is Tensor]
    for seed, special in ((0, False), (1, True), (2, False), (3, True)):
        generator = Generator().manual_seed(seed)
        input, target, sets = domain.draw(6, 4, generator, special)
        for options in sets:
            given = {**options}
            tensors = {names[0]: input, names[1]: target}
            tensors |= {name: given.pop(name) for name in names[2:] if name in given}
            whole = {**tensors, **given}
            by_row = {name for name, each in whole.items() if isinstance(each, Tensor) and len(each) == 6}
            yield Case(tensors, given, frozenset(by_row), special).to(torch.float32).to(torch.float64)


def given(formula: Loss, samples: Iterable[tuple[Sequence[Tensor], dict[str, Any]]]) -> Iterator[Case]:
    """Yield the cases that a person gives, each as arguments and options."""
    names = list(inspect.signature(formula).parameters)
    for arguments, options in samples:
        yield Case(dict(zip(names, arguments, strict=False)), dict(options))


def begin(subject: Subject, like: str) -> None:
    """Refuse what cannot be checked at all, and say what would help."""
    if not subject.cases:
        raise TypeError(f"{like}: no case can be given to this loss: it takes {', '.join(subject.takes)}")
    case = subject.cases[0]
    reduction = "mean" if subject.style == "argument" else None
    outcome = run(subject.call(case, reduction), subject.loss, case)
    call = subject.call(case, reduction).replace("loss(", f"{name_of(subject.loss)}(", 1)
    if isinstance(outcome.error, TypeError):
        raise TypeError(
            f"{call} raised {outcome}. A loss like {like} takes {' and '.join(case.tensors)} by position and "
            "its options by name; for another signature pass formula=... and samples=[...]"
        ) from outcome.error
    if outcome.error is not None:
        raise ValueError(f"{call} raised at the first ordinary input: {outcome}") from outcome.error
    if not isinstance(outcome.value, Tensor):
        raise TypeError(f"{call} returned {type(outcome.value).__name__}; a loss returns a Tensor")


def name_of(loss: Any) -> str:
    """Return what a person calls the loss."""
    return str(getattr(loss, "__name__", type(loss).__name__))


def subjects(
    loss: Loss, like: str | None, formula: Loss | None, samples: Iterable[Any] | None
) -> tuple[str, list[Subject]]:
    """Return what a loss is like, and the loss on each of its domains."""
    if not callable(loss) or isinstance(loss, type):
        hint = f": pass an instance, {loss.__name__}()" if isinstance(loss, type) else ""
        raise TypeError(f"loss must be a function or a module, got {loss!r}{hint}")
    if like is not None:
        if like not in DOMAINS:
            near = difflib.get_close_matches(like, DOMAINS, 3)
            raise ValueError(f"like must be one of {', '.join(near or DOMAINS)}; got {like!r}")
        formula = getattr(lossref, like)
        found = [Subject(loss, formula, drawn(formula, domain)) for domain in DOMAINS[like]]
        return like, [subject for subject in found if subject.cases] or found[:1]
    if formula is None or samples is None:
        raise TypeError("say what the loss is like (like=...), or give its formula and samples")
    return name_of(formula), [Subject(loss, formula, given(formula, samples))]


def obey(law: Law, each: Sequence[Subject]) -> Result:
    """Try one law on a loss, in each of its domains."""
    says = (inspect.getdoc(law) or "").splitlines()[0].rstrip(".")
    name = next(name for name, other in LAWS.items() if other is law)
    notes, reasons = [], []
    for subject in each:
        try:
            notes.append(law(subject))
        except Broken as broken:
            return Result(name, says, "broken", broken.note, broken.counterexample)
        except NotApplicable as reason:
            reasons.append(str(reason))
    if not notes:
        return Result(name, says, "not applicable", reasons[0])
    return Result(name, says, "held", "")


def check(
    loss: Loss,
    like: str | None = None,
    *,
    formula: Loss | None = None,
    samples: Iterable[tuple[Sequence[Tensor], dict[str, Any]]] | None = None,
    laws: Iterable[str] | None = None,
    raise_on_failure: bool = False,
    progress: Callable[[Result], None] | None = None,
) -> Report:
    r"""Check a loss against the laws that a loss of its kind must keep.

    Args:
        loss: a function, or a module, that takes what the loss it is like takes: the tensors by position,
            the options, and `reduction`, by name. It may lack any option; without `reduction` it may
            return a mean, a sum or unreduced losses.
        like: the name of a function of `lossref`, whose formula, in float64, is the truth.
        formula: for a loss unlike any: the truth, a plain function of the same arguments.
        samples: and what to call both with: pairs of positional tensors and a dict of options.
        laws: the names of some laws, of those in `LAWS`; all by default.
        raise_on_failure: whether to raise `BrokenLaw` where a law is broken.
        progress: called with the result of each law as soon as it is there.

    Returns:
        A `Report`, which prints as a table, followed by the smallest counterexample of each broken law.

    Raises:
        TypeError: if `loss` is no function, returns no tensor, or cannot be called with the samples; if there
            are none, or neither `like` nor both `formula` and `samples` are given.
        ValueError: if it raises at once, or if `like` or a law is not known.

    Example:
        >>> import torch
        >>> from lossref.testing import check
        >>> def my_loss(input, target, reduction="mean"):
        ...     loss = (input - target) ** 2
        ...     return {"none": loss, "sum": loss.sum(), "mean": loss.sum() / len(loss)}[reduction]
        >>> check(my_loss, like="mse_loss", laws=["value", "reductions"]).broken["reductions"].note
        'the mean is wrong: it divides by 6 (rows), and should by 24 (elements)'
    """
    chosen = list(LAWS if laws is None else [laws] if isinstance(laws, str) else laws)
    if unknown := set(chosen) - set(LAWS):
        raise ValueError(f"there is no law {', '.join(sorted(unknown))}; there are {', '.join(LAWS)}")
    name, each = subjects(loss, like, formula, samples)
    begin(each[0], name)
    results = []
    for law in chosen:
        results.append(obey(LAWS[law], each))
        if progress is not None:
            progress(results[-1])
    report = Report(name_of(loss), name, tuple(results))
    if raise_on_failure:
        report.raise_if_broken()
    return report


def as_test(loss: Loss, like: str | None = None, **options: Any) -> Callable[[str], None]:
    """Make a test for pytest with a case for each law.

    Write `test_my_loss = as_test(my_loss, like="l1_loss")` in a file of tests. `options` are those of
    `check`. A law that says nothing about this loss is skipped.
    """
    import pytest

    names = list(options.pop("laws", LAWS))

    @pytest.mark.parametrize("law", names)
    def test(law: str) -> None:
        report = check(loss, like, laws=[law], raise_on_failure=True, **options)
        if report.results[0].outcome == "not applicable":
            pytest.skip(report.results[0].note)

    return test
