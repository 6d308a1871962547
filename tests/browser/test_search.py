"""The search: whoever types what they see is led to the section that says what it is."""

import re

import pytest
import yaml

from tests.losses import FUNCTIONS
from tests.pages import HTML, ROOT

SYMPTOMS = yaml.safe_load((ROOT / "tests" / "symptoms.yml").read_text(encoding="utf-8"))
ROOMS = "chapters/museum_"
SECTION = re.compile(r'<section [^>]*?id="([^"]+)">((?:\s*<span id="[^"]+"></span>)*)')
FIRST = "query => find(index, query).slice(0, 1).map(({url}) => url)"


@pytest.fixture
def search(open_page):
    """The page of results, opened from disk."""
    page = open_page(HTML.as_uri() + "/")
    page.goto((HTML / "search.html").as_uri())
    return page


def missed(page, wanted):
    """Return what is not found first, of pairs of a query and an address."""
    found = [(query, url, page.evaluate(FIRST, query)) for query, url in wanted]
    return [(query, url, first) for query, url, first in found if first != [url]]


def labels_of(search):
    """Return {label, or name of a page: the address that the search has for it}; an old label has one too."""
    sections = search.evaluate("index.search(MiniSearch.wildcard).map(({url}) => url)")
    found = {}
    for page in HTML.glob("chapters/*.html"):
        found[page.stem] = f"chapters/{page.name}"
        for first, others in SECTION.findall(page.read_text(encoding="utf-8")):
            ids = [first, *re.findall(r'"([^"]+)"', others)]
            for url in (f"chapters/{page.name}#{anchor}" for anchor in ids):
                if url in sections:
                    found |= dict.fromkeys(ids, url)
    return found


def test_symptoms_are_found_first(search):
    labels = labels_of(search)
    wanted = [(query, labels[label]) for label, queries in SYMPTOMS.items() for query in queries]
    assert missed(search, wanted) == []
    assert missed(search, [("class imbalance", "chapters/l2.html")])  # the check bites


def test_a_section_is_found_by_the_words_of_its_index_and_a_room_of_the_museum_by_its_title_too(search):
    wanted = []
    for section in search.evaluate("index.search(MiniSearch.wildcard)"):
        url, names = section["url"], section["words"].splitlines()
        if ROOMS in url and "#" in url:
            names.append(section["title"])
        if "api.html" not in url:  # whose words are the names that lead to the chapters
            wanted += [(name, url) for name in names]
    assert len({url for _, url in wanted}) > 100
    assert missed(search, wanted) == []


def test_a_loss_is_found_by_every_name_it_has(search):
    wanted = []
    for name, loss in FUNCTIONS.items():
        names = [name, f"F.{name}", name.replace("_", " ")]
        if loss.module:
            names += [loss.module.__name__, f"torch.nn.{loss.module.__name__}"]
        wanted += [(each, f"chapters/{loss.page}.html") for each in names]
    found = missed(search, wanted)  # a section of the chapter may bear the name
    assert [(each, url, first) for each, url, first in found if not first[0].startswith(url + "#")] == []


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ("outlier", "outliers"),
        ("loss does not go down", "loss is not decreasing"),
        ("Target 10 is out of bounds", "Target 37 is out of bounds."),
        ("binary_cross_entropy_with_logits", "binary cross entropy with logits"),
    ],
)
def test_other_words_for_the_same_find_the_same(search, query, same):
    first, second = (search.evaluate(FIRST, words) for words in (query, same))
    assert first == second != []


@pytest.mark.parametrize("start", ["site", "disk"])
def test_results_show_what_was_found_and_lead_to_the_section(open_page, site, start):
    top = site if start == "site" else HTML.as_uri() + "/"
    page = open_page(top)
    page.goto(f"{top}search.html?q=outliers")
    first = page.locator("#search-results li").first
    assert "outlier" in first.locator("mark").first.inner_text().lower()
    first.locator("a").click()
    page.wait_for_url("**#*")
    anchor = page.url.partition("#")[2]
    assert 0 <= page.evaluate("id => document.getElementById(id).getBoundingClientRect().top", anchor) < 200
    assert page.troubles == []


def test_a_search_without_a_result_says_what_to_try(open_page, site):
    page = open_page(site)
    page.goto(site + "search.html?q=xylophone")
    assert "Try the main words" in page.locator("#search-results").inner_text()


def test_only_the_page_of_results_loads_the_search():
    holding = {
        page.name for page in HTML.rglob("*.html") if "section_search.js" in page.read_text(encoding="utf-8")
    }
    assert holding == {"search.html"}
    assert not (HTML / "searchindex.js").exists()
