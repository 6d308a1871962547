"""What a check has found: each law held, broken or not applicable, with the smallest counterexample."""

from dataclasses import dataclass
from typing import Literal

HELD, BROKEN, NOT_APPLICABLE = "held", "broken", "not applicable"


@dataclass(frozen=True)
class Counterexample:
    """Code that shows a broken law, what was expected of it, and what came."""

    code: str
    expected: str
    came: str

    def __str__(self) -> str:
        return f"{self.code}\n# expected {self.expected}\n# came     {self.came}"


@dataclass(frozen=True)
class Result:
    """What became of one law."""

    law: str
    says: str  # the law, as a sentence
    outcome: Literal["held", "broken", "not applicable"]
    note: str = ""
    counterexample: Counterexample | None = None


class BrokenLaw(AssertionError):
    """A loss breaks a law; the message is the report."""


@dataclass(frozen=True)
class Report:
    """The laws of a loss, in order. It prints as a table, and a notebook shows it as one."""

    loss: str
    like: str
    results: tuple[Result, ...]

    @property
    def broken(self) -> dict[str, Result]:
        """The broken laws by name."""
        return {each.law: each for each in self.results if each.outcome == BROKEN}

    def count(self, outcome: str) -> int:
        """Return how many laws had this outcome."""
        return sum(each.outcome == outcome for each in self.results)

    @property
    def summary(self) -> str:
        """One line: who was held against what, and how it went."""
        counts = ", ".join(f"{self.count(each)} {each}" for each in (HELD, BROKEN, NOT_APPLICABLE))
        return f"{self.loss}, like {self.like}: {counts}"

    def __str__(self) -> str:
        width = max((len(each.law) for each in self.results), default=0)
        mark = {HELD: "held  ", BROKEN: "BROKEN", NOT_APPLICABLE: "      "}
        lines = [self.summary, ""]
        lines += [
            f"{mark[each.outcome]}  {each.law:{width}}  {each.note or each.says}" for each in self.results
        ]
        for each in self.broken.values():
            lines += ["", f"{each.law}: {each.says}, but {each.note}", "", str(each.counterexample or "")]
        return "\n".join(lines).rstrip()

    def _repr_markdown_(self) -> str:
        rows = [f"| {each.law} | {each.outcome} | {each.note or each.says} |" for each in self.results]
        parts = [self.summary, "\n".join(["| law | outcome | |", "|---|---|---|", *rows])]
        for each in self.broken.values():
            parts += [f"**{each.law}**: {each.says}, but {each.note}."]
            parts += [f"```python\n{each.counterexample}\n```"] if each.counterexample else []
        return "\n\n".join(parts)

    def raise_if_broken(self) -> None:
        """Raise `BrokenLaw` with the report if a law is broken."""
        if self.broken:
            raise BrokenLaw(str(self))
