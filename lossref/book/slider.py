"""A figure with a slider that needs no kernel and no library in the page."""

import html
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from lossref.book.figures import drawing, framed

Value = TypeVar("Value")

# Only chooses among what was drawn: for each part that moves, [element, attribute ("" for its text), values].
_CHOOSE = (
    "const figure = this.closest('figure'), all = figure.querySelectorAll('svg *'),"
    " text = JSON.parse(figure.dataset.texts)[this.value];"
    " for (const [element, attribute, values] of JSON.parse(figure.dataset.moving))"
    " attribute ? all[element].setAttribute(attribute, values[this.value])"
    " : all[element].textContent = values[this.value];"
    " this.setAttribute('aria-valuetext', text); figure.querySelector('output').textContent = text;"
)


def _json(value: object) -> str:
    """Write a value for an attribute in single quotes, where double quotes may stand: no long escapes."""
    return html.escape(json.dumps(value, separators=(",", ":")), quote=False).replace("'", "&#39;")


class Slider:
    """A matplotlib figure drawn once for each value of a parameter, and a slider that chooses one of them.

    Args:
        figure: The figure, its limits, legend and ticks fixed.
        draw: Called with each value; moves lines, markers or texts of the figure.
        values: What the slider chooses among, in order.
        label: What the values are, with the unit if there is one: the slider's name.
        start: The value that is shown first, and in print.
        alt: What the figure shows, in a full sentence, for those who cannot see it.
        caption: A sentence under the figure that says what to try and what to look for.
        text: How a value is written beside the slider.

    Raises:
        ValueError: If `start` is not among the values, or the values need drawings with different parts.
    """

    def __init__(
        self,
        figure: Figure,
        draw: Callable[[Value], object],
        values: Sequence[Value],
        *,
        label: str,
        start: Value,
        alt: str,
        caption: str,
        text: Callable[[Value], str] = "{:g}".format,
    ) -> None:
        if start not in values:
            raise ValueError(f"start must be one of the values, got {start!r} for {list(values)}")
        first = list(values).index(start)
        roots, frames = [], []
        for value in values:
            draw(value)
            root = drawing(figure)
            roots.append(root)
            frames.append(list(root.iter())[1:])
        plt.close(figure)  # shown by the slider, not a second time by the notebook
        if len({tuple(part.tag for part in parts) for parts in frames}) > 1:
            raise ValueError(
                "draw must move parts of the figure, not add or remove them: the drawings differ"
            )
        moving = []
        for index, same in enumerate(zip(*frames, strict=True)):
            columns = {name: [part.get(name, "") for part in same] for name in same[0].attrib}
            columns[""] = [part.text or "" for part in same]
            moving += [[index, name, column] for name, column in columns.items() if len(set(column)) > 1]
        root = roots[first]
        root.set("role", "img")
        self._texts = [text(value) for value in values]
        self._label = label
        data = {"moving": moving, "texts": self._texts}
        control = (
            f'<label>{html.escape(label)} <input type="range" min="0" max="{len(self._texts) - 1}"'
            f' value="{first}" aria-valuetext="{html.escape(self._texts[first])}" autocomplete="off"'
            # JupyterLab takes the arrow keys for itself unless told otherwise.
            f' data-lm-suppress-shortcuts="true" oninput="{html.escape(_CHOOSE)}">'
            f" <output>{html.escape(self._texts[first])}</output></label>\n"
        )
        attributes = "".join(f" data-{name}='{_json(value)}'" for name, value in data.items())
        self._html = framed(root, "slider", figure, alt, caption, attributes, control)

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return f"A figure with a slider: {self._label} from {self._texts[0]} to {self._texts[-1]}."
