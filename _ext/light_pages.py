"""Keep the pages light: of the icons that the theme brings, send those that the book shows.

The theme loads 1.5 MB of script to draw a dozen icons, which its style sheet can draw as well from a font.
"""

import re

from fontTools import subset

SCRIPT = re.compile(r'\s*<script defer src="[^"]*/fontawesome\.js[^"]*"></script>')
ICON = re.compile(
    r'([^{}]*):before\{content:"\\([0-9a-f]{4})"\}'
)  # .fa-bars:before,.fa-navicon:before{content:"\f0c9"}
PRIVATE = re.compile(
    "[\ue000-\uf8ff]"
)  # where the font keeps its icons: those that the styles name themselves


def _lighten(app, exception):
    if exception or app.builder.format != "html":
        return
    shown = set()
    for page in app.outdir.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        shown |= set(re.findall(r"\bfa-[a-z0-9-]+", text))
        page.write_text(SCRIPT.sub("", text), encoding="utf-8")
    static = app.outdir / "_static"
    css = "".join(path.read_text(encoding="utf-8") for path in static.glob("styles/*.css"))
    codes = {ord(icon) for icon in PRIVATE.findall(css)}
    codes |= {
        int(code, 16) for names, code in ICON.findall(css) if shown & set(re.findall(r"fa-[a-z0-9-]+", names))
    }
    for font in static.glob("vendor/fontawesome/webfonts/*.woff2"):
        unicodes = ",".join(f"{code:x}" for code in sorted(codes))
        subset.main([str(font), f"--unicodes={unicodes}", "--flavor=woff2", f"--output-file={font}"])


def setup(app):
    """Lighten the pages when all of them are written."""
    app.connect("build-finished", _lighten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
