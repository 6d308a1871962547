"""The negative log-likelihood of a class: the half of cross entropy that sees the label."""

import torch
from torch import Tensor

from lossref._classes import at_class, spread
from lossref._inputs import at_least_float32, check_floating, whole_number, widen
from lossref._reduction import Reduction, reduce_rows
from lossref.cross_entropy import check_target


def _check(input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int) -> None:
    check_floating("input", input)
    if input.dim() == 0:
        raise ValueError("input must have a dimension of classes, got a scalar")
    size = tuple(input.shape[:1] + input.shape[2:]) if input.dim() > 1 else ()
    if target.shape != size:
        raise ValueError(f"target must hold class indices, of size {size}; got {tuple(target.shape)}")
    check_target(input.shape, target, weight, ignore_index, 0.0)
    if weight is not None and widen(weight).dtype != input.dtype:
        raise RuntimeError(f"weight must have the dtype of input, {input.dtype}; got {weight.dtype}")


@at_least_float32
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the surprise at the class that came true, given the log-probability of each class.

    .. math::
        \ell(x, y) = -w_y x_y

    Args:
        input: The log-probabilities :math:`x_c`, of shape (C), (N, C) or (N, C, d1, ..., dK); as
            `log_softmax` returns them.
        target: The index :math:`y` of the true class, int64 or uint8, from 0 to C - 1, of the shape of
            `input` without C.
        weight: What each class counts, :math:`w_c`, of shape (C).
        ignore_index: A target index whose rows count for nothing: loss 0, gradient 0.
        reduction: ``"none"`` returns the loss of each row, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the summed weights of the true classes of the rows that are not ignored.

    Returns:
        The loss, not negative where `input` is not positive; a scalar, or of the shape of `input`
        without C for ``"none"``.

    Raises:
        IndexError: If a class index is out of range. It goes unchecked where it cannot be seen:
            under ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.
        NotImplementedError: If `input` is not floating point, or `weight` is complex.
        RuntimeError: If a dtype does not fit, or `weight` has another shape than (C).
        TypeError: If `ignore_index` is no int.
        ValueError: If the shape of `target` does not fit, or `reduction` is none of the three.

    Note:
        Only the true class has a gradient, and it is the same for all inputs. That the other classes are
        pulled down is the work of `log_softmax`: the two together are :func:`cross_entropy`. Without it
        the loss falls without end; probabilities in the place of their logarithms give one below 0.

    Differs from torch:
        The mean over rows that are spread over devices is exact. `weight` has a gradient too, and may be in
        half precision where `input` is not, or the other way round with float32. Shapes that
        do not fit always raise a ValueError; a single row (C) needs a target of shape (). In half
        precision the mean is added up in float32: over 70 000 rows, torch returns nan in float16.

    Source:
        R. A. Fisher (1922), *On the Mathematical Foundations of Theoretical Statistics*, Philosophical
        Transactions of the Royal Society A 222.

    Example:
        >>> import torch
        >>> p = torch.tensor([[0.75, 0.25], [0.5, 0.5]])
        >>> nll_loss(p.log(), torch.tensor([1, 0]), reduction="none")
        tensor([1.3863, 0.6931])
    """
    ignore_index = whole_number("ignore_index", ignore_index)
    _check(input, target, weight, ignore_index)
    dim = 0 if input.dim() == 1 else 1  # where the classes are
    target, weight = spread(target, input), None if weight is None else spread(weight, input)
    index = torch.where(target.long() == ignore_index, -1, target.long())
    if weight is None:
        (chosen,), counts = at_class(input, index, dim, input), index >= 0
        return reduce_rows(0.0 - chosen, counts, reduction)
    weights = widen(weight).view(-1, *[1] * (input.dim() - 1 - dim))
    chosen, counts = at_class(input, index, dim, input, weights)
    return reduce_rows(0.0 - counts * chosen, counts, reduction)
