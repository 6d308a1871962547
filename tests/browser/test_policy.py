"""The browser itself keeps the pages private: their policy stops a request to another host."""

import http.server
import threading

import pytest

from tests.pages import HTML

ASK = """host => Promise.all([
    new Promise(done => {
        const image = new Image();
        image.onload = image.onerror = done;
        image.src = host + 'image.png';
    }),
    new Promise(done => {
        const script = document.createElement('script');
        script.onload = script.onerror = done;
        script.src = host + 'script.js';
        document.head.append(script);
    }),
    fetch(host + 'data.json', {mode: 'no-cors'}).catch(() => 0),
])"""


@pytest.fixture
def other_host():
    """Another site on this machine, which notes what it is asked for."""
    asked = []

    class Note(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Note)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("where", ["server", "disk"])
def test_the_policy_stops_foreign_requests(chromium, site, other_host, where):
    host, asked = other_host
    with chromium.new_context() as context:  # whose requests nobody else stops
        page = context.new_page()
        page.goto((site if where == "server" else f"{HTML.as_uri()}/") + "chapters/l2.html")
        page.evaluate(ASK, host)
    assert asked == []


def test_without_the_policy_they_arrive(chromium, site, other_host, tmp_path):
    host, asked = other_host
    text = (HTML / "chapters" / "l2.html").read_text(encoding="utf-8")
    page_file = tmp_path / "l2.html"
    page_file.write_text(text.replace("Content-Security-Policy", "No-Policy"), encoding="utf-8")
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(page_file.as_uri(), wait_until="commit")
        page.evaluate(ASK, host)
    assert {"/image.png", "/script.js", "/data.json"} <= set(asked)
