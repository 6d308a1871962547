"""What a visit costs: bytes, time to the first formula, text that moves while one reads.

The pages are weighed in test_pages.py, all in one visit; here the checks are shown to bite.
"""

import gzip
import re
from functools import cache

from tests.pages import HTML

FIRST_VISIT, NEXT_PAGE, ALL_FIGURES = 200, 45, 65  # KB, as a server sends them
REFERENCE, MORE = "chapters/api.html", 58  # the documentation of every function, and every font

WATCH_SHIFTS = """
    window.shifts = [];
    new PerformanceObserver(list => {
        for (const entry of list.getEntries())
            for (const source of entry.sources)
                if (source.node?.parentElement?.closest('article'))
                    window.shifts.push([entry.value, source.node.textContent.slice(0, 60)]);
    }).observe({type: 'layout-shift', buffered: true});
"""


@cache
def size(name):
    """The size of a file of the book, compressed as servers do."""
    data = (HTML / name).read_bytes()
    return len(data if name.endswith((".woff2", ".png")) else gzip.compress(data, 6))


def kilobytes(names):
    return sum(map(size, names)) / 1024


def visit(page, site, path):
    """Open a page, read it to its end; return the files asked for at once, and all."""
    asked = []
    page.on("response", lambda response: asked.append(re.sub(r"[?#].*", "", response.url.removeprefix(site))))
    page.goto(site + path, wait_until="networkidle")
    page.evaluate("document.fonts.ready")  # a slow machine asks for them late
    at_once = set(asked)
    page.evaluate("""Promise.all([...document.images].map(image => {
        image.loading = 'eager';
        return image.decode();
    }))""")
    return at_once, set(asked)


def over_budget(page, site, path, shared):
    """Visit a page; say which of its sums of bytes are too high."""
    at_once, everything = visit(page, site, path)
    sums = {
        "first visit": (kilobytes(everything), FIRST_VISIT),
        "next page": (kilobytes(at_once - shared), NEXT_PAGE),
        "with figures": (kilobytes(everything - shared), ALL_FIGURES),
    }
    print(path, *(f"{name} {size:.0f} KB" for name, (size, _) in sums.items()), sep=", ")
    more = MORE if path == REFERENCE else 0
    return [name for name, (size, budget) in sums.items() if size > budget + more]


def test_the_check_of_weight_bites(open_page, site, shared):
    page = open_page(site)
    # What the theme would send: the script that draws its icons.
    page.add_init_script("""addEventListener('DOMContentLoaded', () => {
        const script = document.createElement('script');
        script.src = '../_static/scripts/fontawesome.js';
        document.head.append(script);
    })""")
    assert over_budget(page, site, "chapters/l2.html", shared) == ["first visit", "next page", "with figures"]


def moved(page):
    """How far the text jumped while the page came in, as browsers count it (0.1 is good)."""
    return sum(value for value, _ in page.evaluate("window.shifts"))


def test_the_check_of_jumps_bites(open_page, site):
    page = open_page(site)
    page.add_init_script(WATCH_SHIFTS)
    page.goto(site + "chapters/l2.html")
    page.evaluate("""new Promise(done => requestAnimationFrame(() => {
        const late = '<div style="height: 300px"></div>';
        document.querySelector('article').insertAdjacentHTML('afterbegin', late);
        setTimeout(done, 300);
    }))""")
    assert moved(page) > 0.01


def test_a_formula_is_readable_within_a_second_from_the_disk(open_page):
    """Counted in processor time: a busy machine lengthens the clock alone."""
    home = HTML.as_uri()
    page = open_page(home)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(f"{home}/chapters/l2.html", wait_until="commit")
    page.locator(".katex-html").first.wait_for()
    painted = page.evaluate("""async () => {
        await document.fonts.ready;
        await new Promise(requestAnimationFrame);
        return performance.now() / 1000;
    }""")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    print(f"first formula after {painted:.2f} s, {metrics['ProcessTime']:.2f} s of a processor")
    assert metrics["ProcessTime"] < 1
    assert painted < 5  # nothing was waited for: no timer, no server
