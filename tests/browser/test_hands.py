"""Without a mouse, without a script, by touch: what can be done on a page can be done by everyone."""

import pytest


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


def test_a_hint_of_a_button_has_its_style(open_page, site):
    """What scripts make and name by a template is on no page that is built."""
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    page.locator(".theme-switch-button").hover()
    hint = page.locator(".tooltip.show")
    hint.wait_for()
    arrow = hint.locator(".tooltip-arrow").evaluate(
        "arrow => getComputedStyle(arrow, '::before').borderBottomColor"
    )
    assert arrow == hint.locator(".tooltip-inner").evaluate(
        "inner => getComputedStyle(inner).backgroundColor"
    )


def test_folded_code_opens(open_page, site):
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    folded = page.locator("details.hide").first
    folded.locator("summary").focus()
    page.keyboard.press("Enter")
    assert folded.locator("pre").first.is_visible()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_theme_changes(open_page, site, key):
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    assert tab_to(page, ".theme-switch-button")
    seen = [page.locator("html").get_attribute("data-theme")]
    for _ in range(2):
        page.keyboard.press(key)
        seen.append(page.locator("html").get_attribute("data-theme"))
    assert seen == ["light", "dark", "light"]


@pytest.mark.parametrize(
    ("toggle", "inside"), [(".primary-toggle", ".bd-links"), (".secondary-toggle", ".page-toc")]
)
def test_a_narrow_windows_sidebar_opens_and_gives_the_focus_back(open_page, site, toggle, inside):
    page = open_page(site, width=390)
    page.goto(site + "chapters/l2.html")
    part = page.locator(inside).first
    assert not part.is_visible()
    assert tab_to(page, toggle)
    page.keyboard.press("Enter")
    part.wait_for(state="visible")
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    part.wait_for(state="hidden")
    assert page.evaluate("selector => document.activeElement.matches(selector)", toggle)


def test_a_wide_windows_sidebar_hides_and_comes_back(open_page, site):
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    assert tab_to(page, ".primary-toggle")
    for state in ("hidden", "visible"):
        page.keyboard.press("Enter")
        page.locator(".bd-links").wait_for(state=state)


def stops_without_a_mark(page, stops=60):
    """Tab through a page: what has the focus and does not show it."""
    unmarked = []
    for _ in range(stops):
        page.keyboard.press("Tab")
        if not page.evaluate("""() => {
            const here = document.activeElement, card = here.closest('.sd-card');
            const outlined = part => part && getComputedStyle(part).outlineStyle !== 'none'
                && parseFloat(getComputedStyle(part).outlineWidth) > 1;
            return here === document.body // the end of the page
                || outlined(here) || outlined(card) || getComputedStyle(here).boxShadow !== 'none';
        }"""):
            unmarked.append(focused(page))
    return unmarked


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["intro.html", "chapters/l2.html"])
def test_one_sees_where_one_is(open_page, site, path, width):
    page = open_page(site, width=width)
    page.goto(site + path)
    assert stops_without_a_mark(page) == []
    page.locator(".dropdown-download-buttons button").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    assert "download-notebook" in focused(page)
    assert stops_without_a_mark(page, stops=1) == []


def test_the_checks_of_the_focus_bite(open_page, site):
    page = open_page(site)
    page.goto(site + "intro.html")
    page.evaluate("""() => {
        document.querySelectorAll('.bd-links a').forEach(link => link.tabIndex = -1);
        document.head.insertAdjacentHTML('beforeend',
            '<style>.primary-toggle:focus { outline: none !important }</style>');
    }""")
    assert tab_to(page, ".bd-links a") is None
    page.locator("#pst-skip-link a").focus()
    assert len(stops_without_a_mark(page, stops=30)) == 1


def lost(page):
    """What those without scripts should see and do not, or see and cannot use."""
    figure = page.locator("figure.slider").first
    shown = {part: page.locator(part).first for part in (".katex-html", ".solution .cell")}
    shown["figure"] = figure.locator("svg")
    missing = [part for part, where in shown.items() if not where.is_visible()]
    return missing + ["a dead slider"] * figure.locator("input").is_visible()


def test_without_scripts_all_is_there_but_the_control(open_page, site):
    page = open_page(site, java_script_enabled=False)
    page.goto(site + "chapters/l2.html")
    assert lost(page) == []


def test_the_check_without_scripts_bites(open_page, site):
    page = open_page(site)  # with scripts: solutions are folded, sliders are there
    page.goto(site + "chapters/l2.html")
    page.evaluate("document.querySelector('figure.slider svg').style.display = 'none'")
    assert lost(page) == [".solution .cell", "figure", "a dead slider"]


def test_a_wide_formula_fades_out_where_there_is_more_of_it(open_page, site):
    page = open_page(site, width=320)  # all fit 390
    page.goto(site + "chapters/huber.html")
    wide = page.locator(".katex-display.more")
    wide.first.wait_for()
    assert wide.count() < page.locator(".katex-display").count()
    wide.first.evaluate("formula => { formula.id = 'wide'; formula.focus(); }")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    page.locator("#wide:not(.more)").wait_for()


def test_a_term_leads_to_the_glossary(open_page, site):
    page = open_page(site)
    page.goto(site + "chapters/l2.html")
    page.locator("a.term").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary.html#term-*")
