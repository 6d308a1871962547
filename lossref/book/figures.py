"""The look of the book's figures: one style, and SVG that is the same, byte for byte, on every run.

The tests compare each figure with the stored one: nothing in its SVG may depend on day, machine or chance.
"""

import html
import io
import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
from cycler import cycler
from IPython.core.getipython import get_ipython
from matplotlib.figure import Figure
from matplotlib_inline.backend_inline import set_matplotlib_formats

# Each loss keeps its colour in the whole book. All reach 4.5:1 on white, and in the dark theme once inverted.
COLOURS = {
    "l1": "#b45309",
    "l2": "#1d4ed8",
    "huber": "#047857",
    "bce": "#a21caf",
    "cross_entropy": "#be123c",
    "poisson": "#78350f",
    "gaussian": "#1e3a8a",
    "nll": "#9f1239",
    "kl": "#86198f",
    "soft_margin": "#c026d3",
    "multi_margin": "#166534",
    "ranking": "#0f766e",
    "embedding": "#0369a1",
    "triplet": "#4338ca",
    "ctc": "#b91c1c",
    "linear_cross_entropy": "#9d174d",
    "adaptive_softmax": "#a16207",
    "focal": "#7e22ce",
    "dice": "#115e59",
    "info_nce": "#075985",
    "pinball": "#92400e",
    "dpo": "#831843",
    "distillation": "#3f6212",
    "charbonnier": "#065f46",
    "box_iou": "#5b21b6",
    "other": "#475569",
    # What is no loss: data, schedules, networks.
    "one": "#0e7490",
    "two": "#6d28d9",
    "three": "#4d7c0f",
    "ink": "#18181b",
}

STYLE = {
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=[COLOURS[name] for name in ("one", "two", "three", "ink", "other")]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "figure.figsize": (6.4, 3.6),
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "grid.color": "#d4d4d8",
    "grid.linewidth": 0.6,
    "image.composite_image": False,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "svg.fonttype": "none",  # text stays text: smaller, and found by a search in the page
    "svg.hashsalt": "lossref",
}

ET.register_namespace("", "http://www.w3.org/2000/svg")
ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")

_ATTRIBUTE = re.compile(r'( (?:d|x|y|transform)=")([^"]*)')
_NUMBER = re.compile(r"-?\d+\.\d+")


def svg(figure: Figure) -> str:
    """Draw a figure as SVG, coordinates rounded to a tenth of a point: smaller, and blind to the last bit."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the layout is settled: drawing again must not move anything
    for axes in figure.axes:
        left, bottom, width, height = (round(edge, 4) for edge in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    drawn = out.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    return _ATTRIBUTE.sub(lambda part: part[1] + _NUMBER.sub(lambda n: f"{float(n[0]):.1f}", part[2]), drawn)


def drawing(figure: Figure) -> ET.Element:
    """Draw a figure as SVG elements that can stand in the page itself, where parts can move and link."""
    root = ET.fromstring(svg(figure))
    for metadata in root.findall("{*}metadata"):
        root.remove(metadata)
    return root


def framed(
    root: ET.Element, kind: str, figure: Figure, alt: str, caption: str, data: str = "", control: str = ""
) -> str:
    """Write a drawing as HTML, in its natural width at most, with what it shows and a caption."""
    root.set("aria-label", alt)
    return (
        f'<figure class="{kind}" style="max-width: {figure.get_figwidth() * 96:.0f}px"{data}>\n'
        f"{ET.tostring(root, encoding='unicode')}\n"
        f"{control}<figcaption>{html.escape(caption)}</figcaption>\n</figure>"
    )


def use_style() -> None:
    """Give every figure of this notebook the book's look, and show it as SVG."""
    mpl.rcParams.update(STYLE)  # type: ignore[arg-type]
    if (shell := get_ipython()) and shell.display_formatter:
        set_matplotlib_formats("svg")  # type: ignore[no-untyped-call]
        shell.display_formatter.formatters["image/svg+xml"].for_type(Figure, svg)
