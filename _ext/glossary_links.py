"""Link each term of the glossary where a page first mentions it; its definition shows under the pointer.

Authors write plain text, or {term}. A `title` needs no script, and screen readers know it.
"""

import re
from functools import cache

from docutils import nodes

GLOSSARY = "chapters/glossary"
BIBLIOGRAPHY = "chapters/bibliography"  # whose titles are quoted
# In these a link would disturb, or could not be: a formula, a code, a heading, another link.
ELSEWHERE = (
    nodes.literal,
    nodes.literal_block,
    nodes.math,
    nodes.math_block,
    nodes.reference,
    nodes.title,
    nodes.caption,
)
EVERYDAY = ("rank", "surprise")  # have another meaning too: linked only where the author writes {term}
SIGNS = {"sigma": "\N{GREEK SMALL LETTER SIGMA}", "varepsilon": "ε", "sum": "Σ"}


def _plain(definition):
    """Return a definition as text for a `title`: its few formulas with signs instead of commands."""
    text = definition.astext()
    text = re.sub(r"\\frac\{([^}]*)\}\{([^}]*)\}", r"\1 / (\2)", text)
    text = re.sub(r"\\([a-z]+)", lambda command: SIGNS.get(command[1], command[1]), text)
    text = re.sub(r"\{(\w+)\}", r"\1", text)  # what is one name needs no brackets
    return re.sub(r"\{([^{}]*)\}", r"(\1)", text)


@cache
def _terms(app):
    """Return {term: (address in the glossary, definition)}."""
    if GLOSSARY not in app.env.all_docs:
        return {}
    return {
        item[0].astext().lower(): (item[0]["ids"][0], _plain(item[-1]))
        for item in app.env.get_doctree(GLOSSARY).findall(nodes.definition_list_item)
        if item[0].get("ids")
    }


def _link(app, doctree, docname):
    if (
        docname in (GLOSSARY, BIBLIOGRAPHY)
        or app.builder.format != "html"
        or not (terms := dict(_terms(app)))
    ):
        return
    # The longest first: cross entropy before entropy.
    names = "|".join(re.escape(term) for term in sorted(terms, key=len, reverse=True))
    mention = re.compile(rf"\b({names})(?:s|es)?\b", re.IGNORECASE)
    address = app.builder.get_relative_uri(docname, GLOSSARY)
    by_anchor = {anchor: (name, definition) for name, (anchor, definition) in terms.items()}
    for link in doctree.findall(nodes.reference):  # what the author linked with {term}
        anchor = link.get("refuri", "").rpartition("#")[2]
        if anchor in by_anchor:
            name, link["reftitle"] = by_anchor[anchor]
            terms.pop(name, None)
    for name in EVERYDAY:
        terms.pop(name, None)
    for text in list(doctree.findall(nodes.Text)):
        paragraph = text.parent
        while paragraph and not isinstance(paragraph, (nodes.paragraph, *ELSEWHERE)):
            paragraph = paragraph.parent
        if not isinstance(paragraph, nodes.paragraph):
            continue
        pieces, end = [], 0
        for found in mention.finditer(text):
            if (term := found[1].lower()) not in terms:
                continue
            anchor, definition = terms.pop(term)
            link = nodes.reference(
                "",
                found[0],
                internal=True,
                refuri=f"{address}#{anchor}",
                reftitle=definition,
                classes=["term"],
            )
            pieces += [nodes.Text(text[end : found.start()]), link]
            end = found.end()
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(text[end:])])


def setup(app):
    """Link the terms of each page when its own references are resolved."""
    app.connect("doctree-resolved", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
