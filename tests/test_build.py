"""`make book` builds a good book, and fails, saying what to do, on a broken one or where it cannot build.

The book here is a small one, with this repository's own Makefile, configuration and extensions.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from _ext.page_foot import last_change
from tests.pages import HEADER, ROOT

GOOD = HEADER + "# A chapter\n\nThe loss $r^2$.\n\n```{code-cell} ipython3\nprint(1 + 1)\n```\n"


NOTEBOOK = Path("notebooks", "one.ipynb")
TORCH = re.search("^torch==(.*)", (ROOT / "requirements.txt").read_text(), re.M)[1]


def small_book(path):
    """Write a book of an intro and one good chapter."""
    for name in ("Makefile", "_config.yml", "requirements.txt", "pyproject.toml", "references.bib"):
        shutil.copy2(ROOT / name, path)
    for name in ("_ext", "_static", "lossref", "tools"):
        (path / name).symlink_to(ROOT / name)
    (path / "chapters").mkdir()
    (path / "chapters" / "one.md").write_text(GOOD)
    (path / "intro.md").write_text("# A book\n")
    (path / "_toc.yml").write_text("format: jb-book\nroot: intro\nchapters:\n  - file: chapters/one\n")
    return path


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The notebook of the good chapter."""
    book = small_book(tmp_path_factory.mktemp("book"))
    done = make(book, "notebooks", *HERE)
    assert done.returncode == 0, done.stderr
    return book / NOTEBOOK


@pytest.fixture
def book(executed, tmp_path):
    """A book whose notebooks are up to date."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(executed, tmp_path / NOTEBOOK)
    return small_book(tmp_path)


HERE = ("--assume-old=.venv/ready", f"BIN={Path(sys.executable).parent}")


def make(book, *arguments, **environment):
    """Run make in the book; unless told otherwise, with the tools of this Python."""
    arguments = arguments or ("book", *HERE)
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=book,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_a_good_book_is_built(book):
    done = make(book)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"The book: file://{book}/_build/html/index.html\n")
    page = (book / "_build" / "html" / "chapters" / "one.html").read_text()
    assert "katex-mathml" in page
    assert "https://github.com" not in page
    assert "lossref.pdf" not in page
    assert f"Computed with torch {TORCH} on Python {sys.version_info[0]}.{sys.version_info[1]}." in page
    assert "Last updated" not in page, "there is no git to know it"


def commit(book, day):
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", "-C", book]
    for command in (["init", "-q"], ["add", "-f", "chapters", "notebooks"], ["commit", "-q", "-m", "x"]):
        subprocess.run(
            [*git, *command], check=True, env={**os.environ, "GIT_COMMITTER_DATE": f"{day}T12:00:00"}
        )


def test_a_page_says_when_it_was_last_changed(book):
    commit(book, "2024-02-29")
    assert make(book).returncode == 0
    html = book / "_build" / "html"
    assert "Last updated on 29 February 2024" in (html / "chapters" / "one.html").read_text()
    assert "Last updated" not in (html / "intro.html").read_text(), "git does not know this page"


def test_where_git_does_not_know_it_no_day_is_named(book, tmp_path, monkeypatch):
    commit(book, "2024-02-29")
    assert last_change(book, "chapters/one.md") == "29 February 2024"
    (book / "chapters" / "one.md").write_text("more")
    commit(book, "2024-03-01")
    shallow = tmp_path / "shallow"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{book}", shallow], check=True)
    assert last_change(shallow, "chapters/one.md") is None, "its one commit changed everything"
    monkeypatch.setenv("PATH", "")
    assert last_change(book, "chapters/one.md") is None


def test_a_warning_fails_the_build_each_time(book):
    broken = "See {doc}`nowhere`, {eq}`eq-nowhere` and $\\foo$."
    (book / "chapters" / "one.md").write_text(f"{GOOD}\n{broken}\n")
    make(book, "notebooks", *HERE)
    for _ in range(2):  # Sphinx warns of a page only when it reads it anew
        done = make(book)
        assert done.returncode != 0
        assert "unknown document: 'nowhere'" in done.stderr
        assert "equation not found: eq-nowhere" in done.stderr
        assert "one.md:20: WARNING: math: KaTeX parse error: Undefined control sequence: \\foo" in done.stderr
        assert "make book: not built" in done.stderr
        assert not (book / "_build" / "html").exists(), "a half-built book looks whole"


def add_cell(book, code):
    (book / "chapters" / "one.md").write_text(f"{GOOD}\n```{{code-cell}} ipython3\n{code}\n```\n")


def test_an_old_notebook_stops_the_build_and_is_run_again(book):
    add_cell(book, "print(6 * 7)")
    done = make(book)
    assert done.returncode != 0
    assert "notebooks/one.ipynb is older than chapters/one.md" in done.stderr
    assert 'make notebooks NAMES="one"' in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (book / "_build" / "html").exists()
    assert "notebooks/one.ipynb" in make(book, "notebooks", *HERE).stdout
    done = make(book)
    assert done.returncode == 0, done.stderr
    assert "42" in (book / "_build" / "html" / "chapters" / "one.html").read_text()
    assert "notebooks/one.ipynb" not in make(book, "notebooks", *HERE).stdout, "nothing has changed since"


def test_the_build_shows_the_notebook_and_computes_nothing(book):
    notebook = book / NOTEBOOK
    notebook.write_text(notebook.read_text().replace('"2\\n"', '"by the notebook\\n"'))
    done = make(book, JUPYTER_PATH="/nowhere", JUPYTER_DATA_DIR="/nowhere")
    assert done.returncode == 0, done.stderr
    assert "by the notebook" in (book / "_build" / "html" / "chapters" / "one.html").read_text()


def test_with_names_only_what_has_changed_is_read_again(book):
    other = "# Another\n\nIts $\\alpha$.\n"
    (book / "chapters" / "two.md").write_text(other)
    with (book / "_toc.yml").open("a") as more:
        more.write("  - file: chapters/two\n")
    page, notebook = book / "_build" / "html" / "chapters" / "one.html", book / NOTEBOOK

    def build():
        done = make(book, "book", "NAMES=one", *HERE)
        assert done.returncode == 0, done.stderr
        return re.search("updating environment: .*?([0-9]+ added, [0-9]+ changed)", done.stdout)[1]

    assert build() == "3 added, 0 changed", "there is nothing to keep"
    before = page.with_name("two.html").read_text()
    notebook.write_text(notebook.read_text().replace('"2\\n"', '"by the notebook\\n"'))
    assert build() == "0 added, 1 changed"
    assert "by the notebook" in page.read_text()
    assert page.with_name("two.html").read_text() == before, "it is not mended twice"
    (book / "_config.yml").touch()
    assert build() == "3 added, 0 changed"
    assert "3 added, 0 changed" in make(book).stdout, "without names"


@pytest.mark.parametrize(("code", "error"), [("1 / 0", "ZeroDivisionError"), ("def f(:", "SyntaxError")])
def test_a_cell_that_raises_writes_no_notebook(book, code, error):
    add_cell(book, code)
    before = (book / NOTEBOOK).read_text()
    done = make(book, "notebooks", *HERE)
    assert done.returncode != 0
    assert error in done.stdout
    assert "make notebooks: not written, for what is said above: one" in done.stderr
    assert (book / NOTEBOOK).read_text() == before


def test_a_cell_that_warns_fails_the_build(book):
    add_cell(book, "import warnings\nwarnings.warn('look out')")
    assert make(book, "notebooks", *HERE).returncode == 0
    done = make(book)
    assert done.returncode != 0
    assert "stderr was found in the cell outputs" in done.stdout + done.stderr
    assert not (book / "_build" / "html").exists()


def test_an_old_python_is_refused(book):
    old = book / "old-python"
    pretend = "import sys; sys.version_info = (3, 9, 1, 'final', 0); exec(sys.argv[2])"
    old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{pretend}" "$@"\n')
    old.chmod(0o755)
    done = make(book, "book", f"PYTHON={old}")
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr
    assert "is 3.9" in done.stderr
    assert not (book / ".venv").exists()


def test_without_a_network_the_install_says_so(book):
    done = make(book, "book", f"PYTHON={sys.executable}", PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull)
    assert done.returncode != 0
    assert "Is there a network?" in done.stderr
    assert not (book / ".venv" / "ready").exists()


def test_make_alone_explains_the_targets(book):
    explained = make(book, "help").stdout
    for target in ("book", "test", "notebooks", "serve", "clean"):
        assert f"\n{target} " in "\n" + explained


def test_where_the_site_is_known_pages_have_addresses_cards_and_the_book_as_one_file(book):
    site = "https://someone.example.org/fork"
    done = make(book, BOOK_SITE_URL=site)
    assert done.returncode == 0, done.stderr
    html = book / "_build" / "html"
    page = (html / "chapters" / "one.html").read_text()
    assert f'rel="canonical" href="{site}/chapters/one.html"' in page
    assert f'property="og:url" content="{site}/chapters/one.html"' in page
    assert f'href="{site}/lossref.pdf"' in page
    card = re.search(f'property="og:image" content="{site}/([^"]*)"', page)[1]
    assert (html / card).exists()
    places = re.findall("<loc>(.*?)</loc>", (html / "sitemap.xml").read_text())
    assert sorted(places) == [f"{site}/chapters/one.html", f"{site}/intro.html"]


def test_launch_buttons_point_to_the_notebook_where_the_repository_is_known(book):
    done = make(book, BOOK_REPOSITORY_URL="https://github.com/someone/fork")
    assert done.returncode == 0, done.stderr
    page = (book / "_build" / "html" / "chapters" / "one.html").read_text()
    assert "https://colab.research.google.com/github/someone/fork/blob/main/notebooks/one.ipynb" in page
    assert "%pip install 'lossref[book] @ git+https://github.com/someone/fork'" in page
    assert "https://mybinder.org/v2/gh/someone/fork/main?urlpath=lab/tree/notebooks/one.ipynb" in page
    assert (book / "_build" / "html" / "_sources" / "chapters" / "one.ipynb").exists()
