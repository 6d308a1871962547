"""A browser over the built book, with the network off but for the book itself."""

import functools
import http.server
import os
import threading

import pytest

from tests.pages import HTML, ROOT
from tools.pdf import BROWSER, NAMES

from .test_weight import visit

SCREENSHOTS = ROOT / "_build" / "screenshots"
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve(folder):
    """Serve a folder on a free port of this machine; return the server and its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}/"


@pytest.fixture(scope="session")
def site():
    assert (HTML / "index.html").exists(), "there is no book to look at: run `make book`"
    server, address = serve(HTML)
    yield address
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def chromium():
    if BROWSER is None:
        message = (
            f"no browser has looked at the pages: install one of {', '.join(NAMES)}, and have it on the PATH"
        )
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS, chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared(chromium, site):
    """What a reader has who has been in the book before: the files of its first chapter."""
    with chromium.new_context() as context:
        files = visit(context.new_page(), site, "chapters/l2.html")[1]
    return {name for name in files if name.startswith("_static/")}


@pytest.fixture
def open_page(chromium, request):
    """Open pages that note in `troubles` what a reader would meet: errors, failed or foreign requests."""
    contexts = []

    def open_page(home, *, theme="light", width=1280, height=900, **options):
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=theme,
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.troubles = []

        def only_home(route):
            if route.request.url.startswith((home, "data:", "blob:")):
                return route.continue_()
            page.troubles.append(f"asks for {route.request.url}")
            return route.abort()

        page.route("**/*", only_home)
        page.on("console", lambda m: m.type in ("error", "warning") and page.troubles.append(m.text))
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        # Aborted: the reader has gone on to another page.
        page.on(
            "requestfailed",
            lambda r: r.failure == "net::ERR_ABORTED" or page.troubles.append(f"failed {r.url}"),
        )
        page.on("response", lambda r: r.status >= 400 and page.troubles.append(f"{r.status} {r.url}"))
        return page

    yield open_page
    if request.node.stash.get(FAILED, False):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        name = "".join(c if c.isalnum() else "-" for c in request.node.name)
        for number, context in enumerate(contexts):
            for page in context.pages:
                page.screenshot(path=SCREENSHOTS / f"{name}-{number}.png", full_page=True)
    for context in contexts:
        context.close()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report
