"""Runs what belongs to some pages alone, and sums up how many cases the table-driven tests went through."""

import importlib
import re
from collections import Counter
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

import lossref
from tools import notebooks


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--names", default="", help='only the tests of these pages and of their losses, as in "huber bce"'
    )
    parser.addoption(
        "--every-pair", action="store_true", help="in test_half.py, every value with every target"
    )


def of_pages(names: list[str]) -> re.Pattern[str]:
    """Return what the ids of the tests of some pages hold: their names, or those of their functions."""
    words = set(names)
    for name in names:
        if (notebooks.ROOT / "lossref" / f"{name}.py").exists():
            module = importlib.import_module(f"lossref.{name}")
            words |= {word for word in lossref.__all__ if getattr(lossref, word) is vars(module).get(word)}
    others = {*lossref.__all__, *notebooks.pages()} - words
    # What stands before a word in the name of another: the huber_loss is not pseudo_huber_loss.
    before = {before for word in words for before, found, _ in (o.partition(word) for o in others) if found}
    not_others = "".join(f"(?<!{each})" for each in sorted(before) if each.endswith("_"))
    return re.compile(rf"(?<![a-z0-9]){not_others}({'|'.join(sorted(words))})(?![a-z0-9])")


def pytest_configure(config: pytest.Config) -> None:
    modules = (path.stem for path in notebooks.ROOT.glob("lossref/[a-z]*.py"))  # whose chapter may be to come
    names = sorted({*notebooks.pages(), *modules})
    if unknown := sorted(set(config.getoption("names").split()) - set(names)):
        raise pytest.UsageError(
            f"no page or loss is called {', '.join(unknown)}; there are {', '.join(names)}"
        )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave only what `--names` asks for."""
    if not (names := config.getoption("names").split()):
        return
    wanted = of_pages(names)
    config.hook.pytest_deselected(items=[item for item in items if not wanted.search(item.nodeid)])
    items[:] = [item for item in items if wanted.search(item.nodeid)]


# What shares a kernel or a run that takes its time.
TOGETHER = re.compile(r"\.ipynb$|/test_pdf\.py$|/test_notebooks\.py$")


class Apart(LoadScopeScheduling):
    """Keeps what shares something in one process, longest first; hands out all else test by test."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if TOGETHER.search(file) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Take the place of `--dist loadfile`, which leaves one process alone with the last long file."""
    return Apart(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the cases that tests have recorded with `record_property("cases", (kind, number))`."""
    counts: Counter[str] = Counter()
    notes = []
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "cases" and report.when == "call":
                kind, number = value
                counts[kind] += number
            if name == "note":
                notes.append(value)
    if counts:
        terminalreporter.section("cases compared with torch")
        for kind, number in sorted(counts.items()):
            terminalreporter.write_line(f"{number:6d}  {kind}")
        terminalreporter.write_line(f"{counts.total():6d}  in all")
        for note in notes:
            terminalreporter.write_line(note)
