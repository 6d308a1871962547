"""The rooms of the museum have one form, run by themselves, and are titled by what PyTorch says today."""

import contextlib
import io
import re
from functools import cache

import jupytext
import pytest

from tools import notebooks

PAGES = sorted(path.stem for path in notebooks.ROOT.glob("chapters/museum_*.md"))
# What the book cannot raise: it comes from a GPU alone.
DESCRIBED = {"RuntimeError: CUDA error: device-side assert triggered"}


@cache
def rooms_of(text):
    """Return the imports of a page, and its rooms: label, title, text and cells of each."""
    first, *parts = re.split(r"\n\n(?=(?:\([\w-]+\)=\n)+## )", text)
    (imports,) = cells_of(first)
    return imports, {
        re.match(r"\(([\w-]+)\)", part)[1]: (re.search(r"^## (.*)$", part, re.M)[1], part) for part in parts
    }


def cells_of(text):
    return [cell for cell in jupytext.reads(text, fmt="md:myst").cells if cell.cell_type == "code"]


def texts():
    return {page: (notebooks.ROOT / "chapters" / f"{page}.md").read_text(encoding="utf-8") for page in PAGES}


ROOMS = {
    label: (imports, *room)
    for text in texts().values()
    for imports, rooms in [rooms_of(text)]
    for label, room in rooms.items()
}


def faults(imports, title, text):
    """Yield what is wrong with a room."""
    for part in ("**Why.**", "**Cure.**", "**Where people met it.**"):
        if text.count(part) != 1:
            yield f"{part} stands {text.count(part)} times"
    if not re.search(r"^## .*\n\n```\{index\} ", text, re.MULTILINE):
        yield "no index entries after the title"
    if not re.search(r"https://github\.com/[\w.-]+/[\w.-]+/(issues|pull)/\d+", text):
        yield "no report"
    cells = cells_of(text)
    for cell in cells:
        tags = cell.metadata.get("tags", [])
        lines = [line for line in cell.source.splitlines() if line.strip()]
        if not tags and len(lines) > 10:
            yield f"{len(lines)} lines: {lines[0]}"
        if not tags and "assert " in cell.source:
            yield f"a visible assertion: {lines[0]}"
    if not any("assert " in cell.source for cell in cells):
        yield "no assertion"
    printed, names = io.StringIO(), {"display": lambda *shown: None}
    with contextlib.redirect_stdout(printed):
        for cell in [imports, *cells]:
            try:
                exec(cell.source, names)  # a page of the book
            except Exception as error:
                yield f"does not run by itself: {error!r}"
                return
    message = re.fullmatch(r"`(\w+(?:Error|Warning): .*)`", title)
    if message and message[1] not in DESCRIBED:
        kind, _, words = message[1].partition(": ")
        if kind not in text.partition("\n## ")[2].partition("\n")[2]:
            yield f"{kind} is not caught"
        if words not in " ".join(printed.getvalue().split()):
            yield f"nobody says: {words}"


@pytest.mark.parametrize("label", ROOMS)
def test_room(label):
    assert list(faults(*ROOMS[label])) == []


@pytest.mark.parametrize(
    ("old", "new", "heard"),
    [
        ("**Cure.**", "**Fix.**", "**Cure.** stands 0 times"),
        ("```{index} ", "```{note} ", "no index entries"),
        ("https://github.com/", "https://example.org/", "no report"),
        ("assert ", "print ", "no assertion"),
        (":tags: [remove-cell]\n", "", "a visible assertion"),
        ("x = torch", "y = torch", "does not run by itself"),
        ("try:", "1\n" * 10 + "try:", "lines: x ="),
        ("grad can be implicitly", "grad can be explicitly", "nobody says: grad can be explicitly"),
        ("`RuntimeError: grad", "`TypeError: grad", "TypeError is not caught"),
    ],
)
def test_what_is_wrong_with_a_room_is_heard(old, new, heard):
    imports, title, text = ROOMS["pitfall-not-scalar"]
    assert heard in "\n".join(faults(imports, title.replace(old, new), text.replace(old, new)))


def test_the_entrance_leads_to_every_room():
    entrance = (notebooks.ROOT / "chapters" / "museum.md").read_text(encoding="utf-8").partition("\n## ")[0]
    linked = set(re.findall(r"\]\(#([\w-]+)\)", entrance))
    assert len(ROOMS) > 20
    assert set(ROOMS) == linked
