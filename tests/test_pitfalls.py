"""Every room of the museum has the same form, and the index leads to all of them by what is shown there."""

import re

import pytest

from tools import notebooks

PAGE = notebooks.ROOT / "chapters" / "pitfalls.md"
TEXT = PAGE.read_text(encoding="utf-8")
INDEX = TEXT.partition("## Index by symptom")[2].partition("\n## ")[0]
ROOMS = {
    room.partition(")=")[0]: room.partition("\n## ")[0]
    for room in re.split(r"^\((?=pitfall-)", TEXT, flags=re.MULTILINE)[1:]
}


def faults(room):
    """Say what a room lacks."""
    parts = ["\n### ", "**Symptom.**", "**Why.**", "**Fix.**", "**Met in**"]
    wanted = [part for part in parts if room.count(part) != 1]
    cells = re.findall(r"```\{code-cell\} ipython3\n(.*?)```", room, re.DOTALL)
    mute = [cell for cell in cells if "assert " not in cell and "error_of(" not in cell]
    report = re.search(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+", room)
    return wanted + mute + ([] if cells else ["a cell"]) + ([] if report else ["a report"])


@pytest.mark.parametrize("label", ROOMS)
def test_a_room_is_whole(label):
    assert faults(ROOMS[label]) == []


def test_a_room_without_its_report_or_assertion_is_found():
    room = next(iter(ROOMS.values()))
    assert faults(room.replace("github.com", "example.org")) == ["a report"]
    assert faults(room.replace("assert ", "print ")) != []


def test_the_index_leads_to_every_room_and_nowhere_else():
    assert ROOMS
    assert set(re.findall(r"\]\(#([\w-]+)\)", INDEX)) == set(ROOMS)
