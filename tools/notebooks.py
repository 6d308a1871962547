"""Write notebooks/NAME.ipynb from the page NAME.md: its outputs are what pages show and tests confirm.

python tools/notebooks.py              those that are not up to date: run, where more than text has changed
python tools/notebooks.py NAME ...     those of the named pages, up to date or not; of `all` pages
python tools/notebooks.py --check      none: say which are not up to date
"""

import contextlib
import hashlib
import importlib.metadata
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError

ROOT = Path(__file__).absolute().parent.parent
NOTEBOOKS = ROOT / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# Another version of these may change what a cell prints or draws.
PINS = re.compile(r"^(?:ipykernel|matplotlib|myst-nb|numpy|scikit-learn|torch)==.*", re.M)
IMPORT = re.compile(r"^\s*from (lossref[\w.]*) import (?:\(([^)]*)\)|(.*))", re.M)
PLAIN = re.compile(r"^\s*import lossref$", re.M)


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


def used(code, root=ROOT):
    """Return the texts of lossref's modules that code names, and of those that they name, by module.

    A new loss makes no notebook old: `lossref/__init__.py`, which gathers names, is left out, and
    `F.huber_loss` names nothing of lossref. Where code does more with lossref than take a name from it, as
    in `getattr(lossref, name)`, every word counts.
    """

    def imports(text):
        return [
            (module, name)
            for module, *names in IMPORT.findall(text)
            for name in re.findall(r"\w+", "".join(names))
        ]

    public = {name: module for module, name in imports((root / "lossref" / "__init__.py").read_text())}
    texts, todo = {}, [code]
    while todo:
        text = todo.pop()
        taken = set(re.findall(r"\blossref\.(\w+)", text))
        taken |= {name for module, name in imports(text) if module == "lossref"}
        whole = re.search(r"\blossref\b(?!\.)", PLAIN.sub("", IMPORT.sub("", text)))
        words = set(re.findall(r"\w+", text)) if whole else taken
        named = {public[word] for word in public.keys() & words} | {f"lossref.{word}" for word in taken}
        named |= {part for module, name in imports(text) for part in (module, f"{module}.{name}")}
        for module in named - texts.keys() - {"lossref"}:
            path = root.joinpath(*module.split("."))
            for file in (path.with_suffix(".py"), path / "__init__.py"):
                if file.exists():
                    texts[module] = file.read_text(encoding="utf-8")
                    todo.append(texts[module])
    return texts


def inputs(notebook, root=ROOT):
    """Return a digest of what the outputs depend on besides the cells: lossref and the pinned packages."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    pins = PINS.findall((root / "requirements.txt").read_text(encoding="utf-8"))
    return hashlib.sha256(repr((sorted(used(code, root).items()), pins)).encode()).hexdigest()[:12]


def out_of_date(name, root=ROOT):
    """Say why the notebook of a page does not show what the page would compute now, or return None."""
    page, path = pages(root)[name], root / "notebooks" / f"{name}.ipynb"
    if not path.exists():
        return f"notebooks/{name}.ipynb is missing"
    try:
        notebook = nbformat.read(path, as_version=4)
    except nbformat.reader.NotJSONError:  # marked by git, say, where two changes met
        return f"notebooks/{name}.ipynb is no notebook"
    fresh = read(page)
    parts = ("cell_type", "source", "metadata", "id")
    cells, now = ([[cell[part] for part in parts] for cell in each.cells] for each in (notebook, fresh))
    if cells != now:
        return f"notebooks/{name}.ipynb is older than {page.relative_to(root)}"
    if notebook.metadata.get("lossref", {}).get("inputs") != inputs(fresh, root):
        return f"notebooks/{name}.ipynb was computed with another lossref or other pinned packages"
    return None


def check(root=ROOT):
    """Return what to do where notebooks are not up to date, or None."""
    faults = {name: fault for name in pages(root) if (fault := out_of_date(name, root))}
    if not faults:
        return None
    return "\n".join([*faults.values(), f'Run them: make notebooks NAMES="{" ".join(faults)}"'])


def execute(notebook, directory=NOTEBOOKS):
    """Run a notebook in a fresh kernel, and leave in it nothing that the next run would change."""
    NotebookClient(
        notebook,
        timeout=300,
        record_timing=False,
        coalesce_streams=True,  # how a text is cut into pieces depends on the machine's load
        resources={"metadata": {"path": str(directory)}},
    ).execute()
    computed = {
        "inputs": inputs(notebook),
        "python": "{}.{}".format(*sys.version_info),
        "torch": importlib.metadata.version("torch").partition("+")[0],
    }
    notebook.metadata = nbformat.from_dict({**METADATA, "lossref": computed})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    return notebook


def with_outputs_of(old, notebook, root=ROOT):
    """Give a notebook the outputs of an older one of which it differs in text alone; else return None."""
    code = [[cell for cell in each.cells if cell.cell_type == "code"] for each in (old, notebook)]
    cells, now = ([(cell.source, cell.metadata) for cell in each] for each in code)
    if cells != now or old.metadata.get("lossref", {}).get("inputs") != inputs(notebook, root):
        return None
    for done, cell in zip(*code, strict=True):
        cell.outputs, cell.execution_count = done.outputs, done.execution_count
    notebook.metadata = old.metadata
    return notebook


def write(name, run=True):
    """Write the notebook of a page; return what one of its cells raised, or None.

    Unless it is to `run` in any case, cells that have not changed keep their outputs.
    """
    notebook, done = read(pages()[name]), None
    if not run:
        with contextlib.suppress(FileNotFoundError, nbformat.reader.NotJSONError):
            done = with_outputs_of(nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4), notebook)
    try:
        text = nbformat.writes(done or execute(notebook))
    except (CellControlSignal, DeadKernelError) as error:
        return str(error)
    (NOTEBOOKS / f"{name}.ipynb").write_text(text + "\n", encoding="utf-8")
    return None


def main(names):
    """Execute the named pages, or all, or those whose notebooks are not up to date."""
    found = pages()
    if unknown := sorted(set(names) - {*found, "all"}):
        sys.exit(f"no page with code cells is called {', '.join(unknown)}; there are {', '.join(found)}")
    if "all" in names:
        names = list(found)
    run = bool(names)
    names = names or [name for name in found if out_of_date(name)]
    NOTEBOOKS.mkdir(exist_ok=True)
    failed = []
    with ProcessPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for name, error in zip(names, pool.map(write, names, repeat(run)), strict=True):
            print(error or f"notebooks/{name}.ipynb", flush=True)
            failed += [name] * bool(error)
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        if notebook.stem not in found:
            notebook.unlink()
    if failed:
        sys.exit(f"make notebooks: not written, for what is said above: {', '.join(failed)}")


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1:] == ["--check"] else main(sys.argv[1:]))
