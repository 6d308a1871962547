"""Without a mouse, without a script, by touch: what can be done on a page can be done by everyone."""

import pytest

from .test_pages import CHAPTERS, HTML

WITH_SLIDER = ["intro.html", *(page for page in CHAPTERS if 'class="slider"' in (HTML / page).read_text())]


def focused(page):
    return page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def tab_to(page, selector, most=60):
    """Press Tab until an element has the focus; return how often, or None."""
    for presses in range(1, most + 1):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return presses
    return None


def test_the_first_stop_skips_to_the_text(open_page, site):
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    page.keyboard.press("Tab")
    assert "main-content" in focused(page)
    assert page.locator("#pst-skip-link").is_visible()
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")


def test_the_sidebar_is_reached_and_followed(open_page, site):
    page = open_page(site)
    page.goto(site + "intro.html")
    assert tab_to(page, ".bd-links a[href='chapters/l2.html']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/l2.html")


def test_the_search_opens_and_closes(open_page, site):
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    page.keyboard.press("Control+k")
    assert page.locator("#pst-search-dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#pst-search-dialog").is_visible()


def test_folded_code_opens(open_page, site):
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    folded = page.locator("details.hide").first
    folded.locator("summary").focus()
    page.keyboard.press("Enter")
    assert folded.locator("pre").first.is_visible()


@pytest.mark.parametrize("path", WITH_SLIDER)
def test_sliders(open_page, site, path):
    """Each has a name and a value in words, goes from end to end by keys, and never moves the text below."""
    page = open_page(site, width=390, has_touch=True)
    page.goto(site + path)
    for figure in page.locator("figure.slider").all():
        slider = figure.locator("input[type=range]")
        name = slider.evaluate("slider => slider.labels[0].textContent.trim()")
        assert name
        assert figure.locator("svg").get_attribute("role") == "img"
        assert len(figure.locator("svg").get_attribute("aria-label")) > 40
        slider.focus()
        height = figure.bounding_box()["height"]
        seen = set()
        for key in ("Home", "ArrowRight", "End"):
            page.keyboard.press(key)
            seen.add(figure.locator("svg").inner_html())
            text = slider.get_attribute("aria-valuetext")
            assert text == figure.locator("output").inner_text()
        assert slider.input_value() == slider.get_attribute("max")
        assert len(seen) == 3
        assert abs(figure.bounding_box()["height"] - height) < 1
        box = slider.bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert slider.input_value() != slider.get_attribute("max")
    assert page.troubles == []


def test_without_scripts_the_figure_stands_and_its_control_is_gone(open_page, site):
    page = open_page(site, java_script_enabled=False)
    page.goto(site + "chapters/l2.html")
    figure = page.locator("figure.slider").first
    assert figure.locator("svg").is_visible()
    assert not figure.locator("input").is_visible()
    assert page.locator(".katex-html").first.is_visible()
    assert page.locator(".solution .cell").first.is_visible()


def test_a_term_says_what_it_means(open_page, site):
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    term = page.locator("a.term").first
    assert len(term.get_attribute("title")) > 20
    term.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary.html#term-*")


def test_the_check_of_the_focus_bites(open_page, site):
    page = open_page(site)
    page.goto(site + "intro.html")
    page.evaluate("document.querySelectorAll('.bd-links a').forEach(link => link.tabIndex = -1)")
    assert tab_to(page, ".bd-links a") is None
