"""The notebooks are in sync with the pages, complete, and true; each of the three proofs is shown to bite.

That they are true is nbval's work: `pytest --nbval notebooks` runs every notebook and compares every output.
"""

import os
import re
import subprocess
import sys

import nbformat
import pytest

from tests.pages import HEADER
from tools import notebooks

PAGES = notebooks.pages()


def out_of_sync(page, notebook):
    """Say how the cells of a page and of its notebook differ, or return None."""

    def cells(notebook):
        return [(cell.cell_type, cell.source, cell.metadata, cell.id) for cell in notebook.cells]

    if cells(notebook) != cells(notebooks.read(page)):
        return f"the notebook is older than {page.name}: run `make notebooks NAMES={page.stem}`"
    return None


def not_executed(notebook):
    """Return the code cells that were never run; all of them, if nothing in the notebook shows an output."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = any(cell.outputs for cell in code)
    return [cell.source for cell in code if cell.execution_count is None or not shown]


def exempt(notebook):
    """Return the cells whose outputs nbval would not compare."""
    tags = {"nbval-skip", "nbval-ignore-output", "raises-exception", "skip-execution"}
    return [cell.source for cell in notebook.cells if tags & set(cell.metadata.get("tags", []))]


def load(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("name", PAGES)
def test_in_sync(name):
    assert out_of_sync(PAGES[name], load(notebooks.NOTEBOOKS / f"{name}.ipynb")) is None


@pytest.mark.parametrize("name", PAGES)
def test_complete(name):
    notebook = load(notebooks.NOTEBOOKS / f"{name}.ipynb")
    assert not_executed(notebook) == []
    assert exempt(notebook) == []


def outputs_of_no_cell(page):
    """Results on a page that has no cells, which nothing would confirm."""
    return re.findall(r"\{glue[:\w]*\}|\{code-cell\}|^>>> .*", page, re.M)


def test_a_page_without_a_notebook_shows_no_results():
    others = [page for page in notebooks.ROOT.glob("chapters/*.md") if page.stem not in PAGES]
    assert others
    assert {page.name: found for page in others if (found := outputs_of_no_cell(page.read_text()))} == {}
    assert outputs_of_no_cell("It is {glue:text}`l2-mean`.\n\n>>> 1 + 1\n2\n") == ["{glue:text}", ">>> 1 + 1"]


def test_no_notebook_without_a_page():
    assert {path.stem for path in notebooks.NOTEBOOKS.glob("*.ipynb")} == set(PAGES)


# A small page with one of each: a number, a figure, glue.
PAGE = (
    HEADER
    + """# A page

```{code-cell} ipython3
import matplotlib.pyplot as plt
import torch
from myst_nb import glue

import lossref
from lossref import book

book.use_style()
x = book.grid(0, 1, 11)
```

```{code-cell} ipython3
print(lossref.mse_loss(x, torch.zeros_like(x)))
glue("mean", round(x.mean().item(), 4), display=False)
```

```{code-cell} ipython3
plt.plot(x, x)
plt.show()
```
"""
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.md"
    path.write_text(PAGE)
    return path


@pytest.fixture(scope="module")
def executed(page):
    return notebooks.execute(notebooks.read(page), page.parent)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# A page", "# Another page"),
        ("plt.plot(x, x)", "plt.plot(x, 2 * x)"),
        ("\nplt.plot", "\n:tags: [hide-input]\n\nplt.plot"),
        ("```{code-cell} ipython3\nplt.plot(x, x)\nplt.show()\n```\n", ""),
    ],
    ids=["text", "code", "tags", "cell"],
)
def test_an_edited_page_is_out_of_sync(executed, tmp_path, old, new):
    edited = tmp_path / "page.md"
    edited.write_text(PAGE)
    assert out_of_sync(edited, executed) is None
    edited.write_text(PAGE.replace(old, new))
    assert "make notebooks NAMES=page" in out_of_sync(edited, executed)


def test_a_notebook_without_outputs_is_not_complete(page, executed):
    assert not_executed(executed) == []
    assert len(not_executed(notebooks.read(page))) == 3


def test_executing_twice_gives_the_same_bytes(page, executed):
    again = notebooks.execute(notebooks.read(page), page.parent)
    assert nbformat.writes(again) == nbformat.writes(executed)


@pytest.fixture(scope="module")
def nbval(executed, tmp_path_factory):
    """What nbval says of the executed notebook, and of copies that are each broken in one way."""
    folder = tmp_path_factory.mktemp("nbval")
    text = nbformat.writes(executed)
    copies = {
        "good": text,
        "number": text.replace("0.3500", "0.3501"),
        "figure": text.replace("plt.plot(x, x)", "plt.plot(x, 1.01 * x)"),
        "glued": text.replace("x.mean()", "x.sum()"),
        "raises": text.replace("plt.plot(x, x)", "plt.plot(x, y)"),
    }
    for name, copy in copies.items():
        assert name == "good" or copy != text, f"{name} is not broken"
        (folder / f"{name}.ipynb").write_text(copy)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval",
        "-p",
        "no:cacheprovider",
        "-rfp",
        "-c",
        os.devnull,
        str(folder),
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder).stdout


def test_nbval_passes_what_is_true(nbval):
    assert "PASSED good.ipynb::Cell 2" in nbval
    assert "FAILED good.ipynb" not in nbval


@pytest.mark.parametrize(("copy", "cell"), [("number", 1), ("figure", 2), ("glued", 1), ("raises", 2)])
def test_nbval_bites(nbval, copy, cell):
    assert f"FAILED {copy}.ipynb::Cell {cell}" in nbval
