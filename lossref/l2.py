"""The L2 loss: the mean squared error."""

from torch import Tensor

from lossref._inputs import at_least_float32, check_real, difference, weight_like
from lossref._reduction import Reduction, reduce


@at_least_float32
def mse_loss(
    input: Tensor,
    target: Tensor,
    *,
    reduction: Reduction = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    r"""Measure the squared error of `input` against `target`.

    .. math::
        \ell(x, y) = (x - y)^2

    Args:
        input: The predictions :math:`x`, of any shape; real.
        target: The values :math:`y` to be met, of the shape of `input`; real.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements, or by the sum of `weight` where it is given.
        weight: What each element counts, of the shape of `input`.

    Returns:
        The loss, not negative; a scalar, or of the shape of `input` for ``"none"``.

    Raises:
        NotImplementedError: If neither `input` nor `target` is floating point, or one is complex; if
            `weight` is complex.
        RuntimeError: If the shapes cannot be broadcast, or one of the two is bool.
        ValueError: If `reduction` is none of the three, or `weight` has another shape than `input`.

    Warns:
        UserWarning: If the shapes differ and are broadcast.

    Note:
        The gradient is twice the residual, so an error pulls in proportion to its size, and the best
        constant prediction is where all pulls balance: the mean. One outlier can move it anywhere.

    Differs from torch:
        `weight` never changes the dtype of the result. Where `input` is broadcast, the weighted mean
        divides by the weights of all elements. A bool `target` raises, and with a `weight` so do integers
        and complex numbers.

    Source:
        A.-M. Legendre (1805), *Nouvelles méthodes pour la détermination des orbites des comètes*;
        C. F. Gauss (1809), *Theoria motus corporum coelestium*.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0, 7.0])
        >>> mse_loss(x, torch.tensor([1.0, 4.0, 3.0]), reduction="none")
        tensor([ 0.,  4., 16.])
    """
    check_real(input, target)
    residual = difference(input, target)
    loss = residual * residual
    divisor = None
    if weight is not None:
        weight = weight_like(input, weight, loss)
        loss, divisor = weight * loss, weight.sum()
    return reduce(loss, reduction, divisor=divisor)
