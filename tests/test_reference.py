"""The built page of the reference leads to the chapters, the sources and the rooms, and these lead back."""

import re
from functools import cache

import pytest
from bs4 import BeautifulSoup

import lossref
from tests.losses import FUNCTIONS, WRITTEN
from tests.pages import HTML

CHAPTERS = HTML / "chapters"
BACK = "In the reference."


@cache
def soup(page):
    return BeautifulSoup((CHAPTERS / page).read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def reference():
    return soup("api.html")


def entry(reference, name):
    return reference.find(id=f"lossref.{name}").find_parent("dl")


def listed(entry, term):
    """Return the addresses in one part of an entry."""
    parts = [dt for dt in entry.find_all("dt") if dt.get_text(strip=True) == term]
    return [link["href"] for part in parts for link in part.find_next_sibling("dd").find_all("a")]


def leads_back(section, name):
    """Whether a section's own words lead to a function."""
    words = [each for each in section.find_all("p", recursive=False) if each.get_text().startswith(BACK)]
    return [f"api.html#lossref.{name}"] == [
        link["href"] for p in words for link in p.find_all("a") if link["href"].endswith(f".{name}")
    ]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_leads_to_its_source(reference, name):
    link = entry(reference, name).select_one("a:has(.viewcode-link)")
    text = (CHAPTERS / link["href"]).read_text(encoding="utf-8-sig")
    assert f"\ndef {name}(" in text


@pytest.mark.parametrize("name", WRITTEN)
def test_a_function_and_its_chapter_lead_to_each_other(reference, name):
    page = f"{FUNCTIONS[name].page}.html"
    assert listed(entry(reference, name), "Chapter:") == [page]
    (lesson,) = (
        section
        for section in soup(page).find_all("section")
        if section.h2 and section.h2.get_text().startswith("In PyTorch")
    )
    assert leads_back(lesson, name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_and_its_rooms_lead_to_each_other(reference, name):
    rooms = listed(entry(reference, name), "In the museum:")
    module = FUNCTIONS[name].module
    assert len(rooms) >= ((3 if module else 1) if name in WRITTEN else 0)
    pages = {page: soup(page) for page in {room.partition("#")[0] for room in rooms}}
    names = re.compile(rf"\b({name}|{module.__name__})\b" if module else rf"\b{name}\b")
    for room in rooms:
        page, _, anchor = room.partition("#")
        at = pages[page].find(id=anchor)
        section = at if at.name == "section" else at.find_parent("section")
        assert names.search(section.get_text())
        assert leads_back(section, name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_authors_keep_their_initials(reference, name):
    source = re.search(r"Source:\n(.*?)\n\n", getattr(lossref, name).__doc__, re.S)[1]
    marks = re.compile('[*`"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\\s]+')
    assert marks.sub("", source) in marks.sub("", entry(reference, name).get_text())
