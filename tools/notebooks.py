"""Write notebooks/NAME.ipynb from the page NAME.md: its outputs are what tests confirm, readers download.

python tools/notebooks.py [NAME ...]    the named pages, or all
"""

import hashlib
import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def pages(root=ROOT):
    """Return the path of each page that has code cells, by name."""
    sources = [root / "intro.md", *sorted(root.glob("chapters/*.md"))]
    return {path.stem: path for path in sources if "{code-cell}" in path.read_text(encoding="utf-8")}


def read(page):
    """Read a page as a notebook without outputs; the same text gives the same notebook."""
    notebook = jupytext.read(page)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(METADATA)
    seen = {}
    for cell in notebook.cells:
        # Ids from the source, not at random: inserting a cell then changes no other cell.
        nth = seen[cell.source] = seen.get(cell.source, -1) + 1
        cell.id = hashlib.sha256(f"{nth}{cell.source}".encode()).hexdigest()[:8]
    return notebook


def execute(notebook, directory=NOTEBOOKS):
    """Run a notebook in a fresh kernel, and leave in it nothing that the next run would change."""
    NotebookClient(
        notebook,
        timeout=300,
        record_timing=False,
        coalesce_streams=True,  # how a text is cut into pieces depends on the machine's load
        resources={"metadata": {"path": str(directory)}},
    ).execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    return notebook


def main(names):
    """Execute the named pages, or all, and write their notebooks."""
    found = pages()
    if unknown := sorted(set(names) - set(found)):
        sys.exit(f"no page with code cells is called {', '.join(unknown)}; there are {', '.join(found)}")
    for name in names or found:
        print(f"notebooks/{name}.ipynb", flush=True)
        nbformat.write(execute(read(found[name])), NOTEBOOKS / f"{name}.ipynb")
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        if notebook.stem not in found:
            notebook.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
