"""What the chapters share beyond the losses: the look of figures, figures that move, tables, checks.

`lossref` itself does not import it. Those who run a notebook get what it needs with `lossref[book]`.
"""

from lossref.book.figures import COLOURS, use_style
from lossref.book.linked import Linked
from lossref.book.properties import (
    accepts,
    also_called,
    best_constant,
    grid,
    has_bounded_slope,
    is_bounded,
    is_convex,
    is_differentiable,
    jump,
    largest_curvature,
    noise_model,
    slope,
    steepest,
    supremum,
    unit,
    wants_one_shape,
)
from lossref.book.show import power_of_ten, scientific, source, table
from lossref.book.slider import Slider

__all__ = [
    "COLOURS",
    "Linked",
    "Slider",
    "accepts",
    "also_called",
    "best_constant",
    "grid",
    "has_bounded_slope",
    "is_bounded",
    "is_convex",
    "is_differentiable",
    "jump",
    "largest_curvature",
    "noise_model",
    "power_of_ten",
    "scientific",
    "slope",
    "source",
    "steepest",
    "supremum",
    "table",
    "unit",
    "use_style",
    "wants_one_shape",
]
