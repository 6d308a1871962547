"""Typeset the book's formulas with KaTeX while the pages are built: a page needs no script and no network.

A formula that KaTeX rejects is a warning with its file and line.
"""

from functools import cache
from html import escape
from pathlib import Path

from docutils import nodes
from py_mini_racer import JSEvalException, MiniRacer
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

KATEX = Path(__file__).parent / "katex" / "katex.min.js"
logger = logging.getLogger(__name__)


@cache
def _engine():
    """KaTeX, loaded once a build into an embedded V8."""
    engine = MiniRacer()
    engine.eval(KATEX.read_text(encoding="utf-8"))
    return engine


def _typeset(node, *, display):
    """Return the HTML (with MathML for screen readers) of a math node."""
    try:
        return _engine().call(
            "katex.renderToString", node.astext(), {"displayMode": display, "strict": "error"}
        )
    except JSEvalException as error:
        reason = str(error).partition("ParseError: ")[2].partition("\n")[0] or error
        logger.warning("math: %s", reason, location=node, type="math")
        return f"<code>{escape(node.astext())}</code>"


def _inline(translator, node):
    translator.body.append(f'<span class="math">{_typeset(node, display=False)}</span>')
    raise nodes.SkipNode


def _block(translator, node):
    translator.body.append(translator.starttag(node, "div", CLASS="math"))
    if node["number"]:
        translator.body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, "Link to this equation")
        translator.body.append("</span>")
    translator.body.append(_typeset(node, display=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app):
    """Offer the renderer under the name that _config.yml chooses."""
    app.add_html_math_renderer("katex", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
