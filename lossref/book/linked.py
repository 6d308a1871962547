"""A figure whose texts are links, for readers with a mouse, a finger, a keyboard or a screen reader."""

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from lossref.book.figures import drawing, framed

_XLINK = "{http://www.w3.org/1999/xlink}href"


class Linked:
    """A matplotlib figure in the page itself, so that a text with a `url` is a link.

    Args:
        figure: The figure. A linked text stands on one line: each line would be a link of its own.
        alt: What the figure shows, in a full sentence.
        caption: A sentence under the figure.

    Raises:
        ValueError: If nothing in the figure has a `url`.
    """

    def __init__(self, figure: Figure, *, alt: str, caption: str) -> None:
        root = drawing(figure)
        plt.close(figure)  # shown here, not a second time by the notebook
        links = root.findall(".//{*}a")
        if not links:
            raise ValueError("no text of the figure has a url: show the figure itself")
        for link in links:
            link.attrib = {"href": link.attrib[_XLINK]}
        root.set("role", "group")  # "img" would hide the links in it from a screen reader
        self._count = len(links)
        self._html = framed(root, "linked", figure, alt, caption)

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return f"A figure with {self._count} links."
