"""Print the built book into one PDF: each page a chapter, each link between pages a link within the book.

The browser does nearly all of it. It opens the pages as a reader without scripts sees them: solutions stand
open, and of a figure that moves there is the drawing alone.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Error, Playwright, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import Fit

# Where neither is, Playwright looks for a browser of its own, and says how to get it.
# The shell has no window around the page: it takes half the time.
NAMES = ("chromium-headless-shell", "chromium", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
HTML = Path(__file__).resolve().parent.parent / "_build" / "html"
# The pages in their order: as the sidebar names them.
PAGES = "[...document.querySelectorAll('.bd-links a')].map(link => link.href.split('#')[0])"
# A part of a page: its anchors named after the page, its links led to the place of the others in the book.
TAKE = """([selector, pages]) => {
    const place = (page, anchor) => `page-${pages.indexOf(page)}` + (anchor ? `-${anchor}` : '');
    const part = document.querySelector(selector);
    for (const named of part.querySelectorAll('[id]:not(svg *)')) named.id = place(location.href, named.id);
    for (const link of part.querySelectorAll('a[href]')) {
        const address = new URL(link.getAttribute('href'), location).href;
        const [page, anchor] = address.split('#');
        link.setAttribute('href', pages.includes(page) ? '#' + place(page, anchor) : address);
    }
    for (const image of part.querySelectorAll('img')) {
        image.src = image.src; // the whole address
        image.loading = 'eager';
    }
    document.querySelector('article').id = place(location.href);
    return part.outerHTML;
}"""
# All parts in one page. Returns the headings: level, text, anchor.
JOIN = """async ([contents, articles, style]) => {
    document.head.insertAdjacentHTML('beforeend', `<style>${style}</style>`);
    // What belongs to one page alone.
    for (const part of document.querySelectorAll('.bd-sidebar, #jb-print-docs-body')) part.remove();
    const title = `<h1>${document.querySelector('h1').innerHTML}</h1>`;
    document.querySelector('article').outerHTML = title + contents + articles;
    await Promise.all([...document.images].map(image => image.decode()));
    return [...document.querySelectorAll('article :is(h1, h2)')].map(
        heading => [heading.tagName, heading.innerText, heading.closest('[id]').id]);
}"""
STYLE = """
    @page { size: A4; margin: 18mm; @bottom-center { content: counter(page); font-size: 8pt } }
    .bd-main .bd-content { margin: 0 }
    .bd-main .bd-content article.bd-article { break-before: page; padding: 0 }
    .bd-main .bd-content article.bd-article h1:first-of-type { display: block; margin-top: 0 }
    .headerlink, a:has(> .viewcode-link) { display: none } /* the source is in no page */
"""


def write(browser: Browser, target: Path) -> None:
    """Print the book with a browser."""
    page = browser.new_page(java_script_enabled=False)
    page.emulate_media(media="print")
    page.goto((HTML / "intro.html").as_uri())
    pages = page.evaluate(PAGES)
    contents = page.evaluate(TAKE, [".bd-links", pages])
    articles = []
    for address in pages:
        page.goto(address)
        articles.append(page.evaluate(TAKE, ["article", pages]))
    page.goto(pages[0])
    headings = page.evaluate(JOIN, [contents, "".join(articles), STYLE])
    page.pdf(path=target, scale=0.75, prefer_css_page_size=True)
    title = page.locator("h1").first.inner_text()
    page.close()

    # Chromium's own outline lacks some headings and repeats the words of others.
    reader = PdfReader(target)
    places = reader.named_destinations
    writer = PdfWriter(reader, incremental=True)
    writer.add_metadata({"/Title": title})
    chapter = None
    for level, text, anchor in headings:
        place = places["/" + anchor]
        chapter = None if level == "H1" else chapter
        number = reader.get_destination_page_number(place)
        item = writer.add_outline_item(
            title=text, page_number=number, parent=chapter, fit=Fit.fit_horizontally(place.top)
        )
        chapter = item if level == "H1" else chapter
    writer.write(target)


def chromium(playwright: Playwright) -> Browser:
    """Start the browser of this machine, or leave and say what to install."""
    try:
        return playwright.chromium.launch(executable_path=BROWSER, chromium_sandbox=False)
    except Error as error:
        sys.exit(f"make pdf: there is no browser to print with. Install Chromium.\n{error.message}")


def main() -> None:
    """Print the book that is in _build/html."""
    with sync_playwright() as playwright:
        write(chromium(playwright), HTML / "lossref.pdf")
    print(f"The book: {(HTML / 'lossref.pdf').as_uri()}")


if __name__ == "__main__":
    main()
