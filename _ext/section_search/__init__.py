"""Search the book by section, from disk or a server: MiniSearch, with an index made by the build.

A section is found by its title, its text, and the words of its `index` directives, which hold what people
type and no reader needs to see. words.json says which words count as the same, and which as none.
"""

import json
from pathlib import Path

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx import addnodes
from sphinx.search.en import SearchEnglish

HERE = Path(__file__).parent
# What stands in a section and is no text of it.
APART = (
    nodes.section,
    addnodes.desc,
    addnodes.index,
    nodes.raw,
    nodes.comment,
    nodes.math_block,
    nodes.substitution_definition,
)


def _text(node):
    """Return what stands in a section, without the sections in it."""
    if (
        isinstance(node, APART) or "cell_input" in node["classes"]
    ):  # code says little to who reads one line of it
        return ""
    if isinstance(node, nodes.TextElement):
        return node.astext()
    return "\n".join(_text(child) for child in node.children if isinstance(child, nodes.Element))


def _sections(doctree, docname, address):
    """Yield each section of a page, and each function of the API, as MiniSearch takes them."""
    page = None
    for node in doctree.findall(lambda node: isinstance(node, nodes.section | addnodes.desc)):
        kind = addnodes.desc_signature if isinstance(node, addnodes.desc) else nodes.title
        title = next((child for child in node.children if isinstance(child, kind)), None)
        if title is None:
            continue
        name = title["ids"][0] if kind is addnodes.desc_signature else title.astext()
        anchor = "#" + (title if kind is addnodes.desc_signature else node)["ids"][:2][-1] if page else ""
        page = page or name
        words = [
            entry[1]
            for child in node.children
            if isinstance(child, addnodes.index)
            for entry in child["entries"]
        ]
        text = "\n".join(_text(child) for child in node.children if child is not title)
        yield {
            "id": docname + anchor,
            "url": address + anchor,
            "page": page,
            "title": name,
            "words": "\n".join(words),
            "text": " ".join(text.split()),
        }


def _write(app, exception):
    if exception or app.builder.format != "html":
        return
    sections = [
        section
        for docname in sorted(app.env.found_docs)
        for section in _sections(app.env.get_doctree(docname), docname, app.builder.get_target_uri(docname))
    ]
    terms = "\n".join(
        [
            (HERE / "minisearch.js").read_text(encoding="utf-8"),
            SearchEnglish.js_stemmer_code,
            f"const SEARCH_WORDS = {(HERE / 'words.json').read_text(encoding='utf-8')};",
            (HERE / "terms.js").read_text(encoding="utf-8"),
        ]
    )
    engine = MiniRacer()
    engine.eval(terms)
    index = engine.call("buildIndex", sections)
    page = (HERE / "page.js").read_text(encoding="utf-8")
    script = "\n".join([terms, f"const SEARCH_INDEX = {json.dumps(index, ensure_ascii=False)};", page])
    (Path(app.outdir) / "_static" / "section_search.js").write_text(script, encoding="utf-8")


def _configure(app, config):
    config.templates_path.append(str(HERE))
    config.html_additional_pages["search"] = "search.html"


def _without_sphinx_index(app):
    app.builder.search = False


def setup(app):
    """Take the place of Sphinx's search, whose index is of pages."""
    app.connect("config-inited", _configure)
    app.connect("builder-inited", _without_sphinx_index)
    app.connect("build-finished", _write, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
