"""A chapter printed: all of its text on white paper, nothing cut off, no control that paper cannot obey."""

import pytest

A4_WIDTH, MARGIN = 794, 38  # CSS pixels; Chromium's default margin


def cut_off(page):
    """Parts of the article that are wider than the paper or hide what they hold."""
    return page.locator("article :is(pre, table, svg, img, .katex-display)").evaluate_all(
        """all => all.filter(part => part.getClientRects().length && (
            part.getBoundingClientRect().right > document.documentElement.clientWidth + 1
            || part.tagName === 'PRE' && part.scrollWidth > part.clientWidth + 1
        )).map(part => part.outerHTML.slice(0, 120))"""
    )


@pytest.fixture
def printed(open_page, site):
    def printed(theme):
        page = open_page(site, theme=theme, width=A4_WIDTH - 2 * MARGIN)
        page.emulate_media(media="print", color_scheme=theme)
        page.goto(site + "chapters/l2.html")
        return page

    return printed


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_paper_is_white_and_holds_everything(printed, theme):
    page = printed(theme)
    for part in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-area", ".copybtn", ".slider label"):
        assert not page.locator(part).first.is_visible(), part
    dark = page.locator("body, article, article pre, article td, article th").evaluate_all(
        "all => all.map(part => getComputedStyle(part).backgroundColor)"
        ".filter(colour => !['rgba(0, 0, 0, 0)', 'rgb(255, 255, 255)'].includes(colour))"
    )
    assert dark == []
    assert page.locator("article .slider svg").first.evaluate("svg => getComputedStyle(svg).filter") == "none"
    assert cut_off(page) == []
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".solution .cell").first.is_visible()
    assert page.pdf(format="A4").count(b"/Type /Page\n") > 5


def test_the_check_of_paper_bites(printed):
    page = printed("light")
    page.evaluate("""() => {
        const wide = '<pre style="white-space: pre !important; overflow: auto">' + 'x'.repeat(300) + '</pre>';
        document.querySelector('article').insertAdjacentHTML('beforeend', wide);
    }""")
    assert len(cut_off(page)) == 1
