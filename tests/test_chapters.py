"""The chapters keep the promises of CONTRIBUTING.md; each check of them is shown to bite.

Nothing is executed here.
"""

from pathlib import Path

import jupytext
import pytest
from nbformat.v4 import new_output

from tests import mould
from tests.chapter import Chapter, read
from tests.pages import SOURCES

NAMES = [name for name in SOURCES if mould.in_the_mould(name)]


def checks(name):
    yield from mould.EVERYWHERE
    yield from mould.IN_THE_MOULD
    if name in mould.LOSS_PAGES:
        yield from mould.OF_A_LOSS


@pytest.mark.parametrize(
    ("name", "check"),
    [pytest.param(name, check, id=f"{name}-{check.__name__}") for name in NAMES for check in checks(name)],
)
def test_chapter(name, check):
    assert list(check(read(name))) == []


# ---- Each check bites: what is replaced in a good chapter, by what, and what must be heard.

GOOD = Path(__file__).with_name("small_chapter.md").read_text(encoding="utf-8")
DRAWN = {
    "book.Slider(": ("text/html", "<figure>"),
    "plt.subplots(figsize=(5, 3))": ("image/svg+xml", "<svg>"),
    "book.table(": ("text/markdown", "| unit | squared |"),
    'glue("l2-moved"': ("application/papermill.record/text/plain", "'9.9'"),
}


def chapter(text=GOOD):
    """Return a chapter with a notebook, as if it had been executed."""
    notebook = jupytext.reads(text, fmt="md:myst")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [
                new_output("display_data", {mime: data}, metadata={"scrapbook": {"name": "l2-moved"}})
                for code, (mime, data) in DRAWN.items()
                if code in cell.source
            ]
    return Chapter("l2", text, notebook)


@pytest.mark.parametrize("check", mould.EVERYWHERE + mould.IN_THE_MOULD + mould.OF_A_LOSS)
def test_a_good_chapter_passes(check):
    assert list(check(chapter())) == []


LINES = "x = 1\n" * 15
FAR, EVIDENCE = (
    "(claim-l2-far)=\n",
    "One value of 100 among ten moves the answer by {glue:text}`l2-moved`, or 5·10⁻⁶ of a mile.\n",
)
WORDS = "word " * 180
SPOILED = [
    (mould.rooms, "## Summary\n", "## In short\n", "the rooms should be"),
    (mould.rooms, "## The slope:", "### The slope:", "the rooms should be"),
    (mould.rooms, "## Reading the number", "## My own\n\n## Reading the number", "the rooms should be"),
    (mould.rooms, "## In depth\n", "## In depth: more\n", "the rooms should be"),
    (mould.rooms, "### Every argument", "### Arguments", "no section Every argument"),
    (mould.rooms, "### Further reading", "### More", "Further reading should come last"),
    (mould.opening, "How far off", WORDS + "How far off", "words stand before the time"),
    (mould.opening, "**Time:** lesson 4 minutes", "It takes 4 minutes", "should say **Time:**"),
    (mould.opening, "**Time:** lesson 4", "**Time:** lesson 5", "the time should be lesson 3.8"),
    (mould.opening, "in depth 1 more", "in depth 4 more", "in depth 0.7 more"),
    (mould.length, "It predicts", WORDS * 12 + "It predicts", "the lesson takes 15.8 minutes"),
    (mould.length, "There are two.", WORDS * 36, "the page takes 40.6 minutes"),
    (mould.length, "**Time:**", WORDS * 2 + "**Time:**", "the first figure comes after"),
    (mould.code_of_the_lesson, "loss.backward()\n", "loss.backward()\nassert loss > 0\n", "holds assert"),
    (mould.code_of_the_lesson, "loss.backward()\n", "loss.backward()\nbook.table()\n", "holds book."),
    (mould.code_of_the_lesson, "loss.backward()\n", 'glue("l2-loss", loss)\n', "holds glue("),
    (mould.code_of_the_lesson, "loss.backward()\n", LINES, "has 17 lines"),
    (mould.claims, "assert book.jump(l2) == 0\n", "book.jump(l2)\n", "the cell of claim-l2-smooth"),
    (mould.claims, ":tags: [remove-cell]\n\nassert book", "assert book", "the cell of claim-l2-smooth"),
    (mould.claims, "(claim-l2-smooth)=\n", "(claim-l2-smooth)=\n\n### A heading\n", "no code cell follows"),
    (mould.claims, "## In PyTorch", "(claim-l2-torch)=\n\n## In PyTorch", "no code cell follows"),
    (
        mould.claims,
        FAR + EVIDENCE,
        EVIDENCE + "\n" + FAR,
        "(claim-l2-far)= stands before a cell that is removed",
    ),
    (mould.pros_and_cons, "(#claim-l2-far)", "(#l2-start)", "l2-start is not the target of a claim"),
    (mould.pros_and_cons, "(claim-l2-far)=\n", "", "claim-l2-far is not the target of a claim"),
    (mould.pros_and_cons, "[one of ten](#claim-l2-far)", "yes", "no link to a claim"),
    (mould.pros_and_cons, f"**{mould.MINUS}**", "**+**", "no row of the table is a con"),
    (mould.figures, "    name: fig-l2-curve\n", "", "a figure has no name"),
    (mould.figures, "    alt: A parabola", "    longdesc: A parabola", "the alt text of fig-l2-curve"),
    (mould.figures, "at zero either.\n", "at zero either\n", "the caption of fig-l2-curve"),
    (mould.figures, "  figure:\n", "  picture:\n", "a cell draws, but is no figure"),
    (mould.figures, '    alt="A parabola', '    title="A parabola', "the alt of the slider"),
    (mould.one_moves, "book.Slider(", "book.Sliding(", "nothing moves"),
    (mould.figures_fit_a_phone, "figsize=(5, 3))", "figsize=(8, 3))", "8 inches wide"),
    (mould.exercises, ":label: ex-l2-one\n", "", "an exercise has no label"),
    (
        mould.exercises,
        "{solution-start} ex-l2-one",
        "{solution-start} ex-l2-won",
        "ex-l2-one has no solution",
    ),
    (mould.exercises, "```{exercise}\n:label: ex-l2-two", "```{note}\n:name: ex-l2-two", "2 exercises"),
    (mould.exercises, "```{code-cell} ipython3\nprint(0**2)\n```\n", "0", "ex-l2-three holds no code cell"),
    (mould.exercises, "ex-l2-one\n:class: dropdown", "ex-l2-one", "the solution of ex-l2-one is not folded"),
    (mould.ways_on, "[a room of the museum](#pitfall-broadcast)", "a room", "no link in the mistake"),
    (mould.ways_on, "{doc}`huber`", "Huber", "the summary links to no other loss"),
    (mould.labels, ":label: eq-l2", ":label: eq-square", "the label eq-square"),
    (mould.labels, ":label: ex-l2-one", ":label: one-l2-ex", "the label one-l2-ex"),
    (mould.labels, "name: fig-l2-curve", "name: fig-l1-curve", "the label fig-l1-curve"),
    (mould.labels, "(claim-l2-far)=", "(claim-l2-smooth)=", "occurs twice"),
    (mould.labels, "(l2-start)=", "(start)=", "the label start"),
    (mould.glued, 'glue("l2-moved"', 'glue("l2-far"', "no cell glues l2-moved"),
    (mould.numbers, "5·10⁻⁶", "5e-06", "5e-06 should be printed"),
    (mould.numbers, "0, 1 and ", "0, 1, -3 and ", "-3 should be printed"),
]


@pytest.mark.parametrize(("check", "good", "bad", "complaint"), SPOILED)
def test_a_check_bites(check, good, bad, complaint):
    assert good in GOOD, "the example is out of date: small_chapter.md does not hold what it spoils"
    spoiled = list(check(chapter(GOOD.replace(good, bad, 1))))
    assert any(complaint in said for said in spoiled), spoiled


def test_evidence_after_the_table_is_heard():
    late = GOOD.replace(FAR, "").replace("## Mistakes\n", f"{FAR}\n## Mistakes\n")
    assert list(mould.evidence_first(chapter(late))) == [
        "the evidence (claim-l2-far)= stands after the table of pros and cons"
    ]


def test_a_glued_number_as_computers_write_it_is_heard(monkeypatch):
    for text in ("'5e-06'", "'-9.9'"):
        monkeypatch.setitem(DRAWN, 'glue("l2-moved"', ("application/papermill.record/text/plain", text))
        assert len(list(mould.numbers(chapter()))) == 1


def test_a_page_without_a_figure_is_heard():
    assert "there is no figure" in list(mould.length(Chapter("l2", GOOD, None)))


@pytest.mark.parametrize(
    ("added", "minutes"),
    [
        ("word " * 180, 1),
        ("```{math}\nx = y + z\n```", 1 / 2),
        ("$$\nx = y + z\n$$", 1 / 2),
        ("```{code-cell} ipython3\n" + "x = 1\n\n" * 15 + "```", 1),
        ("```{code-cell} ipython3\n:tags: [remove-cell]\n\n" + "x = 1\n" * 15 + "```", 0),
        ("```{code-cell} ipython3\n:tags: [hide-input]\n\nplt.subplots(figsize=(5, 3))\n```", 2 / 3),
        ("```{code-cell} ipython3\n:tags: [hide-input]\n\nbook.table()\n```", 2 / 3),
        ("```{code-cell} ipython3\n:tags: [hide-cell]\n\nplt.subplots(figsize=(5, 3))\n```", 0),
        ("| a |\n|---|\n| 1 |", 2 / 3 + 7 / 180),
        ("{glue:figure}`l2-figure`", 2 / 3 + 1 / 180),
        ("````{solution-start} ex-l2-one\n````\n" + "word " * 180 + "\n````{solution-end}\n````", 0),
    ],
)
def test_the_measure_of_reading(added, minutes):
    before = chapter().minutes
    for room, expected in (("## Mistakes", (minutes, 0)), ("### Further reading", (0, minutes))):
        after = chapter(GOOD.replace(f"\n{room}\n", f"\n{added}\n\n{room}\n")).minutes
        gained = [new - old for new, old in zip(after, before, strict=True)]
        assert gained == pytest.approx(expected, abs=1e-9)
