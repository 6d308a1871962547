"""The files of the built book, without a browser: every link leads somewhere, every term is explained."""

import json
import re
from functools import cache
from html import unescape
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest
from fontTools.ttLib import TTFont

from tests.pages import HTML
from tools.notebooks import NOTEBOOKS

PAGES = sorted(page for page in HTML.rglob("*.html") if "_static" not in page.parts)


class Page(HTMLParser):
    """The addresses that a page asks for or leads to, its anchors, and its linked terms."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.anchors, self.terms = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag != "link" or given.get("rel") not in ("canonical", "search"):
            self.addresses += [given[name] for name in ("href", "src") if given.get(name)]
        if tag == "a" and "term" in (given.get("class") or "").split():
            self.terms.append((given["href"], given.get("title") or ""))


@cache
def parsed(path):
    return Page(path.read_text(encoding="utf-8"))


def broken_links(path, page):
    """Links of a page to files or anchors that the book does not have."""
    broken = []
    for address in page.addresses:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        # The page that says "not here" stands at any address: its links begin at the top.
        start = HTML if parts.path.startswith("/") else path.parent
        target = (start / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
        anchors = page.anchors if target == path else None
        if target.is_dir():
            target /= "index.html"
        if not target.exists():
            broken.append(address)
        elif parts.fragment and target.suffix == ".html":
            anchors = parsed(target).anchors if anchors is None else anchors
            if unquote(parts.fragment) not in anchors:
                broken.append(address)
    return broken


def test_the_book_is_built():
    assert len(PAGES) > 10, "there is no book to look at: run `make book`"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(HTML)))
def test_links_and_anchors(path):
    assert broken_links(path, parsed(path)) == []


def test_the_check_of_links_bites():
    path = HTML / "chapters" / "l2.html"
    faults = ["nowhere.html", "#nowhere", "l1.html#nowhere", "../_images/nowhere.svg"]
    good = ["l1.html", "l1.html#the-formula", "https://example.org/x"]
    text = "".join(f'<a href="{fault}">x</a>' for fault in [*faults, *good])
    assert broken_links(path, Page(text)) == faults


def unexplained(terms):
    """Terms of a page that say nothing or show TeX, and those that it links twice."""
    dumb = [term for term in terms if len(term[1]) <= 20 or re.search(r"[\\${}]", term[1])]
    return dumb + [term for term in set(terms) if terms.count(term) > 1]


def test_terms_are_explained_once_a_page_in_plain_text():
    assert sum(len(parsed(path).terms) for path in PAGES) > 50
    assert {str(path): faults for path in PAGES if (faults := unexplained(parsed(path).terms))} == {}


def test_the_check_of_terms_bites():
    good = ("#term-loss", "What one prediction costs, or the mean of this.")
    faults = [("#term-loss", ""), ("#term-sum", "Written with \\sum, that is a sum.")]
    assert unexplained([good, *faults]) == faults
    assert unexplained([good, good]) == [good]
    (term,) = Page('<a class="term" href="#term-loss">loss</a>').terms
    assert unexplained([term]) == [term]


def misnumbered(text):
    """Equations, figures and exercises that do not count in their chapter, and citations without a year."""
    chapter = re.search(r'<h1><span class="section-number">(\d+)\. </span>', text)
    numbers = re.findall(r'class="eqno">\(([^)]*)\)', text)
    numbers += re.findall(r'class="caption-number">\w+\.? ([\d.]*\d)', text)
    for number in numbers if chapter else []:
        if not re.fullmatch(rf"{chapter[1]}\.\d+", number):
            yield number
    for citation in re.findall(r'href="bibliography\.html#[^"]*"[^>]*>(.*?)</a>', text):
        if not re.search(r"\b(1[6-9]|20)\d\d[a-z]?$", citation):
            yield citation


def test_numbers_count_within_chapters_and_citations_have_years():
    texts = {str(path): path.read_text(encoding="utf-8") for path in PAGES}
    assert sum('<h1><span class="section-number">' in text for text in texts.values()) >= 10
    assert {name: wrong for name, text in texts.items() if (wrong := list(misnumbered(text)))} == {}


def test_the_check_of_numbers_bites():
    page = (
        '<h1><span class="section-number">4. </span>x</h1><span class="eqno">(4.2)</span>'
        '<span class="caption-number">Fig. 4.1 </span><span class="caption-number">Exercise 4.1 </span>'
        '<a href="bibliography.html#id1" title="x">Moreau, 1965</a>'
    )
    assert list(misnumbered(page)) == []
    faults = [("(4.2)", "(5.2)"), ("Fig. 4.1", "Fig. 1"), ("Exercise 4.1", "Exercise 3.1"), ("1965", "[7]")]
    for good, fault in faults:
        assert len(list(misnumbered(page.replace(good, fault)))) == 1


def missing_parts(drawing):
    """What a drawing uses (a marker, a hatch, where to clip) and does not hold."""
    return set(re.findall(r'(?:xlink:href="#|url\(#)([^")]+)', drawing)) - set(
        re.findall(r' id="([^"]+)"', drawing)
    )


def test_figures_hold_the_parts_that_they_use():
    drawings = {path: [path.read_text(encoding="utf-8")] for path in HTML.glob("_images/*.svg")}
    drawings |= {path: re.findall(r"<svg.*?</svg>", path.read_text(encoding="utf-8"), re.S) for path in PAGES}
    assert sum(map(len, drawings.values())) > 50
    assert {
        str(path): lost
        for path, all_of in drawings.items()
        if (lost := set().union(*map(missing_parts, all_of)))
    } == {}


def test_the_check_of_figures_bites():
    drawing = '<svg><path id="a"/><use xlink:href="#a"/><g clip-path="url(#{})"/></svg>'
    assert missing_parts(drawing.format("a")) == set()
    assert missing_parts(drawing.format("b")) == {"b"}


def icons_that_are_not_drawn(page, styles, glyphs):
    """The classes of icons for which the styles name no sign, or one that the font does not hold."""
    sign = {
        name: ord(code)
        for names, code in re.findall(r'([^{}]*):before\{content:"([\ue000-\uf8ff])"\}', styles)
        for name in re.findall(r"\bfa-[a-z0-9-]+", names)
    }
    shown = re.findall(r'class="(?:[^"]* )?(fa-solid [^"]*)"', page)
    return {each for each in shown if not any(sign.get(name) in glyphs for name in each.split())}


def test_the_icons_are_in_the_font():
    static = HTML / "_static"
    styles = (static / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    font = TTFont(static / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.woff2")
    pages = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert "fa-bars" in pages
    assert icons_that_are_not_drawn(pages, styles, font.getBestCmap()) == set()


def test_the_check_of_icons_bites():
    page, styles = '<i class="x fa-solid fa-bars fa-lg"></i>', '.fa-x,.fa-bars:before{content:"\uf0c9"}'
    assert icons_that_are_not_drawn(page, styles, {0xF0C9}) == set()
    assert icons_that_are_not_drawn(page, styles, {0xF0CA}) == {"fa-solid fa-bars fa-lg"}
    assert icons_that_are_not_drawn(page, ".fa-bars{}", {0xF0C9}) == {"fa-solid fa-bars fa-lg"}


def shown_code(text):
    """The texts of a page's code, as a copy button would take them."""
    blocks = re.findall(r"<pre>(.*?)</pre>", text, re.S)
    return {unescape(re.sub(r"<[^>]*>", "", block)).strip() for block in blocks}


@pytest.mark.parametrize("notebook", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_code_on_the_page_is_the_notebooks(notebook):
    page = HTML / ("intro.html" if notebook.stem == "intro" else f"chapters/{notebook.stem}.html")
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    hidden = {"remove-input", "remove-cell"}
    code = {
        "".join(cell["source"]).strip()
        for cell in cells
        if cell["cell_type"] == "code" and not hidden & set(cell["metadata"].get("tags", []))
    }
    assert code - shown_code(page.read_text(encoding="utf-8")) == set()


def test_the_check_of_code_bites():
    page = "<pre><span>a</span> = 1\n\nb &lt; 2\n</pre>"
    assert shown_code(page) == {"a = 1\n\nb < 2"}
    assert shown_code(page.replace("\n\n", "\n")) != {"a = 1\n\nb < 2"}
