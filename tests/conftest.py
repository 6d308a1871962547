"""Sums up how many cases the table-driven tests went through."""

from collections import Counter

import pytest


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
