"""Keep the pages light: send what a reader needs, and nothing that moves the text once it is there.

The theme loads 1.5 MB of script to draw a dozen icons, which its style sheet can draw as well from a font,
and the index of the search on pages that do not search. Tags that give code the colour it has anyway, and
names of a figure's parts that nothing refers to, are a fifth of a page; unused signs are half of a font.
What the theme writes and no setting of its changes is mended on the way.
"""

import re
from html import unescape

from fontTools import subset

SCRIPT = re.compile(r'\s*<script defer src="[^"]*/fontawesome\.js[^"]*"></script>')
SEARCH = re.compile(r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"></script>')
# Names, punctuation, operators and space: they have the colour of the text around them (_static/book.css).
PLAIN_CODE = re.compile(r'<span class="(?:n|nn|nx|o|p|pm|w)">([^<]*)</span>|(?<=<pre>)<span></span>')
USED = re.compile(r'(?:href="#|url\(#)([^")]+)')
PART = re.compile(r' id="([^"]*)"')  # what matplotlib calls its parts: a figure refers to few of them
LEVEL = re.compile(r' transform="rotate\(-0 [^"]*\)"')  # a text turned by nothing
METADATA = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->", re.S)
FIGURE = re.compile(r'(<figure class="slider".*?)(<svg.*?</svg>)', re.S)
# The source of a formula, which its MathML does not need.
TEX = re.compile(r'<annotation encoding="application/x-tex">.*?</annotation>', re.S)
FORMULA = re.compile(r'<span class="katex-html".*?(?=</(?:p|div|t[dh]|li|d[dt]|h\d|figcaption)>)', re.S)
IMAGE = re.compile(r'<img ([^>]*?src="(?:\.\./)*(_images/[^"]+\.svg)"[^>]*?)\s*/?>')
SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"')
INSTEAD = {
    # The theme settles between light and dark when all is read; until then code has no style, other heights.
    'dataset.theme = localStorage.getItem("theme") || "auto";': (
        'dataset.theme = document.documentElement.dataset.mode !== "auto"'
        " ? document.documentElement.dataset.mode"
        ' : matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";'
    ),
    # Those who listen go from landmark to landmark, and the logo was in none.
    '<div id="pst-primary-sidebar"': (
        '<div id="pst-primary-sidebar" role="complementary" aria-label="Sidebar"'
    ),
    # What a list holds; docutils' own role has been given up by the standard.
    'role="doc-biblioentry"': 'role="listitem"',
}
# The theme takes the focus from a toggle that was pressed: right under a pointer (detail counts its clicks),
# whose hint would stay; by key it would lose the reader's place.
BLUR = 'addEventListener("click",(()=>{t.blur()}),!0)'
BLUR_UNDER_POINTER = 'addEventListener("click",(e=>{e.detail&&t.blur()}),!0)'
ICON = re.compile(
    r'([^{}]*):before\{content:"\\([0-9a-f]{4})"\}'
)  # .fa-bars:before,.fa-navicon:before{content:"\f0c9"}
PRIVATE = re.compile(
    "[\ue000-\uf8ff]"
)  # where the font keeps its icons: those that the styles name themselves


def _short(figure):
    """Return the same drawing in fewer bytes."""
    used = set(USED.findall(figure))
    figure = PART.sub(lambda name: name[0] if name[1] in used else "", METADATA.sub("", figure))
    return re.sub(r"\s*\n\s*", " ", LEVEL.sub("", figure))


def _sized(out):
    """Return what gives an image the size of its file, so that its place is there before it is."""

    def sized(image):
        attributes, path = image.groups()
        if " width=" in attributes:
            return image[0]
        size = SIZE.search((out / path).read_text(encoding="utf-8"))
        width, height = (round(float(points) * 4 / 3) for points in size.groups())
        return f'<img {attributes} width="{width}" height="{height}" loading="lazy" />'

    return sized


def _keep(characters, fonts):
    """Leave in the fonts only the glyphs of these characters."""
    unicodes = ",".join(f"{code:x}" for code in sorted(characters))
    for font in fonts:
        subset.main([str(font), f"--unicodes={unicodes}", "--flavor=woff2", f"--output-file={font}"])


def _lighten(app, exception):
    if exception or app.builder.format != "html":
        return
    for figure in app.outdir.glob("_images/*.svg"):
        figure.write_text(_short(figure.read_text(encoding="utf-8")), encoding="utf-8")
    shown, signs = set(), set()
    for page in app.outdir.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        shown |= set(re.findall(r"\bfa-[a-z0-9-]+", text))
        for formula in FORMULA.findall(text):
            signs |= set(map(ord, unescape(re.sub(r"<[^>]*>", "", formula))))
        text = SCRIPT.sub("", text)
        for old, new in INSTEAD.items():
            text = text.replace(old, new)
        text = SEARCH.sub("", text)
        text = TEX.sub("", PLAIN_CODE.sub(r"\1", text))
        text = FIGURE.sub(lambda figure: figure[1] + _short(figure[2]), text)
        text = IMAGE.sub(_sized(app.outdir), text)
        page.write_text(text, encoding="utf-8")
    static = app.outdir / "_static"
    script = static / "scripts" / "sphinx-book-theme.js"
    script.write_text(script.read_text(encoding="utf-8").replace(BLUR, BLUR_UNDER_POINTER), encoding="utf-8")
    css = "".join(path.read_text(encoding="utf-8") for path in static.glob("styles/*.css"))
    codes = {ord(icon) for icon in PRIVATE.findall(css)}
    codes |= {
        int(code, 16) for names, code in ICON.findall(css) if shown & set(re.findall(r"fa-[a-z0-9-]+", names))
    }
    _keep(codes, static.glob("vendor/fontawesome/webfonts/*.woff2"))
    _keep(signs, static.glob("katex/fonts/*.woff2"))


def setup(app):
    """Lighten the pages when all of them are written."""
    app.connect("build-finished", _lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
