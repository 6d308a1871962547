"""The L1 loss."""

import torch
from torch import Tensor

from lossref._inputs import at_least_float32, difference, weight_like
from lossref._reduction import Reduction, reduce


@at_least_float32
def l1_loss(
    input: Tensor,
    target: Tensor,
    *,
    reduction: Reduction = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    r"""Measure how far `input` is from `target`: the absolute error.

    .. math::
        \ell(x, y) = \lvert x - y \rvert

    Args:
        input: The predictions :math:`x`, of any shape; real or complex.
        target: The values :math:`y` to be met, of the shape of `input`; real or complex.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements, or by the sum of `weight` where it is given.
        weight: What each element counts, of the shape of `input`.

    Returns:
        The loss, not negative; a scalar, or of the shape of `input` for ``"none"``.

    Raises:
        NotImplementedError: If `weight` is complex.
        RuntimeError: If the shapes cannot be broadcast, for booleans, for unsigned integers, and for the
            mean of integers.
        TypeError: If `reduction` is given by position, where torch has `size_average`.
        ValueError: If `reduction` is none of the three, or `weight` has another shape than `input`.

    Warns:
        UserWarning: If the shapes differ and are broadcast.

    Note:
        The gradient is the sign of the residual: an error of a thousand pulls no harder than one
        of a thousandth. So the best constant prediction is the median: no single outlier carries it far.

    Differs from torch:
        `weight` never changes the dtype of a floating result, nor is it rounded to that of integers. Where
        `input` is broadcast, the weighted mean divides by the weights of all elements. Unsigned integers,
        whose difference wraps (3 - 5 is 254), raise, and so does a complex `weight`.

    Source:
        P.-S. Laplace (1774), *Mémoire sur la probabilité des causes par les évènements*.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0, 7.0])
        >>> l1_loss(x, torch.tensor([1.0, 4.0, 3.0]), reduction="none")
        tensor([0., 2., 4.])
    """
    dtype = torch.promote_types(input.dtype, target.dtype)
    if not (dtype.is_signed or dtype == torch.bool):  # subtraction refuses booleans
        raise RuntimeError(f"input and target must be signed, got {dtype}, where 3 - 5 is 254")
    loss = difference(input, target).abs()
    divisor = None
    if weight is not None:
        weight = weight_like(input, weight, loss)
        loss, divisor = weight * loss, weight.sum()
    if reduction == "mean" and not loss.is_floating_point():
        raise RuntimeError(
            f"integers have no mean: input must be floating point or complex, got {loss.dtype}"
        )
    return reduce(loss, reduction, divisor=divisor)
