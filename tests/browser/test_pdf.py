"""The book as one PDF: every chapter in its order, formulas, figures, and links that lead into it."""

import re
import unicodedata
from io import BytesIO

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

from tests.pages import ROOT
from tools import pdf

# In the first chapters: a solution, which the pages fold; a figure with a slider, and one without.
WITHIN = ("Solution to Exercise 1.1", "price (bits)", "calibration error")


def titles():
    """The first heading of each page, in the order of the table of contents."""
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    pages = [ROOT / f"{name}.md" for name in re.findall(r"(?:root|file): (\S+)", toc)]
    return [re.search("^# (.*)", page.read_text(encoding="utf-8"), re.M)[1] for page in pages]


def words(page):
    """The text of a page, with its ligatures taken apart."""
    return unicodedata.normalize("NFKC", page.extract_text())


def complaints(book):
    """What a reader of the PDF would miss."""
    found = []
    chapters = [entry for entry in book.outline if not isinstance(entry, list)]
    if (outline := [re.sub(r"^\d+\. ", "", chapter.title) for chapter in chapters]) != titles():
        found.append(f"the outline is {outline}")
    for chapter in chapters:
        number = book.get_destination_page_number(chapter)
        start = "" if number is None else " ".join(words(book.pages[number]).split())[:200]
        if chapter.title not in start:
            found.append(f"{chapter.title} is not where the outline leads")
    fonts, places = set(), book.named_destinations
    for number, page in enumerate(book.pages, start=1):
        contents = page.get_contents()
        if contents is None or len(contents.get_data()) < 1000:  # its number alone
            found.append(f"page {number} is blank")
        fonts |= {font["/BaseFont"] for font in page["/Resources"].get("/Font", {}).values()}
        for link in page.get("/Annots", []):
            target = link.get("/Dest") or link["/A"]["/URI"]
            if target not in places and not target.startswith("https://"):
                found.append(f"page {number} leads to {target}")
    if not any("KaTeX_Math" in font for font in fonts):
        found.append("the formulas have another font")
    text = "".join(words(page) for page in book.pages[:30])
    return found + [f"nowhere is {part!r}" for part in WITHIN if part not in text]


@pytest.fixture(scope="module")
def book(chromium, site, tmp_path_factory):
    path = tmp_path_factory.mktemp("pdf") / "lossref.pdf"
    pdf.write(chromium, path)
    return PdfReader(path)


def test_the_whole_book(book):
    assert complaints(book) == []
    assert len(book.pages) > 200
    assert book.metadata.title.startswith("lossref")


def test_the_check_bites(book):
    torn, empty = PdfWriter(), PdfWriter()
    torn.append(book, pages=(0, 3))
    torn.add_outline_item(title=titles()[0], page_number=1)
    torn.pages[0]["/Annots"][0].get_object()[NameObject("/Dest")] = TextStringObject("/nowhere")
    empty.add_blank_page(595, 842)
    found = []
    for writer in (torn, empty):
        writer.write(file := BytesIO())
        found += complaints(PdfReader(file))
    assert {
        f"{titles()[0]} is not where the outline leads",
        "page 1 leads to /nowhere",
        f"nowhere is {WITHIN[1]!r}",
        "the outline is []",
        "page 1 is blank",
        "the formulas have another font",
    } <= set(found)
