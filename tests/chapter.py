"""A chapter as its reader meets it: what is shown, in which order, and how long it takes to read."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import NamedTuple

import jupytext
import nbformat

from tests.pages import SOURCES
from tools.notebooks import NOTEBOOKS

DEPTH = "## In depth"
HIDDEN_INPUT = {"hide-input", "remove-input", "hide-cell", "remove-cell"}
HIDDEN_OUTPUT = {"hide-output", "remove-output", "hide-cell", "remove-cell"}
# The honest measure, in minutes.
WORDS_A_MINUTE, CODE_LINE, FORMULA, PICTURE = 180, 4 / 60, 1 / 2, 2 / 3
FENCED_FORMULA = r"^[ >]*(`{3,}|:{3,})\{math\}.*?\1[ ]*$|^\$\$.*?\$\$"
SHOWN_FIGURE = r"\{glue:figure\}|\{figure\}|\{image\}"
TABLE = r"^\|[-:| ]+\|$"
UNSEEN = r"^`{3,}\{index\}[^`]*^`{3,}[ ]*$"
SOLUTION = r"^`{3,}\{solution-(?:start|end)\}[^`]*^`{3,}[ ]*$"


class Minutes(NamedTuple):
    lesson: float
    depth: float


@dataclass(frozen=True)
class Part:
    """A code cell with its outputs, or a stretch of prose; in depth or before it, in a solution or not."""

    depth: bool
    solution: bool
    prose: str = ""
    cell: nbformat.NotebookNode | None = None
    outputs: list[nbformat.NotebookNode] = field(default_factory=list)

    @property
    def tags(self) -> set[str]:
        return set(self.cell.metadata.get("tags", [])) if self.cell else set()

    @property
    def visible(self) -> list[str]:
        """The lines of code that a reader sees."""
        if self.cell is None or self.tags & HIDDEN_INPUT:
            return []
        return [line for line in self.cell.source.splitlines() if line.strip()]

    @property
    def pictures(self) -> int:
        if self.cell is None:
            return bool(re.search(SHOWN_FIGURE, self.prose))
        return sum(is_picture(output) for output in self.outputs if not self.tags & HIDDEN_OUTPUT)

    @property
    def tables(self) -> int:
        if self.cell is None:
            return len(re.findall(TABLE, self.prose, re.MULTILINE))
        shown = [output for output in self.outputs if not self.tags & HIDDEN_OUTPUT]
        return sum("|" in output.get("data", {}).get("text/markdown", "") for output in shown)

    @property
    def minutes(self) -> float:
        words, formulas = re.subn(FENCED_FORMULA, "", self.prose, flags=re.MULTILINE | re.DOTALL)
        return (
            len(words.split()) / WORDS_A_MINUTE
            + formulas * FORMULA
            + len(self.visible) * CODE_LINE
            + (self.pictures + self.tables) * PICTURE
        )

    @property
    def asserts(self) -> bool:
        nodes = ast.walk(ast.parse(self.cell.source)) if self.cell else ()
        return any(
            isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and called(node) == "assert_close")
            for node in nodes
        )


def is_picture(output: nbformat.NotebookNode) -> bool:
    data = output.get("data", {})
    return "image/svg+xml" in data or "image/png" in data or "<figure" in data.get("text/html", "")


def called(call: ast.Call) -> str:
    """Return the name of what is called, without what it is an attribute of."""
    return ast.unparse(call.func).split(".")[-1]


@dataclass
class Chapter:
    """A chapter's source, and its notebook with outputs."""

    name: str
    text: str
    notebook: nbformat.NotebookNode | None

    @cached_property
    def slug(self) -> str:
        return self.name.replace("_", "-")

    @cached_property
    def cells(self) -> list[nbformat.NotebookNode]:
        seen = re.sub(UNSEEN, "", self.text, flags=re.MULTILINE)
        return jupytext.reads(seen, fmt="md:myst").cells

    @cached_property
    def code(self) -> list[nbformat.NotebookNode]:
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @cached_property
    def prose(self) -> str:
        return "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "markdown")

    @cached_property
    def parts(self) -> list[Part]:
        return list(self._parts())

    def _parts(self) -> Iterator[Part]:
        executed = (cell for cell in self.notebook.cells if cell.cell_type == "code") if self.notebook else ()
        outputs = iter([cell.outputs for cell in executed])
        depth = solution = False
        for cell in self.cells:
            if cell.cell_type == "code":
                yield Part(depth, solution, cell=cell, outputs=next(outputs, []))
                continue
            for piece in re.split(f"(^{DEPTH}$|{SOLUTION})", cell.source, flags=re.MULTILINE):
                if piece == DEPTH:
                    depth = True
                elif re.match(SOLUTION, piece, re.MULTILINE):
                    solution = "{solution-start}" in piece
                elif piece.strip():
                    yield Part(depth, solution, prose=piece)

    @cached_property
    def minutes(self) -> Minutes:
        """How long the lesson takes, and the rest; folded solutions are free."""
        open_parts = [part for part in self.parts if not part.solution]
        return Minutes(*(sum(p.minutes for p in open_parts if p.depth is depth) for depth in (False, True)))

    @cached_property
    def first_picture(self) -> float | None:
        """How many minutes pass before the first figure."""
        passed = 0.0
        for part in self.parts:
            if part.pictures and not part.solution:
                before = re.split(SHOWN_FIGURE, part.prose)[0]
                return passed + Part(False, False, prose=before).minutes
            passed += 0 if part.solution else part.minutes
        return None

    def section(self, title: str) -> str:
        """Return the prose of a section, '' if there is none; its title may go on after a colon."""
        start = rf"^## {re.escape(title)}(?::.*)?\n"
        found = re.search(rf"{start}(.*?)(?=^## |\Z)", self.prose, re.MULTILINE | re.DOTALL)
        return found[1] if found else ""

    def calls(self, function: str) -> list[ast.Call]:
        """Return the calls of a function in all cells, whatever it is an attribute of."""
        nodes = (node for cell in self.code for node in ast.walk(ast.parse(cell.source)))
        return [node for node in nodes if isinstance(node, ast.Call) and called(node) == function]


@cache
def read(name: str) -> Chapter:
    path = NOTEBOOKS / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4) if path.exists() else None
    return Chapter(name, SOURCES[name].read_text(encoding="utf-8"), notebook)
