"""The colours of the figures can be told from the page in both themes; in the dark one CSS filters them."""

import re
from pathlib import Path

import pytest

from lossref.book import COLOURS
from lossref.book.figures import STYLE

CSS = (Path(__file__).resolve().parent.parent / "_static" / "book.css").read_text(encoding="utf-8")
WHITE = (1.0, 1.0, 1.0)
DARK_PAGE, DARK_CARD = "#121212", "#222832"


def channels(colour):
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def contrast(one, other):
    """The ratio of WCAG, from 1 to 21."""

    def luminance(colour):
        linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
        return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def in_the_dark(colour):
    """What the style sheet's filter makes of a colour: inverted, then the hue turned by half a circle."""
    amount = float(re.search(r"filter: invert\(([\d.]+)\) hue-rotate\(180deg\);", CSS)[1])
    inverted = [amount + c * (1 - 2 * amount) for c in colour]
    grey = sum(weight * c for weight, c in zip((0.213, 0.715, 0.072), inverted, strict=True))
    return tuple(min(max(2 * grey - c, 0), 1) for c in inverted)


def test_white_becomes_the_dark_page():
    assert in_the_dark(WHITE) == pytest.approx(channels(DARK_PAGE), abs=0.005)


@pytest.mark.parametrize("name", COLOURS)
def test_colours_of_lines_and_of_text_in_them(name):
    colour = channels(COLOURS[name])
    assert contrast(colour, WHITE) >= 4.5
    assert contrast(in_the_dark(colour), channels(DARK_PAGE)) >= 4.5
    assert contrast(in_the_dark(colour), channels(DARK_CARD)) >= 3  # a curve on the home page


def test_grid_lines_stay_behind():
    assert contrast(channels(STYLE["grid.color"]), WHITE) < 2


def test_the_computation_bites():
    assert contrast((0, 0, 0), WHITE) == pytest.approx(21)
    assert contrast(channels("#777777"), WHITE) == pytest.approx(4.48, abs=0.01)
    assert contrast(in_the_dark(channels("#facc15")), channels(DARK_PAGE)) < 3  # a yellow that white drowns
