"""A loss as it is called: on cases, in each reduction it has, by code that anybody can paste."""

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

Loss = Callable[..., Any]
# Each has a law of its own, so that a loss may lack it.
OPTIONS = frozenset({"weight", "pos_weight", "ignore_index", "label_smoothing"})


@dataclass(frozen=True)
class Case:
    """What a loss is called with: tensors by position, options by name."""

    tensors: dict[str, Tensor]
    options: dict[str, Any]
    by_row: frozenset[str] = frozenset()  # the tensors that have one entry for each row
    special: bool = False

    @property
    def first(self) -> str:
        """The tensor that the loss is differentiated by."""
        return next(iter(self.tensors))

    @property
    def rows(self) -> int:
        """The number of rows, or 0 where rows mean nothing."""
        return len(self.tensors[self.first]) if self.by_row else 0

    def map(self, change: Callable[[str, Tensor], Tensor]) -> "Case":
        """Return the case with each of its tensors changed."""
        tensors = {name: change(name, value) for name, value in self.tensors.items()}
        options = {
            name: change(name, value) if isinstance(value, Tensor) else value
            for name, value in self.options.items()
        }
        return replace(self, tensors=tensors, options=options)

    def of_rows(self, rows: Sequence[int]) -> "Case":
        """Return the case with some of its rows, in this order."""
        return self.map(lambda name, value: value[list(rows)] if name in self.by_row else value)

    def to(self, dtype: torch.dtype) -> "Case":
        """Return the case with its floating-point tensors in another dtype."""
        return self.map(lambda name, value: value.to(dtype) if value.is_floating_point() else value)

    def rounded(self, digits: int) -> "Case":
        """Return the case with shorter numbers."""
        return self.map(
            lambda name, value: (
                value.double().round(decimals=digits).to(value.dtype) if value.is_floating_point() else value
            )
        )

    def smaller(self) -> Iterator["Case"]:
        """Yield cases with fewer rows, the smallest first."""
        yield from (self.of_rows([row]) for row in range(self.rows))
        yield from (self.of_rows([row, other]) for row in range(self.rows) for other in range(row))


@dataclass(frozen=True)
class Outcome:
    """What came of running lines of code: a value, or an exception."""

    value: Any = None
    error: Exception | None = None

    def __str__(self) -> str:
        if self.error is not None:
            return f"{type(self.error).__name__}: {(str(self.error).strip() or 'no message').splitlines()[0]}"
        return literal(self.value) if isinstance(self.value, Tensor) else str(self.value)


def run(lines: str, loss: Loss, case: Case, action: Literal["ignore", "error"] = "ignore") -> Outcome:
    """Run lines of code on a loss and fresh copies of a case, and return the value of the last.

    `action` says what becomes of warnings.
    """
    names: dict[str, Any] = {"torch": torch, "loss": loss, **case.options}
    names |= case.map(lambda name, value: value.clone()).tensors
    names |= {name: value.clone() for name, value in case.options.items() if isinstance(value, Tensor)}
    *before, last = lines.strip().splitlines()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(action)
            exec("\n".join(before), names)
            return Outcome(eval(last, names))
    except Exception as error:
        return Outcome(error=error)


def number(value: float, dtype: torch.dtype) -> str:
    """Return a number with the digits that its dtype needs."""
    if value != value or value in (torch.inf, -torch.inf):
        return str(value).replace("inf", "torch.inf").replace("nan", "torch.nan")
    digits = {torch.float32: 9, torch.float16: 5, torch.bfloat16: 4}.get(dtype, 17)
    short = next(text for n in range(1, 18) if float(text := f"{value:.{n}g}") == value or n == digits)
    return repr(float(short))


def literal(tensor: Tensor) -> str:
    """Return code that makes a tensor."""

    def nested(values: Any) -> str:
        if isinstance(values, list):
            return f"[{', '.join(map(nested, values))}]"
        return number(values, tensor.dtype) if isinstance(values, float) else str(values)

    told = tensor.dtype in (torch.float32, torch.int64, torch.bool)
    dtype = "" if told else f", dtype={tensor.dtype}"
    return f"torch.tensor({nested(tensor.detach().tolist())}{dtype})"


def imported(thing: Any, name: str) -> str:
    """Return the line of code that imports a function, or says where it came from."""
    owner = thing if hasattr(thing, "__qualname__") else type(thing)
    if "<" in owner.__qualname__ or owner.__module__ == "__main__":
        return f"{name} = {owner.__qualname__}  # as in your code"
    alias = "" if owner.__qualname__ == name else f" as {name}"
    line = f"from {owner.__module__} import {owner.__qualname__}{alias}"
    if owner is not thing:
        return f"from {owner.__module__} import {owner.__qualname__}\n{name} = {owner.__qualname__}()"
    return line


def with_reduction(formula: Loss) -> Loss:
    """Return an unreduced formula with the argument `reduction`; one that has it, as it is."""
    if "reduction" in inspect.signature(formula).parameters:
        return formula

    @functools.wraps(formula)
    def reduced(*arguments: Any, reduction: str = "mean", **options: Any) -> Tensor:
        loss: Tensor = formula(*arguments, **options)
        return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()

    return reduced


class Subject:
    """A loss with the formula that it is held against, and the cases on which the two meet."""

    def __init__(self, loss: Loss, formula: Loss, cases: Iterable[Case]) -> None:
        self.loss, self.formula = loss, with_reduction(formula)
        self.takes = self._takes()
        self.cases = [each for case in cases if (each := self._as_taken(case))]
        self.style = "argument" if "reduction" in self.takes else self._style()

    def _takes(self) -> set[str]:
        try:
            called = self.loss.forward if isinstance(self.loss, torch.nn.Module) else self.loss
            parameters = inspect.signature(called).parameters
        except ValueError:  # written in C
            return {"reduction"}
        if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
            return set(inspect.signature(self.formula).parameters)
        return set(parameters)

    def _as_taken(self, case: Case) -> Case | None:
        """Return a case without the options of `OPTIONS` that the loss lacks; none if it lacks another."""
        if case.options.keys() - self.takes - OPTIONS:
            return None
        return replace(case, options={key: value for key, value in case.options.items() if key in self.takes})

    def _style(self) -> str:
        """Say which reduction a loss does that has no argument for it."""
        case = self.cases[0]
        value = run(self.call(case, None), self.loss, case).value
        if not isinstance(value, Tensor) or value.dim():
            return "none"
        truth = {each: run(self.call(case, each), self.formula, case).value for each in ("mean", "sum")}
        return min(truth, key=lambda each: abs(float(truth[each]) - float(value)))

    def call(self, case: Case, reduction: str | None) -> str:
        """Return the code of a call."""
        options = [f"{name}={self._option(name, value)}" for name, value in case.options.items()]
        if reduction is not None:
            options.append(f'reduction="{reduction}"')
        return f"loss({', '.join([*case.tensors, *options])})"

    @staticmethod
    def _option(name: str, value: Any) -> str:
        if isinstance(value, Tensor) or callable(value):
            return name
        return number(value, torch.float64) if isinstance(value, float) else repr(value)

    def both(self, case: Case, lines: str, wanted: str, dtype: torch.dtype) -> tuple[Outcome, Outcome]:
        """Run lines that contain `CALL` on the loss, and on the formula in float64.

        The reduction is the one that is `wanted`, where the loss can do it, or the one that it does.
        """
        reduction = wanted if self.style == "argument" else self.style
        ours = self.call(case, reduction if self.style == "argument" else None)
        narrow = case.to(dtype)
        came = run(lines.replace("CALL", ours), self.loss, narrow)
        formula = lines.replace("CALL", self.call(case, reduction))
        return came, run(formula, self.formula, narrow.to(torch.float64))

    def code(self, case: Case, lines: str, wanted: str | None) -> str:
        """Return what can be pasted: imports, the tensors, and the lines, the last of them printed."""
        reduction = wanted if self.style == "argument" else None
        *before, last = lines.strip().replace("CALL", self.call(case, reduction)).splitlines()
        given = {**case.tensors, **case.options}
        makes = [f"{name} = {literal(value)}" for name, value in given.items() if isinstance(value, Tensor)]
        makes += [imported(value, name) for name, value in case.options.items() if callable(value)]
        return "\n".join(["import torch", imported(self.loss, "loss"), *makes, *before, f"print({last})"])
