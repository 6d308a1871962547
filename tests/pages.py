"""Where the book is, how each of its pages begins, and what belongs to each."""

import importlib

from tools.notebooks import ROOT

HTML = ROOT / "_build" / "html"
# What makes a Markdown file a notebook: as in every chapter.
HEADER = (ROOT / "chapters" / "l2.md").read_text(encoding="utf-8").partition("# ")[0]
SOURCES = {page.stem: page for page in [ROOT / "intro.md", *sorted(ROOT.glob("chapters/*.md"))]}


def own(page, name):
    """Return what `tests/test_<page>.py` has under a name, as `TWINS`; None if it has nothing."""
    if not (ROOT / "tests" / f"test_{page}.py").exists():
        return None
    return getattr(importlib.import_module(f"tests.test_{page}"), name, None)
