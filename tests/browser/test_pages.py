"""What a reader with a browser and no network finds on the pages of the built book."""

import json
import re
from pathlib import Path

import pytest

from tests.mould import in_the_mould
from tests.pages import HTML

from .test_phone import PHONE, small_texts, wide_formulas
from .test_sliders import slider_faults
from .test_weight import WATCH_SHIFTS, moved, over_budget

PAGES = sorted(
    str(path.relative_to(HTML))
    for path in HTML.rglob("*.html")
    if "_static" not in path.parts and path != HTML / "index.html"  # which only leads to the first page
)
CHAPTERS = [page for page in PAGES if page.startswith("chapters/")]


def unrendered(page):
    """Formulas without KaTeX's drawing, or with its error."""
    return page.locator(".math:not(:has(.katex)), .katex-error, .merror").all_inner_texts()


def images_without_sense(page):
    """Images that did not load, or that say nothing to those who cannot see them."""
    return page.locator("article img").evaluate_all(
        """async all => {
            all.forEach(image => image.loading = 'eager');
            await Promise.all(all.map(image => image.decode().catch(() => 0)));
            return all.filter(i => !i.naturalWidth || !i.alt || i.alt.includes('_images/')).map(i => i.src);
        }"""
    )


def violations(page, **options):
    """What axe finds against WCAG."""
    from axe_playwright_python.sync_playwright import Axe

    options |= {"preload": False, "resultTypes": ["violations"]}  # what is well is not listed: half the time
    found = Axe().run(page, options=options).response["violations"]
    return [(each["id"], node["target"]) for each in found for node in each["nodes"]]


def leave_one_of_each(page):
    """Hide each text that looks like one before it: axe weighs a pair of colours once, not 12 000 times."""
    page.evaluate("""() => {
        const backdrop = element => {
            const { backgroundColor, backgroundImage } = getComputedStyle(element);
            const clear = backgroundColor === 'rgba(0, 0, 0, 0)' && backgroundImage === 'none';
            return clear && element.parentElement
                ? backdrop(element.parentElement) : backgroundColor + backgroundImage;
        };
        const texts = [...document.querySelectorAll('body *')].filter(element =>
            element.checkVisibility({ opacityProperty: true })
            && [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim()));
        const looks = texts.map(element => {
            const { color, fontSize, fontWeight, opacity, textShadow } = getComputedStyle(element);
            return [color, fontSize, fontWeight, opacity, textShadow, backdrop(element)].join();
        });
        texts.forEach((element, i) => {
            element.style.visibility = looks.indexOf(looks[i]) < i ? 'hidden' : 'visible';
        });
    }""")


def pale(page):
    """Texts whose colour is too near to that behind them."""
    leave_one_of_each(page)
    return [target for _, target in violations(page, runOnly=["color-contrast"])]


def faults_but_of_colour(page):
    return violations(page, rules={"color-contrast": {"enabled": False}})


def wider_than_the_window(page):
    """How many pixels the page can be moved sideways."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


@pytest.mark.parametrize("path", PAGES)
def test_page(open_page, site, shared, path):
    """All in one visit: to draw a page costs as much as to check it."""
    page = open_page(site, theme="light", has_touch=True)
    page.add_init_script(WATCH_SHIFTS)
    heavy = over_budget(page, site, path, shared)
    assert page.troubles == []
    if path in CHAPTERS:
        assert heavy == []
        assert moved(page) < 0.01
    assert unrendered(page) == []
    assert images_without_sense(page) == []
    page.set_viewport_size(PHONE)
    if in_the_mould(Path(path).stem):
        assert small_texts(page) == []
        assert wide_formulas(page) == []
    for figure in page.locator("figure.slider").all():
        assert slider_faults(page, figure) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert wider_than_the_window(page) == 0
    page.set_viewport_size({"width": 1280, "height": 900})
    assert faults_but_of_colour(page) == []
    assert pale(page) == []
    page.emulate_media(color_scheme="dark")
    page.locator("html[data-theme=dark]").wait_for()
    assert pale(page) == []
    assert page.troubles == []


def test_pages_from_the_disk(open_page):
    home = HTML.as_uri()
    page = open_page(home)
    for path in PAGES:
        if path != "404.html":  # which only a server sends
            page.goto(f"{home}/{path}")
            assert page.troubles == [], path


def test_the_address_alone_leads_to_the_first_page(open_page, site):
    page = open_page(site)
    page.goto(site)
    page.wait_for_url("**/intro.html")


def test_sidebar_leads_to_every_chapter(open_page, site):
    page = open_page(site)
    page.goto(site + "intro.html")
    links = page.locator(".bd-links a.reference.internal")
    targets = {link.get_attribute("href").split("#")[0] for link in links.all()}
    assert targets - {""} == set(CHAPTERS)


@pytest.mark.parametrize(
    ("words", "chapter"),
    [
        ("mean squared error", "L2: the mean squared error"),
        ("outlier residual", "L2: the mean squared error"),
    ],
)
def test_search_finds_the_chapter(open_page, site, words, chapter):
    page = open_page(site)
    page.goto(site + "intro.html")
    page.keyboard.press("Control+k")
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
    assert chapter in page.locator("#search-results").inner_text()
    assert page.troubles == []


def test_notebook_downloads(open_page, site):
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    page.locator("button[aria-label='Download this page']").click()
    with page.expect_download() as download:
        page.locator("a.btn-download-notebook-button, a[title='Download notebook file']").click()
    notebook = json.loads(download.value.path().read_text())
    assert any(cell.get("outputs") for cell in notebook["cells"])


def test_solution_opens_by_keyboard(open_page, site):
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    solution = page.locator(".solution.dropdown").first
    assert not solution.locator(".cell").first.is_visible()
    solution.locator("button.toggle-button").focus()
    page.keyboard.press("Enter")
    assert solution.locator(".cell").first.is_visible()


def test_no_dead_buttons_without_a_repository():
    for path in CHAPTERS:
        text = (HTML / path).read_text()
        assert not re.search(r"executablebooks|mybinder|colab", text), path


def test_the_checks_bite(open_page, site, tmp_path):
    """Each check finds its fault on a page broken on purpose."""
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    page.evaluate("""() => {
        const article = document.querySelector('article');
        article.insertAdjacentHTML('beforeend', `
            <script src="https://cdn.example.org/x.js"></script>
            <span class="math">x^2</span>
            <img src="../_static/favicon.png">
            <p style="color: #ccc; background: #fff">too pale</p>
            <p style="color: #ccc; background: #fff">as pale</p>
            <p>dark <b style="color: #ccc; background: #ffe">and pale</b></p>
            <div style="width: 3000px">too wide</div>`);
        const script = document.createElement('script');
        script.src = 'https://cdn.example.org/x.js';
        article.append(script);
    }""")
    page.wait_for_timeout(300)
    assert any("cdn.example.org" in trouble for trouble in page.troubles)
    assert unrendered(page) == ["x^2"]
    assert len(images_without_sense(page)) == 1
    assert "image-alt" in {rule for rule, _ in faults_but_of_colour(page)}
    assert len(pale(page)) == 2
    assert wider_than_the_window(page) > 0
