"""What the chapters share beyond the losses: one look for all figures, figures that move, tables, checks of properties.

`lossref` itself needs none of it, and does not import it. Readers who run a notebook get it with `lossref[book]`.
"""

from lossref.book.figures import COLOURS, use_style
from lossref.book.properties import (
    best_constant,
    grid,
    has_bounded_slope,
    is_convex,
    jump,
    noise_model,
    slope,
    steepest,
)
from lossref.book.show import source, table
from lossref.book.slider import Slider

__all__ = [
    "COLOURS",
    "Slider",
    "best_constant",
    "grid",
    "has_bounded_slope",
    "is_convex",
    "jump",
    "noise_model",
    "slope",
    "source",
    "steepest",
    "table",
    "use_style",
]
