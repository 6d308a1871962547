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

from tests.pages import HEADER, ROOT

GOOD = HEADER + "# A chapter\n\nThe loss $r^2$.\n\n```{code-cell} ipython3\nprint(1 + 1)\n```\n"


@pytest.fixture
def book(tmp_path):
    """A book of an intro and one good chapter."""
    for name in ("Makefile", "_config.yml", "requirements.txt", "pyproject.toml", "references.bib"):
        shutil.copy2(ROOT / name, tmp_path)
    for name in ("_ext", "_static", "lossref"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "one.md").write_text(GOOD)
    (tmp_path / "intro.md").write_text("# A book\n")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: intro\nchapters:\n  - file: chapters/one\n")
    return tmp_path


def make(book, *arguments, **environment):
    """Run make in the book; unless told otherwise, with the tools of this Python."""
    arguments = arguments or ("book", "--assume-old=.venv/ready", f"BIN={Path(sys.executable).parent}")
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


def test_a_warning_fails_the_build_each_time(book):
    broken = "See {doc}`nowhere`, {eq}`eq-nowhere` and $\\foo$."
    (book / "chapters" / "one.md").write_text(f"{GOOD}\n{broken}\n")
    for _ in range(2):  # Sphinx warns of a page only when it reads it anew
        done = make(book)
        assert done.returncode != 0
        assert "unknown document: 'nowhere'" in done.stderr
        assert "equation not found: eq-nowhere" in done.stderr
        assert "one.md:20: WARNING: math: KaTeX parse error: Undefined control sequence: \\foo" in done.stderr
        assert "make book: not built" in done.stderr
        assert not (book / "_build" / "html").exists(), "a half-built book looks whole"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        pytest.param("1 / 0", "ZeroDivisionError", id="raises"),
        pytest.param(
            "import warnings\nwarnings.warn('look out')", "stderr was found in the cell outputs", id="warns"
        ),
    ],
)
def test_a_broken_cell_fails_the_build(book, cell, said):
    (book / "chapters" / "one.md").write_text(f"{GOOD}\n```{{code-cell}} ipython3\n{cell}\n```\n")
    done = make(book)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
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
    assert f'href="{site}/lossref.pdf"' in page
    card = re.search(f'property="og:image" content="{site}/([^"]*)"', page)[1]
    assert (html / card).exists()
    places = re.findall("<loc>(.*?)</loc>", (html / "sitemap.xml").read_text())
    assert sorted(places) == [f"{site}/chapters/one.html", f"{site}/intro.html"]


def test_launch_buttons_point_to_the_notebook_where_the_repository_is_known(book):
    (book / "notebooks").mkdir()
    (book / "notebooks" / "one.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    done = make(book, BOOK_REPOSITORY_URL="https://github.com/someone/fork")
    assert done.returncode == 0, done.stderr
    page = (book / "_build" / "html" / "chapters" / "one.html").read_text()
    assert "https://colab.research.google.com/github/someone/fork/blob/main/notebooks/one.ipynb" in page
    assert "%pip install 'lossref[book] @ git+https://github.com/someone/fork'" in page
    assert "https://mybinder.org/v2/gh/someone/fork/main?urlpath=lab/tree/notebooks/one.ipynb" in page
    assert (book / "_build" / "html" / "_sources" / "chapters" / "one.ipynb").exists()
