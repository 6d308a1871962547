"""Bad input as rows: what it is, what torch says, what lossref says; `test_errors.py` runs both.

Each of the two is an exception with its message (a part of it for torch; whole for lossref, or up to "..."),
or, where something is accepted, the value that comes back.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor


def ones(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.ones(shape, dtype=dtype)


def index(*values: int, dtype: torch.dtype = torch.int64) -> Tensor:
    return torch.tensor(values, dtype=dtype)


class Row(NamedTuple):
    what: str
    function: str
    input: Any
    target: Any
    options: dict[str, Any]
    torch: Any  # (type, message) or a value; None where torch has no such function
    lossref: Any


X, Y = ones(2, 3), ones(2, 3)
ANY = (Exception, "")  # what torch says is no more than that it cannot


def of_other_shapes(function: str) -> Row:
    """Return what a loss of differences says of shapes that do not broadcast."""
    return Row(
        "shapes that do not broadcast",
        function,
        X,
        ones(2),
        {},
        (RuntimeError, "must match the size of tensor b (2)"),
        (
            RuntimeError,
            "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1",
        ),
    )


def of_a_weight(function: str) -> list[Row]:
    """Return what a loss says whose weight has the size of its input."""
    return [
        Row(
            "unknown reduction, weighted",
            function,
            X,
            Y,
            {"reduction": "average", "weight": Y},
            (ValueError, "Invalid reduction mode: average"),
            (
                ValueError,
                "reduction must be 'none', 'mean' or 'sum': average is not a valid value for reduction",
            ),
        ),
        Row(
            "weight of another shape",
            function,
            X,
            Y,
            {"weight": ones(3)},
            (ValueError, "Weights and input must have the same size."),
            (ValueError, "weight must have the same size as input, (2, 3); got (3,)"),
        ),
    ]


def of_other_dtypes(function: str) -> list[Row]:
    """Return what a loss says that is computed for real floating-point numbers alone."""
    wanted = "input and target must be real, and one of them floating point; got input of"
    return [
        Row(
            f"{dtype} as input",
            function,
            X.to(dtype),
            Y.to(target),
            {},
            (NotImplementedError, f"not implemented for '{name}'"),
            (NotImplementedError, f"{wanted} {dtype} and target of {target}"),
        )
        for dtype, target, name in (
            (torch.int64, torch.int64, "Long"),
            (torch.complex64, torch.float32, "ComplexFloat"),
        )
    ]
