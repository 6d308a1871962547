"""The foot of a page: when it was last changed, by git, and what computed it, by its notebook."""

import subprocess
from datetime import date
from pathlib import Path

import nbformat


def _git(root, *arguments):
    """Return what git answers, or nothing where there is no git, or no repository."""
    try:
        return subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def last_change(root, *paths):
    """Return the day of the last commit that changed one of these files, or None where git does not know."""
    if _git(root, "rev-parse", "--is-shallow-repository") != "false":
        return None  # a clone without its past takes its one commit for the last change of everything
    if not (day := _git(root, "log", "-1", "--format=%cs", "--", *paths)):
        return None
    day = date.fromisoformat(day)
    return f"{day.day} {day:%B %Y}"


def _foot(app, pagename, templatename, context, doctree):
    if doctree is None:  # the search, the index: they have no source
        return
    root = Path(app.srcdir)
    notebook = root / "notebooks" / f"{Path(pagename).name}.ipynb"
    context["last_updated"] = last_change(root, app.env.doc2path(pagename), notebook)
    if notebook.exists():
        computed = nbformat.read(notebook, as_version=4).metadata["lossref"]
        context["theme_extra_footer"] = (
            f"<p>Computed with torch {computed['torch']} on Python {computed['python']}.</p>"
        )


def setup(app):
    """Give the theme's own foot its words."""
    app.connect("html-page-context", _foot)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
