"""Lead from each function of the reference to its chapter, its source and its rooms in the museum, and back.

Nothing is listed by hand. The first table of the reference names the module and the chapter of a function; a
room belongs to the functions that it names; the museum's index has a short name for each room.
"""

import importlib
import inspect
import re
from functools import cache
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

REFERENCE, MUSEUM = "chapters/api", "chapters/museum"
LESSON = "In PyTorch"  # the section of a chapter that leads to the reference
INITIAL = re.compile(r"^(\s*[A-Z]\.) (?=[A-Z])", re.M)


@cache
def _functions(app):
    """Return {function: (the words that name it, its chapter or None)}."""
    found = {}
    for row in app.env.get_doctree(REFERENCE).findall(nodes.row):
        links = {link["reftype"]: link["reftarget"] for link in row.findall(addnodes.pending_xref)}
        if target := links.get("func"):
            name = target.rpartition(".")[2]
            modules = [text.astext() for text in row[1].findall(nodes.literal)]  # torch may have none
            words = [name, *(module.rpartition(".")[2] for module in modules)]
            names = re.compile(rf"\b({'|'.join(words)})\b")
            found[name] = names, f"chapters/{links['doc']}" if "doc" in links else None
    return found


@cache
def _rooms(app):
    """Return the page, anchor and short name of each room in the index of the museum, and whom it names."""
    functions = _functions(app)
    labels, found = app.env.domains["std"].anonlabels, {}
    for link in app.env.get_doctree(MUSEUM).next_node(nodes.bullet_list).findall(addnodes.pending_xref):
        page, anchor = labels.get(link["reftarget"], ("", ""))
        if page and anchor:
            doctree = app.env.get_doctree(page)
            section = next(node for node in doctree.findall(nodes.section) if anchor in node["ids"])
            text = section.astext()
            named = [name for name, (names, _) in functions.items() if names.search(text)]
            found.setdefault(anchor, (page, anchor, link.astext(), named))
    return list(found.values())


def _links(app, docname, targets):
    """Return a paragraph of links: to (page, anchor, words) each."""
    paragraph = nodes.paragraph()
    for page, anchor, words in targets:
        address = app.builder.get_relative_uri(docname, page) + (f"#{anchor}" if anchor else "")
        text = nodes.literal("", words) if page == REFERENCE else nodes.inline("", words)
        if paragraph.children:
            paragraph += nodes.Text(" · ")
        paragraph += nodes.reference("", "", text, internal=True, refuri=address)
    return paragraph


def _back(app, docname, section, names):
    paragraph = _links(app, docname, [(REFERENCE, f"lossref.{name}", name) for name in names])
    paragraph[:0] = [nodes.strong("", "In the reference."), nodes.Text(" ")]
    # A section's own words end where its first subsection begins.
    at = next((i for i, node in enumerate(section) if isinstance(node, nodes.section)), len(section))
    section.insert(at, paragraph)


def _forward(app, doctree, functions, rooms):
    for signature in doctree.findall(addnodes.desc_signature):
        if (name := signature["fullname"]) not in functions:  # of the kit
            continue
        _, chapter = functions[name]
        listed = nodes.definition_list()
        parts = {
            "Chapter": [(chapter, "", app.env.titles[chapter].astext())] if chapter else [],
            "In the museum": [(*room, words) for *room, words, named in rooms if name in named],
        }
        for term, targets in parts.items():
            if targets:
                links = nodes.definition("", _links(app, REFERENCE, targets))
                listed += nodes.definition_list_item("", nodes.term("", term + ":"), links)
        signature.parent[-1] += listed


def _link(app, doctree, docname):
    if app.builder.format != "html" or REFERENCE not in app.env.found_docs:
        return
    functions = _functions(app)
    rooms = _rooms(app)
    if docname == REFERENCE:
        _forward(app, doctree, functions, rooms)
    sections = {anchor: node for node in doctree.findall(nodes.section) for anchor in node["ids"]}
    for page, anchor, _, named in rooms:
        if page == docname and named:
            _back(app, docname, sections[anchor], named)
    if own := [name for name, (_, chapter) in functions.items() if chapter == docname]:
        lesson = next(s for s in doctree.findall(nodes.section) if s[0].astext().startswith(LESSON))
        _back(app, docname, lesson, own)


def _source(app, function):
    """Put the module of a function among the sources; return its address, from the reference."""
    path = Path(inspect.getsourcefile(inspect.unwrap(function)))
    target = Path(app.outdir) / "_sources" / "lossref" / f"{path.name}.txt"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")  # a file names no encoding
    return f"../_sources/lossref/{target.name}"


def _configure(app, config):
    config.linkcode_resolve = lambda domain, info: _source(
        app, getattr(importlib.import_module(info["module"]), info["fullname"])
    )


def _keep_initials(app, what, name, obj, options, lines):
    """Keep an author's initial at the start of a line from being the number of a list."""
    lines[:] = INITIAL.sub("\\1\N{NO-BREAK SPACE}", "\n".join(lines)).split("\n")


def setup(app):
    """Link the functions of each page when its own references are resolved."""
    app.connect("config-inited", _configure)
    app.connect("autodoc-process-docstring", _keep_initials)
    app.connect("doctree-resolved", _link)
    app.setup_extension("sphinx.ext.linkcode")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
