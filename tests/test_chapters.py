"""The loss chapters keep the promises of CONTRIBUTING.md: their rooms, claims, figures, exercises, labels.

Nothing is executed here. Each check takes a chapter and yields its complaints; at the end, each is fed a
chapter that someone has spoiled, and must complain.
"""

import ast
import copy
import re
from dataclasses import dataclass, replace
from functools import cache, cached_property

import jupytext
import nbformat
import pytest

from tests.pages import ROOT

NAMES = ["l1", "l2", "huber", "bce", "cross_entropy"]
ROOMS = ["At a glance", "The formula", "From scratch", "Look at it"]  # then sections of its own, then:
ROOMS += ["Pros and cons", "On real data", "Every argument", "Where it breaks"]
ROOMS += ["Exercises", "Summary", "Further reading"]
OTHER_NAMES = {"l1": ["mae"], "l2": ["mse"], "huber": ["smooth-l1"]}  # an equation may bear these
MINUS = "\N{MINUS SIGN}"
WORDS_A_MINUTE, LINES_A_MINUTE, MINUTES = 200, 20, 40


@dataclass
class Chapter:
    """A chapter's source, and its notebook with outputs."""

    name: str
    text: str
    notebook: nbformat.NotebookNode | None

    @cached_property
    def slug(self):
        return self.name.replace("_", "-")

    @cached_property
    def cells(self):
        return jupytext.reads(self.text, fmt="md:myst").cells

    @cached_property
    def code(self):
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @cached_property
    def prose(self):
        return "\n\n".join(cell.source for cell in self.cells if cell.cell_type == "markdown")

    def section(self, title):
        """Return the prose of a section, '' if there is none."""
        found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", self.prose, re.MULTILINE | re.DOTALL)
        return found[1] if found else ""

    def calls(self, function):
        """Return the calls of `function` or `book.function` in all cells."""
        nodes = (node for cell in self.code for node in ast.walk(ast.parse(cell.source)))
        return [
            n for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func).split(".")[-1] == function
        ]


@cache
def read(name):
    notebook = ROOT / "notebooks" / f"{name}.ipynb"
    text = (ROOT / "chapters" / f"{name}.md").read_text(encoding="utf-8")
    return Chapter(name, text, nbformat.read(notebook, as_version=4) if notebook.exists() else None)


# ---- The checks


def rooms(chapter):
    """Complain about rooms that are missing, out of order, or have a stranger between them."""
    titles = re.findall(r"^## (.+)$", chapter.prose, re.MULTILINE)
    own = [title for title in titles if title not in ROOMS]
    if titles != ROOMS[:4] + own + ROOMS[4:]:
        yield f"the rooms should be {ROOMS[:4]}, sections of its own, {ROOMS[4:]}, but are {titles}"
    opening = chapter.prose.partition("\n## ")[0]
    if len(opening.split()) < 50:
        yield "the opening, before the first heading, has fewer than 50 words"


def claims(chapter):
    """Complain about rows of the pros and cons that no cell with an assert shows."""
    table = re.search(
        r"^\|.*\|\n\|[-:| ]+\|\n((?:\|.*\|\n)+)", chapter.section("Pros and cons"), re.MULTILINE
    )
    rows = table[1].splitlines() if table else []
    for sign, what in ("+", "pro"), (MINUS, "con"):
        if not any(row.split("|")[1].strip(" *") == sign for row in rows):
            yield f"no row of the table is a {what}, **{sign}**"
    for row in rows:
        if not (links := re.findall(r"\]\(#([\w-]+)\)", row)):
            yield f"no link to a cell in the row {row}"
        for link in links:
            cells = [
                after
                for before, after in zip(chapter.cells, chapter.cells[1:], strict=False)
                if re.search(rf"^\({link}\)=\s*(^\([\w-]+\)=\s*)*\Z", before.source, re.MULTILINE)
            ]
            if not link.startswith("claim-"):
                yield f"{link} is not the target of a claim"
            elif [cell.cell_type for cell in cells] != ["code"]:
                yield f"({link})= does not stand right before a code cell, once"
            elif not re.search(r"^\s*(assert|torch\.testing\.assert_close)\b", cells[0].source, re.MULTILINE):
                yield f"the cell of {link} asserts nothing"


def is_sentence(text):
    return len(text) > 40 and text.rstrip().endswith(".")


def figures(chapter):
    """Complain about figures that are too few, or not described."""
    described = [c.metadata["mystnb"] for c in chapter.code if "figure" in c.metadata.get("mystnb", {})]
    if len(described) < 4:
        yield f"{len(described)} figures: at least four are needed"
    for options in described:
        name = options["figure"].get("name")
        if not name:
            yield f"a figure has no name: {options['figure'].get('caption')}"
        if not is_sentence(options["figure"].get("caption", "")):
            yield f"the caption of {name} is not a full sentence"
        if not is_sentence(options.get("image", {}).get("alt", "")):
            yield f"the alt text of {name} is not a full sentence"


def sliders(chapter):
    """Complain if there is no slider, or one that is not described."""
    calls = chapter.calls("Slider")
    if not calls:
        yield "nothing moves: book.Slider makes a figure that does"
    for call in calls:
        texts = {keyword.arg: keyword.value for keyword in call.keywords}
        for key in ("alt", "caption"):
            if key not in texts or not is_sentence(str(ast.literal_eval(texts[key]))):
                yield f"the {key} of the slider in line {call.lineno} of its cell is not a full sentence"


def drawings(chapter):
    """Complain about cells that draw without a description."""
    if chapter.notebook is None:
        yield "there is no notebook: run make notebooks"
        return
    for cell in chapter.notebook.cells:
        images = [
            out for out in cell.get("outputs", []) if any("image/" in mime for mime in out.get("data", {}))
        ]
        if images and "figure" not in cell.metadata.get("mystnb", {}):
            yield f"a cell draws, but is no figure with a name, a caption and an alt text: {cell.source[:80]}"


def exercises(chapter):
    """Complain about exercises that are too few, or not answered by a cell."""
    labels = re.findall(r"^`{3,}\{exercise\}.*\n(?::.*\n)*?:label: *(\S+)", chapter.text, re.MULTILINE)
    if chapter.text.count("{exercise}") != len(labels):
        yield "an exercise has no label"
    if len(labels) < 5:
        yield f"{len(labels)} exercises: at least five are needed"
    for label in labels:
        answer = re.search(rf"\{{solution-start\}} {label}\n(.*?)\{{solution-end\}}", chapter.text, re.DOTALL)
        if not answer:
            yield f"{label} has no solution"
        elif "{code-cell}" not in answer[1] or "{solution-start}" in answer[1]:
            yield f"the solution of {label} holds no code cell"


def labels(chapter):
    """Complain about labels that do not begin with their kind and the chapter, or occur twice."""
    kinds = {"exercise": "ex", "math": "eq"}
    found = [
        (kinds.get(directive, directive), label)
        for directive, label in re.findall(
            r"^(?:`{3,}|:{3,})\{([\w-]+)\}.*\n(?::(?!label).*\n)*:label: *(\S+)", chapter.text, re.MULTILINE
        )
    ]
    found += [
        ("fig", c.metadata["mystnb"]["figure"].get("name", ""))
        for c in chapter.code
        if "mystnb" in c.metadata
    ]
    found += [
        ("claim" if target.startswith("claim") else "", target)
        for target in re.findall(r"^\(([\w-]+)\)=$", chapter.prose, re.MULTILINE)
    ]
    for kind, label in found:
        names = [chapter.slug, *(OTHER_NAMES.get(chapter.name, []) if kind == "eq" else [])]
        if not re.fullmatch(rf"{kind}{'-' if kind else ''}({'|'.join(names)})(-[a-z0-9-]+)?", label):
            yield f"the label {label} does not begin with its kind and the chapter: {kind}-{chapter.slug}-"
        if sum(label == other for _, other in found) > 1:
            yield f"the label {label} occurs twice"


def glued(chapter):
    """Complain about results in the prose that no cell of the chapter has glued."""
    keys = []
    for call in chapter.calls("glue"):
        parts = call.args[0].values if isinstance(call.args[0], ast.JoinedStr) else [call.args[0]]
        keys.append("".join(re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in parts))
    for key in re.findall(r"\{glue:\w*\}`([^`:]+)", chapter.prose):
        if not any(re.fullmatch(pattern, key) for pattern in keys):
            yield f"no cell glues {key}"


def reading_time(chapter):
    """Complain about a chapter that takes too long to read; what is folded away does not count."""
    answers = r"^`{3,}\{solution-start\}.*?\{solution-end\}$"
    chapter = replace(chapter, text=re.sub(answers, "", chapter.text, flags=re.MULTILINE | re.DOTALL))
    prose = re.sub(r"^(`{3,})\{math\}.*?^\1$", "", chapter.prose, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^(`{3,}.*|:\w+:.*|\([\w-]+\)=)$", "", prose, flags=re.MULTILINE)
    hidden = {"hide-input", "remove-input"}
    shown = [cell.source for cell in chapter.code if not hidden & set(cell.metadata.get("tags", []))]
    lines = sum(bool(line.strip()) for source in shown for line in source.splitlines())
    minutes = len(prose.split()) / WORDS_A_MINUTE + lines / LINES_A_MINUTE
    if minutes >= MINUTES:
        yield f"{len(prose.split())} words and {lines} lines of code take {minutes:.0f} minutes to read"


CHECKS = [rooms, claims, figures, sliders, drawings, exercises, labels, glued, reading_time]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_chapter(name, check):
    assert list(check(read(name))) == []


# ---- The bibliography

CITED = r"\{cite:?\w*\}`([^`]+)`"
CHECKABLE_YEAR = 1950  # what is older need have no DOI


def bibliography(bib, pages):
    """Complain about references that nobody cites, or that nobody could look up."""
    cited = {
        key.strip() for keys in re.findall(CITED, pages) for key in re.sub(r"\{.*?\}", "", keys).split(",")
    }
    entries = {
        key: (kind, body) for kind, key, body in re.findall(r"^@(\w+)\{(\S+),\n(.*?)^\}", bib, re.M | re.S)
    }
    if len(entries) != bib.count("\n@") + bib.startswith("@"):
        yield "an entry cannot be read: it begins with @kind{key, and ends with } in a line of its own"
    for key, (kind, body) in entries.items():
        fields = {
            name.lower(): value
            for name, value in re.findall(r"^ *(\w+) *= *[{\"]?(.*?)[}\"]?,?$", body, re.M)
        }
        if key not in cited:
            yield f"{key} is not cited"
        if kind.lower() == "book" or int(fields.get("year", 9999)) < CHECKABLE_YEAR:
            continue
        doi, eprint = fields.get("doi", ""), fields.get("eprint", "")
        known = re.fullmatch(r"10\.\d{4,9}/\S+", doi) or re.fullmatch(r"\d{4}\.\d{4,5}|[\w-]+/\d{7}", eprint)
        if not known and not fields.get("url", "").startswith("https://"):  # some old papers have no number
            yield f"{key} has neither a DOI nor an arXiv number, nor an address"
    for key in sorted(cited - set(entries)):
        yield f"{key} is cited, but not in the bibliography"


def all_pages():
    return "\n".join(p.read_text(encoding="utf-8") for p in [ROOT / "intro.md", *ROOT.glob("chapters/*.md")])


def test_bibliography():
    assert list(bibliography((ROOT / "references.bib").read_text(encoding="utf-8"), all_pages())) == []


# ---- Each check bites: what is replaced in a good chapter, by what, and what must be heard.

SPOILED = [
    (rooms, "## Summary\n", "## In short\n", "the rooms should be"),
    (rooms, "## Every argument\n", "### Every argument\n", "the rooms should be"),
    (claims, "(#claim-l2-units)", "(#l2-units)", "not the target of a claim"),
    (
        claims,
        "[a change of unit by 1000 changes it by {glue:text}`l2-units`](#claim-l2-units)",
        "yes",
        "no link",
    ),
    (claims, "(claim-l2-units)=\n", "(claim-l2-units)=\n\nFirst, a word.\n", "right before a code cell"),
    (
        claims,
        "assert book.jump(l2) == 0 and book.jump(l1) == 2\n",
        "",
        "the cell of claim-l2-smooth asserts nothing",
    ),
    (claims, f"**{MINUS}**", "**+**", "no row of the table is a con"),
    (figures, "    name: fig-l2-curve\n", "", "a figure has no name"),
    (figures, "    alt: A parabola", "    longdesc: A parabola", "the alt text of fig-l2-curve"),
    (figures, "without end.\n", "without end\n", "the caption of fig-l2-curve"),
    (figures, "  figure:\n", "  picture:\n", "0 figures"),
    (sliders, "book.Slider(", "book.Sliding(", "nothing moves"),
    (sliders, '    alt="A parabola over', '    title="A parabola over', "the alt of the slider"),
    (exercises, ":label: ex-l2-half\n", "", "an exercise has no label"),
    (exercises, "{solution-start} ex-l2-half", "{solution-start} ex-l2-haft", "ex-l2-half has no solution"),
    (exercises, "```{exercise}\n:label: ex-l2-b", "```{note}\n:name: ex-l2-b", "4 exercises"),
    (labels, ":label: eq-l2-split", ":label: eq-split", "the label eq-split"),
    (labels, ":label: ex-l2-half", ":label: half-l2-ex", "the label half-l2-ex"),
    (labels, "name: fig-l2-powers", "name: fig-l1-powers", "the label fig-l1-powers"),
    (labels, "name: fig-l2-powers", "name: fig-l2-curve", "occurs twice"),
    (labels, "(l2-rmse)=", "(rmse)=", "the label rmse"),
    (glued, 'glue("l2-after"', 'glue("l2-later"', "no cell glues l2-after"),
    (reading_time, "## Summary\n", "## Summary\n" + "word " * 8000, "minutes to read"),
]


@pytest.mark.parametrize(("check", "good", "bad", "complaint"), SPOILED)
def test_a_check_bites(check, good, bad, complaint):
    chapter = read("l2")
    assert good in chapter.text, "the example is out of date: chapters/l2.md does not hold what it spoils"
    spoiled = list(check(Chapter("l2", chapter.text.replace(good, bad), chapter.notebook)))
    assert any(complaint in said for said in spoiled), spoiled


def test_a_drawing_without_a_description_is_heard():
    chapter = read("l2")
    notebook = copy.deepcopy(chapter.notebook)
    for cell in notebook.cells:
        cell.metadata.pop("mystnb", None)
    assert len(list(drawings(Chapter("l2", chapter.text, notebook)))) >= 4
    assert list(drawings(Chapter("l2", chapter.text, None))) == ["there is no notebook: run make notebooks"]


def test_a_solution_without_a_cell_is_heard():
    text = re.sub(r"(?s)(ex-l2-half\n:class.*?)```\{code-cell\}.*?```\n", r"\1", read("l2").text, count=1)
    assert list(exercises(Chapter("l2", text, None))) == ["the solution of ex-l2-half holds no code cell"]


GOOD_ENTRY = "@article{a2000,\n  year = {2000},\n  doi = {10.1000/x}\n}\n"


@pytest.mark.parametrize(
    ("bib", "pages", "complaint"),
    [
        (GOOD_ENTRY, "nothing", "a2000 is not cited"),
        (GOOD_ENTRY, "{cite:p}`a2000,b1999`", "b1999 is cited, but not in the bibliography"),
        (GOOD_ENTRY.replace("doi = {10.1000/x}", "url = {x}"), "{cite:t}`a2000`", "a2000 has neither"),
        (GOOD_ENTRY.replace("10.1000/x", "to appear"), "{cite:t}`a2000`", "a2000 has neither"),
        (GOOD_ENTRY.replace("\n}", "}"), "{cite:t}`a2000`", "cannot be read"),
    ],
)
def test_the_check_of_the_bibliography_bites(bib, pages, complaint):
    assert list(bibliography(GOOD_ENTRY, "{cite:t}`a2000`")) == []
    assert any(complaint in said for said in bibliography(bib, pages))
