"""The printed formulas are executed: LaTeX from docstrings and chapters is evaluated and compared with code.

`latex.py` evaluates. What belongs to a page stands in `tests/test_<page>.py`:

- `CASES`: for each of its functions, values of the symbols in the docstring's formula.
- `SYMBOLS`: which arguments its symbols are, if not those of `formulas.py`.
- `MUTANTS`: what books and hasty editors print: function, what is right, what is wrong.
- `TWINS`: for each labelled equation of the page, a line of other code. A twin's parameters are symbols of
  the equation (`sigma` is a Greek letter, `x_0` has a subscript).
- `NUMBERS`: what a symbol stands for there, if it is not that of `formulas.py` and no default says it.
- `BROKEN`: what an editor may break in an equation: label, what is right, what is wrong.
"""

import re

import pytest
import torch
from torch.distributions import Normal

from tests.formulas import (
    NUMBERS,
    check_equation,
    check_formula,
    docstring_formula,
    labelled_equations,
    other_labels,
)
from tests.latex import FormulaError
from tests.losses import FUNCTIONS, PAGES, WRITTEN
from tests.pages import SOURCES, own


def cases(name):
    page = FUNCTIONS[name].page
    found = (own(page, "CASES") or {}).get(name)
    assert found, f"{name} has no cases: add some to CASES in tests/test_{page}.py"
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_computes_its_docstring(name):
    check_formula(docstring_formula(name), name, cases(name))


MUTANTS = [mutant for page in PAGES for mutant in own(page, "MUTANTS") or []]


@pytest.mark.parametrize(("name", "right", "wrong"), MUTANTS)
def test_a_wrong_formula_is_caught(name, right, wrong):
    formula = docstring_formula(name)
    assert formula.count(right) >= 1, (
        "the mutant is out of date: the docstring no longer holds what it replaces"
    )
    with pytest.raises(AssertionError, match="not close"):
        check_formula(formula.replace(right, wrong, 1), name, cases(name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_each_function_has_mutants(name):
    assert name in [mutant[0] for mutant in MUTANTS]


# ---- Each labelled equation of the book says what its twin computes.

BOOK = {page: labelled_equations(path.read_text(encoding="utf-8")) for page, path in SOURCES.items()}
LABELS = [(page, label) for page, equations in BOOK.items() for label in equations]


def without_space(latex):
    return re.sub(r"\s", "", latex)


@pytest.mark.parametrize("name", WRITTEN)
def test_an_equation_of_the_chapter_is_the_docstrings(name):
    page, label = FUNCTIONS[name].page, FUNCTIONS[name].equation
    assert label in BOOK.get(page, ()), (
        f"chapters/{page}.md has no equation {label}, the formula of lossref.{name}"
    )
    assert without_space(BOOK[page][label]) == without_space(docstring_formula(name))


@pytest.mark.parametrize(("page", "label"), LABELS)
def test_an_equation_is_its_twin(page, label):
    twins = own(page, "TWINS") or {}
    assert label in twins, f"{label} has no twin: add a line to TWINS in tests/test_{page}.py"
    check_equation(label, BOOK[page], twins[label], NUMBERS | (own(page, "NUMBERS") or {}))


@pytest.mark.parametrize("page", SOURCES)
def test_each_twin_has_an_equation(page):
    assert set(own(page, "TWINS") or ()) - set(BOOK[page]) == set()


@pytest.mark.parametrize("page", SOURCES)
def test_labels_are_unique_and_written_where_the_tests_look(page):
    written = other_labels(SOURCES[page].read_text(encoding="utf-8"))
    assert not written, "label it in a ```{math} block, with :label:"
    assert [label for other, label in LABELS if other != page and label in BOOK[page]] == []


# ---- What an editor may break in an equation is heard.


def check_broken(equations, label, right, wrong, twin, numbers, heard="not close"):
    assert right in equations[label], "the example is out of date: the equation does not hold what it breaks"
    broken = equations | {label: equations[label].replace(right, wrong)}
    with pytest.raises((AssertionError, FormulaError), match=heard):
        check_equation(label, broken, twin, numbers)


@pytest.mark.parametrize(
    ("page", "label", "right", "wrong"), [(p, *row) for p in SOURCES for row in own(p, "BROKEN") or []]
)
def test_a_wrong_equation_of_a_page_is_caught(page, label, right, wrong):
    twin = own(page, "TWINS")[label]
    check_broken(BOOK[page], label, right, wrong, twin, NUMBERS | (own(page, "NUMBERS") or {}))


EQUATIONS = {
    "eq-loss": r"\ell(x, y) = (x - y)^2",
    "eq-mean": r"L = \frac{1}{N} \sum_{i=1}^{N} (x_i - y_i)^2",
    "eq-density": r"p(y \mid x) = \frac{1}{\sigma \sqrt{2 \pi}}"
    r" \exp\left(-\frac{(x - y)^2}{2 \sigma^2}\right)",
    "eq-nll": r"-\log p(y \mid x) = \frac{(x - y)^2}{2 \sigma^2} + \log\left(\sigma \sqrt{2 \pi}\right)",
    "eq-slope": r"\frac{\partial \ell}{\partial x} = 2 (x - y)",
    "eq-variance": r"V = \frac{1}{N} \sum_{i=1}^{N} (y_i - \bar{y})^2",
    "eq-split": r"\frac{1}{N} \sum_{i=1}^{N} (c - y_i)^2 = (c - \bar{y})^2 + V",
    "eq-broken": r"\begin{aligned} A &= \sum_{i=1}^{N} \begin{cases} y_i & \text{if } y_i > 0 \\"
    r" -y_i & \text{otherwise} \end{cases} \\ &\quad + c^2 \\ c &= 3 \end{aligned}",
}
TWINS = {
    "eq-loss": lambda x, y: (y - x).square(),
    "eq-mean": lambda x, y: (y - x).square().mean(),
    "eq-density": lambda x, y, sigma: Normal(x, sigma).log_prob(y).exp(),
    "eq-nll": lambda x, y, sigma: -Normal(x, sigma).log_prob(y),
    "eq-slope": lambda x, y: x - y + x - y,
    "eq-variance": lambda y: y.var(correction=0),
    "eq-split": lambda c, y: (y - c).square().mean(),
    "eq-broken": lambda y: y.abs().sum() + 9,
}
HEARD = [
    ("eq-mean", r"\frac{1}{N} \sum", r"\sum", "not close"),
    ("eq-mean", r"y_i", r"y_j", "do not match"),
    ("eq-mean", r"_{i=1}", r"_{i}", "needs its bounds"),
    ("eq-density", r"\left(-\frac", r"\left(\frac", "not close"),
    ("eq-density", r"\sigma \sqrt{2 \pi}", r"\sqrt{2 \pi}", "not close"),
    ("eq-nll", r"-\log p(", r"\log p(", "not close"),  # the left side
    ("eq-nll", r"{2 \sigma^2}", r"{\sigma^2}", "not close"),
    ("eq-nll", r"\log\left(\sigma \sqrt{2 \pi}\right)", r"\log \sigma \sqrt{2 \pi}", "ambiguous"),
    ("eq-slope", r"2 (x", r"(x", "not close"),
    ("eq-slope", r"\partial x}", r"\partial y}", "not close"),
    ("eq-slope", r"\partial \ell", r"\partial g", "nothing defines g"),
    ("eq-split", r"= (c - \bar{y})^2 +", r"= (c - \bar{y})^2 -", "not close"),
    ("eq-split", r"+ V", r"+ 2 V", "not close"),
    ("eq-broken", r"\quad + c", r"\quad - c", "not close"),
    ("eq-broken", r"c &= 3", r"c &= 4", "not close"),
    ("eq-variance", r"y_i - \bar{y}", r"y_i - \mu", "has no value"),
    ("eq-variance", r"\frac{1}{N}", r"\frac{1}{N", "expected"),
]


@pytest.mark.parametrize("label", EQUATIONS)
def test_an_equation_that_is_right_passes(label):
    check_equation(label, EQUATIONS, TWINS[label])


@pytest.mark.parametrize(("label", "right", "wrong", "heard"), HEARD)
def test_a_wrong_equation_is_caught(label, right, wrong, heard):
    check_broken(EQUATIONS, label, right, wrong, TWINS[label], NUMBERS, heard)


def test_a_twin_that_is_not_finite_is_no_twin():
    with pytest.raises(AssertionError):
        check_equation("eq-slope", EQUATIONS, lambda x: x + torch.inf)


def test_equations_are_found_where_they_are_labelled():
    page = (
        "```{math}\n:label: eq-a\na = b\n```\n```{math}\nno = label\n```\n:::{math}\n:label: eq-c\nc\n:::\n"
    )
    assert labelled_equations(page) == {"eq-a": "a = b\n", "eq-c": "c\n"}
    assert other_labels("$$\na = b\n$$ (eq-d)\n$$c$$ (eq-e)\n") == ["eq-d", "eq-e"]
    assert other_labels("- ```{math}\n  :label: eq-f\n  ```\n") == ["eq-f"]
