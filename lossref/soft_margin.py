"""The soft margin: the logistic loss, of one label of plus or minus one, and of many yes or no."""

import torch
from torch import Tensor

from lossref._inputs import at_least_float32, check_floating, factor, real
from lossref._numerics import softplus
from lossref._reduction import Reduction, reduce


def _check_size(loss: Tensor, input: Tensor, target: Tensor) -> None:
    """Refuse a target that has enlarged the loss."""
    if loss.shape != input.shape:
        raise RuntimeError(
            f"target must broadcast to the size of input, {tuple(input.shape)}; got {tuple(target.shape)}"
        )


@at_least_float32
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the surprise at a label of plus or minus one, of which `input` is the log-odds.

    .. math::
        \ell(x, y) = \log\left(1 + e^{-y x}\right)

    Args:
        input: The scores :math:`x`, of any shape; floating point.
        target: The labels :math:`y`, 1 or -1, of a shape that broadcasts to that of `input`.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements.

    Returns:
        The loss, not negative; a scalar, or of the shape of `input` for ``"none"``.

    Raises:
        NotImplementedError: If `input` is not floating point, or `target` is complex, or of a dtype
            that cannot hold -1: bool or unsigned.
        RuntimeError: If `target` does not broadcast to the shape of `input`.
        ValueError: If `reduction` is none of the three.

    Note:
        This is :func:`binary_cross_entropy_with_logits` with other labels: -1 is its 0. With 0 for a no
        the loss is :math:`\log 2` there, whatever `input` is, and nothing is learned from it.

    Differs from torch:
        The loss and its gradient stay finite: at the margin -89 torch returns inf and nan in float32.
        There are all further derivatives, and a gradient of `target`. Mixed dtypes promote (torch takes
        the dtype of `input`). Labels that are bool or unsigned raise; with unsigned ones torch's
        gradient is wrong.

    Source:
        J. Friedman, T. Hastie, R. Tibshirani (2000), *Additive Logistic Regression: A Statistical View
        of Boosting*, Annals of Statistics 28.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([0.0, 2.0, -100.0]), torch.tensor([1, -1, 1])
        >>> soft_margin_loss(x, y, reduction="none")
        tensor([  0.6931,   2.1269, 100.0000])
    """
    check_floating("input", input)
    if not target.dtype.is_signed:
        raise NotImplementedError(f"target must hold labels 1 and -1, got {target.dtype}, which has no -1")
    x, y = real(input=input, target=target)
    loss = softplus(x * -y)
    _check_size(loss, x, y)
    return reduce(loss, reduction)


@at_least_float32
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the surprise at many labels of yes or no for each row, of which `input` has the log-odds.

    .. math::
        \ell(x, y) = \frac{1}{C} \sum_{c=1}^{C} w_c \left[ y_c \log\left(1 + e^{-x_c}\right)
        + (1 - y_c) \log\left(1 + e^{x_c}\right) \right]

    Args:
        input: The logits :math:`x_c`, of shape (..., C): the classes are the last dimension.
        target: The labels :math:`y_c`, 1 for yes and 0 for no, of the shape of `input`.
        weight: What each class counts, :math:`w_c`, of shape (C), or another that broadcasts to that of
            `input`.
        reduction: ``"none"`` returns the loss of each row, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of rows.

    Returns:
        The loss, not negative for labels in [0, 1]; a scalar, or of the shape of `input` without C for
        ``"none"``.

    Raises:
        IndexError: If `input` has no dimension.
        NotImplementedError: If `input` is not floating point, or `target` or `weight` is complex.
        RuntimeError: If `target` is bool, or does not broadcast to the shape of `input`, or `weight`
            does not.
        ValueError: If `reduction` is none of the three.

    Note:
        Each class is a question of its own, so this is the mean of
        :func:`binary_cross_entropy_with_logits` over them. The labels are 0 and 1, where
        :func:`soft_margin_loss` has -1 and 1: a label of -1 is no padding, and counts.

    Differs from torch:
        Loss and gradient are exact on rows that are spread over devices. A `weight` or `target` that
        would enlarge the loss raises, and so do complex ones. `weight` never changes the dtype of the result.

    Source:
        D. R. Cox (1958), *The Regression Analysis of Binary Sequences*, Journal of the Royal
        Statistical Society B 20.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([[0.0, 2.0], [0.0, 0.0]]), torch.tensor([[1, 1], [0, 1]])
        >>> multilabel_soft_margin_loss(x, y, reduction="none")
        tensor([0.4100, 0.6931])
    """
    check_floating("input", input)
    if input.dim() == 0:
        raise IndexError("input must have a dimension of classes, got a scalar")
    if target.dtype == torch.bool:
        raise RuntimeError("target must hold numbers 1 and 0, got torch.bool")
    x, y = real(input=input, target=target)
    loss = y * softplus(-x) + (1 - y) * softplus(x)
    _check_size(loss, x, y)
    if weight is not None:
        loss = factor("weight", weight, loss) * loss
    return reduce(loss.sum(-1) / x.shape[-1], reduction)
