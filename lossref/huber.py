"""The Huber loss, and Smooth L1, which is the Huber loss divided by its threshold."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lossref._classes import is_spread
from lossref._inputs import at_least_float32, check_real, difference, number, weight_like
from lossref._reduction import Reduction, reduce


def clip(residual: Tensor, limit: float) -> Tensor:
    """Clip `residual` to [-limit, limit]."""
    # Not with clamp, whose slope at the limits themselves is 1: that of torch's Huber loss is 0 there.
    if is_spread(residual):  # DTensor knows no hardtanh
        return -F.threshold(-F.threshold(residual, -limit, -limit), -limit, -limit)
    return F.hardtanh(residual, -limit, limit)


@at_least_float32
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: Reduction = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    r"""Measure small errors by half their square, large ones by their size.

    .. math::
        \begin{aligned}
        \ell(x, y) &= \begin{cases}
            \frac{1}{2} r^2 & \text{if } \lvert r \rvert < \delta \\
            \delta \left( \lvert r \rvert - \frac{1}{2} \delta \right) & \text{otherwise}
        \end{cases} \\
        r &= x - y
        \end{aligned}

    Args:
        input: The predictions :math:`x`, of any shape; real.
        target: The values :math:`y` to be met, of the shape of `input`; real.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements, with or without `weight`.
        delta: The error :math:`\delta` from which the loss grows along a line, :math:`\delta > 0`.
        weight: What each element counts, of the shape of `input`.

    Returns:
        The loss, not negative; a scalar, or of the shape of `input` for ``"none"``.

    Raises:
        NotImplementedError: If neither `input` nor `target` is floating point, or one is complex; if
            `weight` is complex.
        RuntimeError: If `delta` is not positive, one of the two is bool, or the shapes cannot be broadcast.
        TypeError: If `delta` is no number.
        ValueError: If `reduction` is none of the three, or `weight` has another shape than `input`.

    Warns:
        UserWarning: If the shapes differ and are broadcast.

    Note:
        The gradient is that of half the squared error, clipped to :math:`[-\delta, \delta]`: the
        Huber loss is gradient clipping, done for each example on its own.

    Differs from torch:
        Mixed dtypes promote as in the other losses (torch takes the dtype of `input`, and its
        backward then fails). A bool `target` raises. `weight` never changes the dtype of the result.

    Source:
        P. J. Huber (1964), *Robust Estimation of a Location Parameter*,
        Annals of Mathematical Statistics 35.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0, 7.0])
        >>> y = torch.tensor([1.0, 2.5, 3.0])
        >>> huber_loss(x, y, reduction="none")
        tensor([0.0000, 0.1250, 3.5000])
    """
    delta = number("delta", delta)
    if not delta > 0:
        raise RuntimeError(
            f"delta must be positive: huber_loss does not support non-positive values for delta. Got {delta}"
        )
    check_real(input, target)
    residual = difference(input, target)
    clipped = clip(residual, min(delta, torch.finfo(residual.dtype).max))
    loss = clipped * (residual - clipped / 2)
    if weight is not None:
        loss = weight_like(input, weight, loss) * loss
    return reduce(loss, reduction)


@at_least_float32
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    *,
    reduction: Reduction = "mean",
    beta: float = 1.0,
) -> Tensor:
    r"""Measure errors by their size, with the kink at zero rounded off.

    .. math::
        \begin{aligned}
        \ell(x, y) &= \begin{cases}
            \frac{1}{2 \beta} r^2 & \text{if } \lvert r \rvert < \beta \\
            \lvert r \rvert - \frac{1}{2} \beta & \text{otherwise}
        \end{cases} \\
        r &= x - y
        \end{aligned}

    Args:
        input: The predictions :math:`x`, of any shape; real.
        target: The values :math:`y` to be met, of the shape of `input`; real.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements.
        beta: The error :math:`\beta` up to which the kink is rounded, :math:`\beta \ge 0`; at 0 the
            loss is :func:`l1_loss`.

    Returns:
        The loss, not negative; a scalar, or of the shape of `input` for ``"none"``.

    Raises:
        NotImplementedError: If neither `input` nor `target` is floating point, or one is complex.
        RuntimeError: If `beta` is negative, one of the two is bool, or the shapes cannot be broadcast.
        TypeError: If `beta` is no number.
        ValueError: If `reduction` is none of the three.

    Warns:
        UserWarning: If the shapes differ and are broadcast.

    Note:
        This is the Huber loss divided by :math:`\beta`. The two agree at 1 and part elsewhere: the
        slope of the tails is 1 here and :math:`\delta` there, so a smaller :math:`\beta` sharpens
        the kink where a smaller :math:`\delta` shrinks the whole loss.

    Differs from torch:
        A bool `target` raises.

    Source:
        R. Girshick (2015), *Fast R-CNN*, IEEE International Conference on Computer Vision.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0, 7.0])
        >>> y = torch.tensor([1.0, 2.5, 3.0])
        >>> smooth_l1_loss(x, y, reduction="none", beta=2.0)
        tensor([0.0000, 0.0625, 3.0000])
    """
    beta = number("beta", beta)
    if not beta >= 0:
        raise RuntimeError(
            f"beta must not be negative: smooth_l1_loss does not support negative values for beta. Got {beta}"
        )
    check_real(input, target)
    residual = difference(input, target)
    smallest, largest = torch.finfo(residual.dtype).tiny, torch.finfo(residual.dtype).max
    if beta < smallest:  # the kink is sharper than numbers are
        return reduce(residual.abs(), reduction)
    clipped = clip(residual, min(beta, largest))
    slope = clipped / min(beta, largest)
    if beta > largest:
        slope = slope * (largest / beta)
    return reduce(slope * (residual - clipped / 2), reduction)
