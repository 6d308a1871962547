"""The table of losses is whole: each loss has its files, its place in the book, and a line in the reference.

A new loss is a row in `losses.py`; what is still missing then fails here with its name.
"""

import inspect
import re

import pytest
import torch

import lossref
from tests.losses import ALIKE, FUNCTIONS, LOSSES, PAGES, WRITTEN
from tests.pages import ROOT, SOURCES

TOC = re.findall(r"file: chapters/(\w+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
REFERENCE = (ROOT / "chapters" / "api.md").read_text(encoding="utf-8")
FILES = "lossref/{}.py", "tests/test_{}.py"
FILES_OF_A_CHAPTER = "chapters/{}.md", "notebooks/{}.ipynb"
CHAPTERS = list(dict.fromkeys(FUNCTIONS[name].page for name in WRITTEN))

each_function = pytest.mark.parametrize("name", FUNCTIONS)


def test_each_function_of_the_package_has_a_row():
    assert set(FUNCTIONS) == set(lossref.__all__) - {"__version__"}


@pytest.mark.parametrize("file", [file.format(page) for page in PAGES for file in FILES])
def test_each_page_of_a_loss_has_its_module_and_tests(file):
    assert (ROOT / file).exists()


@pytest.mark.parametrize("file", [file.format(page) for page in CHAPTERS for file in FILES_OF_A_CHAPTER])
def test_each_page_of_a_loss_has_its_chapter_and_notebook(file):
    assert (ROOT / file).exists()


def test_a_chapter_to_come_is_not_there():
    there = [name for name in FUNCTIONS if name not in WRITTEN and FUNCTIONS[name].page in SOURCES]
    assert there == [], "their chapter has come: name its equation in the place of CHAPTER_TO_COME"


@pytest.mark.parametrize("page", CHAPTERS)
def test_each_page_of_a_loss_has_a_place_in_the_book(page):
    assert page in TOC


@each_function
def test_each_function_is_in_the_module_of_its_page(name):
    assert getattr(lossref, name).__module__ == f"lossref.{FUNCTIONS[name].page}"


@each_function
def test_each_function_is_in_the_reference(name):
    loss = FUNCTIONS[name]
    chapter = f"{{doc}}`{loss.page}`" if name in WRITTEN else "to come"
    module = f"`torch.nn.{loss.module.__name__}`" if loss.module else "none"
    row = f"| {{func}}`~lossref.{name}` | {module} | {chapter} |\n"
    assert row in REFERENCE
    assert f"\n.. autofunction:: {name}\n" in REFERENCE


@pytest.mark.parametrize("name", ALIKE)
def test_the_rows_of_a_function_use_every_argument(name):
    rows = [loss.domain.options for loss in LOSSES if loss.name == name]
    used = {key for options in rows for option in options for key in option}
    others = list(inspect.signature(getattr(lossref, name)).parameters)[2:]
    assert used | {"reduction"} == set(others)


KINDS = {"": torch.tensor(0.5), " indices": torch.tensor(0), " labels": torch.tensor(-1)}
SIZES = {"N": [5], "C": [3], "d1": [2], "dK": [4], "*": [2, 3], "D": [6], "S": [2], "T": [4]}
SIZES |= {"2N": [10], "Q": [7], "M": [8], "1": [1], "4": [4]}


def size(words):
    """Return the sizes that the table of shapes means: `N, C, d1, …, dK`."""
    return [size for word in words.split(", ") for size in SIZES.get(word.strip("\\"), [])]


def shapes(name):
    """Return the arguments and the result of each row of a function in the table of shapes."""
    text = REFERENCE.partition("## Shapes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\|(.*) \| (.*) \| \((.*)\) \|$", text, re.MULTILINE)
    whose = ""
    for function, takes, gives in rows:
        whose = function.strip(" `") or whose
        if whose == name:
            arguments = re.findall(r"`(\w+)` \(([^)]*)\)( indices| labels)?", takes)
            yield {key: (size(words), kind) for key, words, kind in arguments}, size(gives)


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "adaptive_log_softmax_with_loss"])
def test_the_shapes_of_the_reference_are_taken_and_given(name):
    rows, named = list(shapes(name)), set()
    assert rows
    for takes, gives in rows:
        tensors = {key: KINDS[kind].expand(size) for key, (size, kind) in takes.items()}
        named |= set(tensors)
        for function in (FUNCTIONS[name].ours, FUNCTIONS[name].theirs):
            assert list(function(**tensors, reduction="none").shape) == gives
    parameters = inspect.signature(getattr(lossref, name)).parameters.values()
    assert named == {each.name for each in parameters if "Tensor" in str(each.annotation).partition("[")[0]}
