"""The last line of every loss: many numbers become one."""

from typing import Literal

from torch import Tensor

from lossref._classes import complete

Reduction = Literal["none", "mean", "sum"]


def check_reduction(reduction: str) -> None:
    """Refuse what is no reduction."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            f"reduction must be 'none', 'mean' or 'sum': {reduction} is not a valid value for reduction"
        )


def reduce(
    loss: Tensor,
    reduction: Reduction,
    *,
    divisor: Tensor | None = None,
) -> Tensor:
    """Return `loss` as it is, its sum, or its sum over `divisor` (by default the number of elements).

    `loss.sum() / n` and not `loss.mean()`: the gradient of a sum is one number seen from every
    element, while that of a mean fills a tensor with n copies of it.
    """
    check_reduction(reduction)
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    return loss.sum() / (loss.numel() if divisor is None else divisor)


def reduce_rows(loss: Tensor, counts: Tensor | None, reduction: Reduction) -> Tensor:
    """Reduce losses of rows; their mean is by what they count."""
    divisor = complete(counts.sum()) if reduction == "mean" and counts is not None else None
    return reduce(loss, reduction, divisor=divisor)
