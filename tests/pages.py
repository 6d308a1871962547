"""Where the book is, and how each of its pages begins."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
# What makes a Markdown file a notebook: as in every chapter.
HEADER = (ROOT / "chapters" / "l2.md").read_text(encoding="utf-8").partition("# ")[0]
