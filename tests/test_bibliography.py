"""Every reference is cited, and can be looked up."""

import re

import pytest

from tests.pages import ROOT, SOURCES

CITED = r"\{cite:?\w*\}`([^`]+)`"
CHECKABLE_YEAR = 1950  # what is older need have no DOI


def bibliography(bib, pages):
    """Complain about references that nobody cites, or that nobody could look up."""
    cited = {
        key.strip() for keys in re.findall(CITED, pages) for key in re.sub(r"\{.*?\}", "", keys).split(",")
    }
    entries = {
        key: (kind, body) for kind, key, body in re.findall(r"^@(\w+)\{(\S+),\n(.*?)^\}", bib, re.M | re.S)
    }
    if len(entries) != bib.count("\n@") + bib.startswith("@"):
        yield "an entry cannot be read: it begins with @kind{key, and ends with } in a line of its own"
    for key, (kind, body) in entries.items():
        fields = {
            name.lower(): value
            for name, value in re.findall(r"^ *(\w+) *= *[{\"]?(.*?)[}\"]?,?$", body, re.M)
        }
        if key not in cited:
            yield f"{key} is not cited"
        if kind.lower() == "book" or int(fields.get("year", 9999)) < CHECKABLE_YEAR:
            continue
        doi, eprint = fields.get("doi", ""), fields.get("eprint", "")
        known = re.fullmatch(r"10\.\d{4,9}/\S+", doi) or re.fullmatch(r"\d{4}\.\d{4,5}|[\w-]+/\d{7}", eprint)
        if not known and not fields.get("url", "").startswith("https://"):  # some old papers have no number
            yield f"{key} has neither a DOI nor an arXiv number, nor an address"
    for key in sorted(cited - set(entries)):
        yield f"{key} is cited, but not in the bibliography"


def test_bibliography():
    pages = "\n".join(page.read_text(encoding="utf-8") for page in SOURCES.values())
    assert list(bibliography((ROOT / "references.bib").read_text(encoding="utf-8"), pages)) == []


GOOD_ENTRY = "@article{a2000,\n  year = {2000},\n  doi = {10.1000/x}\n}\n"


@pytest.mark.parametrize(
    ("bib", "pages", "complaint"),
    [
        (GOOD_ENTRY, "nothing", "a2000 is not cited"),
        (GOOD_ENTRY, "{cite:p}`a2000,b1999`", "b1999 is cited, but not in the bibliography"),
        (GOOD_ENTRY.replace("doi = {10.1000/x}", "url = {x}"), "{cite:t}`a2000`", "a2000 has neither"),
        (GOOD_ENTRY.replace("10.1000/x", "to appear"), "{cite:t}`a2000`", "a2000 has neither"),
        (GOOD_ENTRY.replace("\n}", "}"), "{cite:t}`a2000`", "cannot be read"),
    ],
)
def test_the_check_of_the_bibliography_bites(bib, pages, complaint):
    assert list(bibliography(GOOD_ENTRY, "{cite:t}`a2000`")) == []
    assert any(complaint in said for said in bibliography(bib, pages))
