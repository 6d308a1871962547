"""Show the outputs that stand in `notebooks/`, which `make notebooks` has computed: the build runs no cell.

A notebook that is not up to date stops the build before it begins.
"""

import sys
from pathlib import Path

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig

sys.path.append(str(Path(__file__).parent.parent))

from tools import notebooks


def read(text, executed, extensions):
    """Read a page, and give its cells the outputs of its notebook."""
    config = MdParserConfig(enable_extensions=set(extensions))
    notebook = read_myst_markdown_notebook(text, config, add_source_map=True)
    for cell, done in zip(notebook.cells, nbformat.read(executed, as_version=4).cells, strict=True):
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = done.outputs, done.execution_count
    return notebook


def _configure(app, config):
    root = Path(app.srcdir)
    if fault := notebooks.check(root):
        sys.exit(f"ERROR: {fault}")  # an exception would bury it under its traceback
    # A reader is chosen by how the path ends: here it is the whole path.
    config.nb_custom_formats = {
        str(page): [
            "computed_once.read",
            {
                "executed": str(root / "notebooks" / f"{name}.ipynb"),
                "extensions": config.myst_enable_extensions,
            },
        ]
        for name, page in notebooks.pages(root).items()
    }


def _depend(app, docname, source):
    """Let a page be read again when its notebook has changed."""
    if (page := app.env.doc2path(docname)) in app.config.nb_custom_formats:
        app.env.note_dependency(app.config.nb_custom_formats[page][1]["executed"])


def setup(app):
    """Come after myst-nb, which would take the paths for the suffixes of all sources."""
    app.connect("source-read", _depend)
    app.connect("config-inited", _configure, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
