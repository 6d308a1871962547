"""The promises of CONTRIBUTING.md on a chapter. Each check takes a chapter and yields its complaints."""

import ast
import re
from collections.abc import Iterator

from tests.chapter import DEPTH, Chapter, is_picture
from tests.losses import PAGES as LOSS_PAGES
from tests.pages import own

FOUNDATIONS, PRACTICE = ["likelihood", "entropy"], ["choosing", "reductions", "custom", "scale"]
ROOMS = ["The formula", "In PyTorch", "The slope", "What it predicts", "On real data", "Reading the number"]
ROOMS += ["Pros and cons", "Mistakes", "Exercises", "Summary", "In depth"]
MINUS = "\N{MINUS SIGN}"
LESSON, PAGE, FOUNDATION, FIRST_PICTURE = 15, 40, 20, 1.5  # minutes
OPENING, CELL, WIDTH = 120, 14, 5  # words, lines, inches


def in_the_mould(name: str) -> bool:
    """Say whether a page has to keep what is promised of a lesson."""
    return name in LOSS_PAGES + FOUNDATIONS + PRACTICE


def rooms(chapter: Chapter) -> Iterator[str]:
    """Complain about rooms of a loss that are missing, out of order, or have a stranger between them."""
    titles = re.findall(r"^## (.+)$", chapter.prose, re.MULTILINE)
    if [title.partition(":")[0] for title in titles] != ROOMS or titles[-1] != "In depth":
        yield f"the rooms should be {ROOMS}, but are {titles}"
    depth = re.findall(r"^### (.+)$", chapter.prose.partition(DEPTH)[2], re.MULTILINE)
    for title in ("At a glance", "Every argument"):
        if title not in depth:
            yield f"there is no section {title} in depth"
    if depth[-1:] != ["Further reading"]:
        yield "Further reading should come last"


def opening(chapter: Chapter) -> Iterator[str]:
    """Complain about an opening that is long, or does not say how long the page takes."""
    words = re.split(r"^\*\*Time:\*\*", chapter.prose, flags=re.MULTILINE)[0].split()
    if len(words) > OPENING + 10:  # the title, and labels
        yield f"{len(words)} words stand before the time: the question has room in {OPENING}"
    printed = re.search(
        r"^\*\*Time:\*\* (?:lesson )?(\d+) minutes(?:, in depth (\d+) more)?\.", chapter.prose, re.MULTILINE
    )
    lesson, depth = chapter.minutes
    measured = f"lesson {lesson:.1f} minutes, in depth {depth:.1f} more"
    if not printed:
        yield f"the opening should say **Time:** {measured}, rounded"
    elif abs(int(printed[1]) - lesson) > 1 or abs(int(printed[2] or 0) - depth) > 1:
        yield f"the time should be {measured}, rounded; it says {printed[0]}"


def length(chapter: Chapter) -> Iterator[str]:
    """Complain about a page that takes too long to read, or whose first figure comes late."""
    lesson, depth = chapter.minutes
    most = FOUNDATION if chapter.name in FOUNDATIONS else PAGE
    if round(lesson) > LESSON and chapter.name not in FOUNDATIONS:
        yield f"the lesson takes {lesson:.1f} minutes: at most {LESSON}"
    if round(lesson + depth) > most:
        yield f"the page takes {lesson + depth:.1f} minutes: at most {most}"
    if chapter.name not in LOSS_PAGES + FOUNDATIONS:
        return
    if chapter.first_picture is None:
        yield "there is no figure"
    elif chapter.first_picture > FIRST_PICTURE:
        yield f"the first figure comes after {chapter.first_picture:.1f} minutes: at most {FIRST_PICTURE}"


def code_of_the_lesson(chapter: Chapter) -> Iterator[str]:
    """Complain about a visible cell of the lesson that a reader would not type."""
    for part in chapter.parts:
        if part.depth or part.solution or not part.visible:
            continue
        source = "\n".join(part.visible)
        plumbing = re.findall(r"\bassert\b|\bassert_close\b|\bglue\(|\bbook\.", source)
        if plumbing:
            yield f"a visible cell of the lesson holds {', '.join(plumbing)}: {part.visible[0]}"
        if len(part.visible) > CELL:
            yield f"a visible cell of the lesson has {len(part.visible)} lines: {part.visible[0]}"


def claims(chapter: Chapter) -> Iterator[str]:
    """Complain about targets of claims that lead to nothing visible, or that no assertion supports."""
    pairs = zip(chapter.cells, [*chapter.cells[1:], None], strict=True)
    following = {id(before): after for before, after in pairs}
    asserting = {id(part.cell) for part in chapter.parts if part.asserts}
    for cell in chapter.cells:
        for label, between in re.findall(
            r"^\((claim-[\w-]+)\)=$(.*?)(?=^\(claim-|\Z)", cell.source, re.MULTILINE | re.DOTALL
        ):
            shown = following[id(cell)]
            if shown is None or shown.cell_type != "code" or re.search(r"^#", between, re.MULTILINE):
                yield f"no code cell follows ({label})="
                continue
            tags = set(shown.metadata.get("tags", []))
            if "remove-cell" in tags and not between.strip():
                yield f"({label})= stands before a cell that is removed, and leads to nothing"
            check = following[id(shown)]
            removed = check is not None and "remove-cell" in check.metadata.get("tags", [])
            if id(shown) not in asserting and not (removed and id(check) in asserting):
                yield f"neither the cell of {label} nor a removed one after it asserts anything"


def pros_and_cons(chapter: Chapter) -> Iterator[str]:
    """Complain about a table of pros and cons whose rows do not link to their evidence."""
    table = re.search(
        r"^\|.*\|\n\|[-:| ]+\|\n((?:\|.*\|\n?)+)", chapter.section("Pros and cons"), re.MULTILINE
    )
    rows = table[1].splitlines() if table else []
    for sign, what in ("+", "pro"), (MINUS, "con"):
        if not any(row.split("|")[1].strip(" *") == sign for row in rows):
            yield f"no row of the table is a {what}, **{sign}**"
    for row in rows:
        if not (links := re.findall(r"\]\(#([\w-]+)\)", row)):
            yield f"no link to a claim in the row {row}"
        for link in links:
            if not link.startswith("claim-") or f"({link})=" not in chapter.text:
                yield f"{link} is not the target of a claim on this page"


def evidence_first(chapter: Chapter) -> Iterator[str]:
    """Complain about rows of the pros and cons that stand before their evidence."""
    before, _, after = chapter.text.partition("## Pros and cons")
    for link in re.findall(r"\]\(#(claim-[\w-]+)\)", chapter.section("Pros and cons")):
        if f"({link})=" in after and f"({link})=" not in before:
            yield f"the evidence ({link})= stands after the table of pros and cons"


def is_sentence(text: str) -> bool:
    return len(text) > 40 and text.rstrip().endswith(".")


def figures(chapter: Chapter) -> Iterator[str]:
    """Complain about figures that are not described."""
    for options in (c.metadata["mystnb"] for c in chapter.code if "figure" in c.metadata.get("mystnb", {})):
        name = options["figure"].get("name")
        if not name:
            yield f"a figure has no name: {options['figure'].get('caption')}"
        if not is_sentence(options["figure"].get("caption", "")):
            yield f"the caption of {name} is not a full sentence"
        if not is_sentence(options.get("image", {}).get("alt", "")):
            yield f"the alt text of {name} is not a full sentence"
    for call in chapter.calls("Slider"):
        texts = {keyword.arg: keyword.value for keyword in call.keywords}
        for key in ("alt", "caption"):
            if key not in texts or not is_sentence(str(ast.literal_eval(texts[key]))):
                yield f"the {key} of the slider in line {call.lineno} of its cell is not a full sentence"
    for part in chapter.parts:
        drawn = any(is_picture(output) and "text/html" not in output.data for output in part.outputs)
        if drawn and "figure" not in part.cell.metadata.get("mystnb", {}):
            yield f"a cell draws, but is no figure with a name, a caption and an alt text: {part.cell.source}"


def one_moves(chapter: Chapter) -> Iterator[str]:
    """Complain if nothing on the page moves."""
    if not chapter.calls("Slider"):
        yield "nothing moves: book.Slider makes a figure that does"


def figures_fit_a_phone(chapter: Chapter) -> Iterator[str]:
    """Complain about figures so wide that a phone makes their text small."""
    for call in [*chapter.calls("subplots"), *chapter.calls("figure")]:
        sizes = (k.value for k in call.keywords if k.arg == "figsize" and isinstance(k.value, ast.Tuple))
        for width in (size.elts[0] for size in sizes):
            if isinstance(width, ast.Constant) and width.value > WIDTH:
                yield f"a figure is {width.value} inches wide: at most {WIDTH}, stack its panels"


def exercises(chapter: Chapter) -> Iterator[str]:
    """Complain about exercises that are not answered by a cell."""
    labels = re.findall(r"^`{3,}\{exercise\}.*\n(?::.*\n)*?:label: *(\S+)", chapter.text, re.MULTILINE)
    if chapter.text.count("{exercise}") != len(labels):
        yield "an exercise has no label"
    if chapter.name in LOSS_PAGES and len(labels) < 3:
        yield f"{len(labels)} exercises: at least three are needed"
    for label in labels:
        answer = re.search(rf"\{{solution-start\}} {label}\n(.*?)\{{solution-end\}}", chapter.text, re.DOTALL)
        if not answer:
            yield f"{label} has no solution"
        elif "{code-cell}" not in answer[1] or "{solution-start}" in answer[1]:
            yield f"the solution of {label} holds no code cell"
        elif ":class: dropdown" not in answer[1]:
            yield f"the solution of {label} is not folded"


def ways_on(chapter: Chapter) -> Iterator[str]:
    """Complain about mistakes without a link to their room, and a summary that names no other loss."""
    for line in re.findall(r"^- .*(?:\n  .*)*", chapter.section("Mistakes"), re.MULTILINE):
        if not re.search(r"\]\(#|\{doc\}|\{ref\}", line):
            yield f"no link in the mistake: {line}"
    if not re.search(r"\]\(#|\{doc\}|\{ref\}", chapter.section("Summary")):
        yield "the summary links to no other loss"


def labels(chapter: Chapter) -> Iterator[str]:
    """Complain about labels that do not begin with their kind and the chapter, or occur twice."""
    kinds = {"exercise": "ex", "math": "eq"}
    found = [
        (kinds.get(directive, directive), label)
        for directive, label in re.findall(
            r"^(?:`{3,}|:{3,})\{([\w-]+)\}.*\n(?::(?!label).*\n)*:label: *(\S+)", chapter.text, re.MULTILINE
        )
    ]
    options = [cell.metadata["mystnb"] for cell in chapter.code if "mystnb" in cell.metadata]
    found += [("fig", each["figure"].get("name", "")) for each in options if "figure" in each]
    found += [
        ("claim" if target.startswith("claim") else "", target)
        for target in re.findall(r"^\(([\w-]+)\)=$", chapter.prose, re.MULTILINE)
    ]
    others = own(chapter.name, "OTHER_NAMES") or []  # an equation may bear these
    for kind, label in found:
        names = "|".join([chapter.slug, *(others if kind == "eq" else [])])
        if not re.fullmatch(rf"{kind}{'-' if kind else ''}({names})(-[a-z0-9-]+)?", label):
            yield f"the label {label} does not begin with its kind and the chapter: {kind}-{chapter.slug}-"
        if sum(label == other for _, other in found) > 1:
            yield f"the label {label} occurs twice"


def glued(chapter: Chapter) -> Iterator[str]:
    """Complain about results in the prose that no cell of the chapter has glued."""
    keys = []
    for call in chapter.calls("glue"):
        parts = call.args[0].values if isinstance(call.args[0], ast.JoinedStr) else [call.args[0]]
        keys.append("".join(re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in parts))
    for key in re.findall(r"\{glue:\w*\}`([^`:]+)", chapter.prose):
        if not any(re.fullmatch(pattern, key) for pattern in keys):
            yield f"no cell glues {key}"


def numbers(chapter: Chapter) -> Iterator[str]:
    """Complain about numbers as computers write them: 5e-06 in place of 5·10⁻⁶, a hyphen as a minus."""
    shown = set(re.findall(r"\{glue:\w*\}`([^`:]+)", chapter.prose))
    values = [
        str(output.data.get("application/papermill.record/text/plain", "")).strip("'")
        for part in chapter.parts
        for output in part.outputs
        if output.get("metadata", {}).get("scrapbook", {}).get("name") in shown
    ]
    prose = re.sub(r"<!--.*?-->|^(`{3,}|:{3,})\{.*?^\1", "", chapter.prose, flags=re.MULTILINE | re.DOTALL)
    prose = re.sub(r"`[^`]*`|\$[^$]*\$|\]\([^)]*\)", "", prose)
    for text in (prose, *values):
        for wrong in re.findall(r"\b\d[\d.]*e[-+]?\d+\b|(?<![\w)-])-\d[\d.]*", text):
            yield f"{wrong} should be printed as people do, as 5·10⁻⁶, with a true minus"


EVERYWHERE = [claims, figures, exercises, labels, glued]
IN_THE_MOULD = [opening, length, code_of_the_lesson, figures_fit_a_phone, numbers]
OF_A_LOSS = [rooms, pros_and_cons, evidence_first, one_moves, ways_on]
