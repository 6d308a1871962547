"""The notebooks are up to date, complete, and true; each of the three proofs is shown to bite.

Up to date is what the build asks too, with the same function: cells, library and pins are as they were.

That they are true is nbval's work: `pytest --nbval notebooks` runs every notebook and compares every output.
"""

import os
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.pages import HEADER
from tools import notebooks

PAGES = notebooks.pages()


def not_executed(notebook):
    """Return the code cells that were never run; all of them, if nothing in the notebook shows an output."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = any(cell.outputs for cell in code)
    return [cell.source for cell in code if cell.execution_count is None or not shown]


def exempt(notebook):
    """Return the cells whose outputs nbval would not compare."""
    tags = {"nbval-skip", "nbval-ignore-output", "raises-exception", "skip-execution"}
    return [cell.source for cell in notebook.cells if tags & set(cell.metadata.get("tags", []))]


def of_one_run(notebook):
    """Return the outputs that show an object's place in memory, or a kernel's file, as no other run will."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return [output for output in outputs if re.search(r" at 0x[0-9a-f]{6,}|/ipykernel_\d", str(output))]


def load(path):
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("name", PAGES)
def test_up_to_date(name):
    assert notebooks.out_of_date(name) is None


@pytest.mark.parametrize("name", PAGES)
def test_complete(name):
    notebook = load(notebooks.NOTEBOOKS / f"{name}.ipynb")
    assert not_executed(notebook) == []
    assert exempt(notebook) == []
    assert of_one_run(notebook) == []


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


LAST_CELL = "```{code-cell} ipython3\nplt.plot(x, x)\nplt.show()\n```\n"
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

"""
    + LAST_CELL
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.md"
    path.write_text(PAGE)
    return path


@pytest.fixture(scope="module")
def executed(page):
    return notebooks.execute(notebooks.read(page), page.parent)


@pytest.fixture
def small(executed, tmp_path):
    """A small book of this page, whose notebook is up to date."""
    for name in ("chapters", "notebooks"):
        (tmp_path / name).mkdir()
    shutil.copytree(notebooks.ROOT / "lossref", tmp_path / "lossref")
    shutil.copy(notebooks.ROOT / "requirements.txt", tmp_path)
    (tmp_path / "intro.md").write_text("# A book")
    (tmp_path / "chapters" / "page.md").write_text(PAGE)
    nbformat.write(executed, tmp_path / "notebooks" / "page.ipynb")
    assert notebooks.check(tmp_path) is None
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("chapters/page.md", "# A page", "# Another page", "is older than"),
        ("chapters/page.md", "plt.plot(x, x)", "plt.plot(x, 2 * x)", "is older than"),
        ("chapters/page.md", "\nplt.plot", "\n:tags: [hide-input]\n\nplt.plot", "is older than"),
        ("chapters/page.md", LAST_CELL, "", "is older than"),
        ("lossref/l2.py", '"""', '"""The square. ', "was computed with another"),
        ("lossref/_reduction.py", '"""', '"""What l2 uses. ', "was computed with another"),
        ("lossref/book/figures.py", "(6.4, 3.6)", "(6.4, 3.7)", "was computed with another"),
        ("requirements.txt", "torch==", "torch==1", "was computed with another"),
        ("notebooks/page.ipynb", '{\n "cells"', '<<<<<<< HEAD\n{\n "cells"', "is no notebook"),
    ],
    ids=["text", "code", "tags", "cell", "loss", "its import", "figures", "pin", "conflict"],
)
def test_what_changes_a_page_makes_its_notebook_old(small, file, old, new, fault):
    text = (small / file).read_text()
    assert old in text
    (small / file).write_text(text.replace(old, new, 1))
    found = notebooks.check(small)
    assert f"notebooks/page.ipynb {fault}" in found
    assert found.endswith('make notebooks NAMES="page"')


def test_a_missing_notebook_is_named(small):
    (small / "notebooks" / "page.ipynb").unlink()
    assert notebooks.check(small).startswith("notebooks/page.ipynb is missing")


@pytest.mark.parametrize("file", ["lossref/__init__.py", "lossref/bce.py", "requirements.txt"])
def test_what_a_page_does_not_use_leaves_its_notebook_alone(small, file):
    with (small / file).open("a") as more:
        more.write("# nothing\n")
    assert notebooks.check(small) is None


@pytest.mark.parametrize(
    ("code", "uses"),
    [
        ("import lossref\nlossref.huber_loss(x, y)", True),
        ("from lossref import huber_loss", True),
        ("from lossref.huber import smooth_l1_loss", True),
        ("import lossref.huber as rounded", True),
        ("import lossref as L\nL.huber_loss(x, y)", True),
        ("import lossref\ngetattr(lossref, 'huber_loss')", True),
        ("import lossref\nlossref.mse_loss(x, y)\nF.huber_loss(x, y)", False),
    ],
)
def test_which_losses_code_uses(code, uses):
    assert ("lossref.huber" in notebooks.used(code)) == uses


@pytest.mark.parametrize(
    ("file", "old", "new", "moved"),
    [
        ("chapters/page.md", "# A page", "# Another page", True),
        ("chapters/page.md", "plt.plot(x, x)", "plt.plot(x, 2 * x)", False),
        ("chapters/page.md", "\nplt.plot", "\n:tags: [raises-exception]\n\nplt.plot", False),
        ("lossref/l2.py", '"""', '"""The square. ', False),
    ],
    ids=["text", "code", "tags", "loss"],
)
def test_where_only_text_has_changed_the_outputs_stay(small, executed, file, old, new, moved):
    text = (small / file).read_text()
    (small / file).write_text(text.replace(old, new, 1))
    fresh = notebooks.read(small / "chapters" / "page.md")
    done = notebooks.with_outputs_of(executed, fresh, small)
    assert (done is not None) == moved
    if moved:
        assert nbformat.writes(done) == nbformat.writes(executed).replace(old, new).replace(
            executed.cells[0].id, fresh.cells[0].id
        )


def test_an_address_is_heard():
    shown = new_output("execute_result", {"text/plain": repr(object())})
    assert of_one_run(new_notebook(cells=[new_code_cell(outputs=[shown])])) == [shown]


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
    options = ["--nbval", "-p", "no:cacheprovider", "-rfp", "-c", os.devnull]
    command = [sys.executable, "-m", "pytest", *options, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder).stdout


def test_nbval_passes_what_is_true(nbval):
    assert "PASSED good.ipynb::Cell 2" in nbval
    assert "FAILED good.ipynb" not in nbval


@pytest.mark.parametrize(("copy", "cell"), [("number", 1), ("figure", 2), ("glued", 1), ("raises", 2)])
def test_nbval_bites(nbval, copy, cell):
    assert f"FAILED {copy}.ipynb::Cell {cell}" in nbval
