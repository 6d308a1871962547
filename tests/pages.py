"""Where the book is, and how each of its pages begins."""

from tools.notebooks import ROOT

HTML = ROOT / "_build" / "html"
# What makes a Markdown file a notebook: as in every chapter.
HEADER = (ROOT / "chapters" / "l2.md").read_text(encoding="utf-8").partition("# ")[0]
