"""Keep the pages light: send what a reader needs, and nothing that moves the text once it is there.

The theme loads 1.5 MB of script to draw a dozen icons, which its style sheet can draw as well from a font,
and the index of the search on pages that do not search. Tags that give code the colour it has anyway, the
source of formulas, and names of a figure's parts that nothing refers to are a fifth of a page; unused signs
are half of a font. What the theme writes and no setting of its changes is mended on the way. The style sheets
are light already: _ext/light_styles.py.
"""

import re
from importlib.metadata import version
from xml.etree import ElementTree

from fontTools import subset
from selectolax.lexbor import LexborHTMLParser
from sphinx.errors import ExtensionError

# Whose scripts and styles this knows by name. With another, look whether each mend is still needed.
THEMES = {"sphinx-book-theme": "1.3.0", "pydata-sphinx-theme": "0.17.1"}
UNUSED = re.compile(r"/fontawesome\.js|(?:searchtools|language_data|searchindex)\.js")
# The theme settles between light and dark when all is read; until then code has no style, other heights.
LATE = 'dataset.theme = localStorage.getItem("theme") || "auto";'
AT_ONCE = (
    'dataset.theme = document.documentElement.dataset.mode !== "auto"'
    " ? document.documentElement.dataset.mode"
    ' : matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";'
)
# The theme takes the focus from a toggle that was pressed: right under a pointer (detail counts its clicks),
# whose hint would stay; by key it would lose the reader's place.
BLUR = 'addEventListener("click",(()=>{t.blur()}),!0)'
BLUR_UNDER_POINTER = 'addEventListener("click",(e=>{e.detail&&t.blur()}),!0)'
# Names, punctuation, operators and space: they have the colour of the text around them (_static/book.css).
PLAIN_CODE = ", ".join(f"pre span.{kind}" for kind in ("n", "nn", "nx", "o", "p", "pm", "w"))
USED = re.compile(r'(?:href="#|url\(#)([^")]+)')
WORD = re.compile(r"(?<=\w[_.])(?=\w)|(?<=[a-z]{2})(?=[A-Z][a-z])")  # mse_|loss, Soft|Margin|Loss
PRIVATE = re.compile("[\ue000-\uf8ff]")  # where the font keeps its icons
SVG = "http://www.w3.org/2000/svg"
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")


def _known(themes=THEMES):
    """Refuse a theme that nobody has looked at."""
    for name, known in themes.items():
        if (installed := version(name)) != known:
            raise ExtensionError(
                f"_ext/light_pages.py mends {name} {known}, and {installed} is installed."
                " See what of it the new one still needs, then name the new one there."
            )


def _mend(text, old, new, where):
    """Replace what the theme writes, or say that it writes something else now."""
    if new in text:  # a build before this one has
        return text
    if old not in text:
        raise ExtensionError(f"_ext/light_pages.py does not find {old!r} in {where}: has the theme changed?")
    return text.replace(old, new)


def _shorten(attributes, used):
    """Take from a part of a figure the name that nothing refers to, and a turn by nothing."""
    if "id" in attributes and attributes["id"] not in used:
        del attributes["id"]
    if (attributes.get("transform") or "").startswith("rotate(-0 "):
        del attributes["transform"]


def _figure(text):
    """Return the same drawing in fewer bytes, and its size in pixels."""
    root, used = ElementTree.fromstring(text), set(USED.findall(text))
    for part in list(root.iter()):
        for child in part.findall(f"{{{SVG}}}metadata"):
            part.remove(child)
        _shorten(part.attrib, used)
        part.text, part.tail = ((words or "").strip() for words in (part.text, part.tail))
    width, height = (
        str(round(float(root.get(side).removesuffix("pt")) * 4 / 3)) for side in ("width", "height")
    )
    return ElementTree.tostring(root, encoding="unicode"), {"width": width, "height": height}


def _mend_page(page, sizes):
    """Take from a page what it does not need, and mend what the theme writes."""
    for script in page.css("script[src]"):
        if UNUSED.search(script.attrs["src"]):
            script.decompose()
    for node in page.css("annotation, svg metadata, pre > span:empty"):
        node.decompose()
    for span in page.css(PLAIN_CODE):
        span.unwrap()
    kept = {node.mem_id for code in page.css("pre") for node in code.traverse(include_text=True)}
    for node in list(page.root.traverse(include_text=True)):
        if node.is_comment_node:
            node.decompose()
        elif node.is_empty_text_node and node.mem_id not in kept:
            node.replace_with(" ")
    for figure in page.css("figure svg"):
        used = set(USED.findall(figure.html))
        for part in figure.css("*"):
            _shorten(part.attrs, used)
    for image in page.css("img[src*='_images/']"):
        if (size := sizes.get(image.attrs["src"].rpartition("/")[2])) and "width" not in image.attrs:
            # Its place is there before it is.
            for key, value in {**size, "loading": "lazy"}.items():
                image.attrs[key] = value
    # A long name breaks between its words.
    for name in page.css("code > .pre"):
        name.inner_html = WORD.sub("<wbr>", name.inner_html)
    # Those who listen go from landmark to landmark, and the logo was in none.
    for sidebar in page.css("#pst-primary-sidebar"):
        sidebar.attrs["role"], sidebar.attrs["aria-label"] = "complementary", "Sidebar"
    # What a list holds; docutils' own role has been given up by the standard.
    for entry in page.css("[role=doc-biblioentry]"):
        entry.attrs["role"] = "listitem"


def _page(text, name, sizes):
    """Return a page in fewer bytes, and the signs of its formulas."""
    page = LexborHTMLParser(_mend(text, LATE, AT_ONCE, name))
    if AT_ONCE not in text:  # else an earlier build has mended it, and this one left it as it was
        _mend_page(page, sizes)
    signs = {ord(sign) for formula in page.css(".katex-html") for sign in formula.text()}
    return page.html, signs


def _keep(characters, fonts):
    """Leave in the fonts only the glyphs of these characters."""
    unicodes = ",".join(f"{code:x}" for code in sorted(characters))
    for font in fonts:
        subset.main([str(font), f"--unicodes={unicodes}", "--flavor=woff2", f"--output-file={font}"])


def _lighten(app, exception):
    if exception or app.builder.format != "html":
        return
    sizes, signs = {}, set()
    for path in app.outdir.glob("_images/*.svg"):
        figure, sizes[path.name] = _figure(path.read_text(encoding="utf-8"))
        path.write_text(figure, encoding="utf-8")
    static = app.outdir / "_static"
    for path in app.outdir.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        if static in path.parents or 'http-equiv="Refresh"' in text:  # which only leads to the first page
            continue
        page, typeset = _page(text, path.name, sizes)
        path.write_text(page, encoding="utf-8")
        signs |= typeset
    script = static / "scripts" / "sphinx-book-theme.js"
    text = script.read_text(encoding="utf-8")
    script.write_text(_mend(text, BLUR, BLUR_UNDER_POINTER, script.name), encoding="utf-8")
    css = "".join(path.read_text(encoding="utf-8") for path in static.glob("styles/*.css"))
    _keep(map(ord, PRIVATE.findall(css)), static.glob("vendor/fontawesome/webfonts/*.woff2"))
    _keep(signs, static.glob("katex/fonts/*.woff2"))


def setup(app):
    """Lighten the pages when all of them are written."""
    _known()
    app.connect("build-finished", _lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
