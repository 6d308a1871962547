"""The hinge for classes, as in a support vector machine: of one class, and of several."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lossref._classes import at_class, is_other_class, spread, sums
from lossref._inputs import at_least_float32, check_floating, check_weight, number, values_are_known
from lossref._reduction import Reduction, check_reduction, reduce


def _check_input(input: Tensor) -> None:
    check_floating("input", input)
    if input.dim() > 2 or (input.dim() and not input.shape[-1]):
        raise RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, "
            f"but got: {list(input.shape)}: input must have the shape (N, C) or (C), with at least one class"
        )


def _check_classes(target: Tensor, lowest: int, classes: int) -> None:
    if target.dtype != torch.int64:
        found = target.type().rpartition(".")[2].removesuffix("Tensor")
        raise RuntimeError(f"target must hold class indices: expected scalar type Long but found {found}")
    if target.numel() and values_are_known(target):
        wrong = (target < lowest) | (target >= classes)
        if wrong.any():
            raise RuntimeError(
                f"target out of range: class indices must be from {lowest} to {classes - 1}, "
                f"got {target[wrong][0]}"
            )


@at_least_float32
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure by how much the other classes come near the score of the true one, or above.

    .. math::
        \ell(x, y) = \frac{w_y}{C} \sum_{c \ne y} \left[\max(0, m - x_y + x_c)\right]^p

    Args:
        input: The scores :math:`x_c`, of shape (N, C) or (C); floating point.
        target: The true classes :math:`y`, int64, from 0 to C - 1; of shape (N), or () for (C).
        p: The power :math:`p`, 1 or 2.
        margin: By how much the true class should be ahead, :math:`m`; real.
        weight: What each class counts where it is the true one, :math:`w_y`, of shape (C).
        reduction: ``"none"`` returns the loss of each row, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of rows, with or without `weight`.

    Returns:
        The loss, not negative; a scalar, or of the shape (N) for ``"none"``.

    Raises:
        NotImplementedError: If `input` is not floating point, or `weight` is complex.
        RuntimeError: If a shape does not fit, if `target` is not int64, or holds a class out of range.
            Classes go unchecked where they cannot be seen: under ``torch.compile`` and ``torch.func``,
            on the meta device, in a DTensor.
        TypeError: If `p` or `margin` is no number.
        ValueError: If `p` is neither 1 nor 2, if `weight` has not one dimension, or `reduction` is
            none of the three.

    Note:
        A row whose true class is ahead by the margin has loss 0 and no gradient: only the others, the
        support vectors, still teach. At zero scores the loss is (C - 1) / C, since the sum over the
        wrong classes is divided by the number of all.

    Differs from torch:
        The mean over no rows is nan, where torch returns what stood in memory. A nan in `input` is
        kept, where torch returns 0. There are second derivatives, half precision, and a gradient of
        `weight`, which may be of any real dtype (torch needs that of `input`) and never changes that of
        the result.

    Source:
        J. Weston, C. Watkins (1999), *Support Vector Machines for Multi-Class Pattern Recognition*,
        European Symposium on Artificial Neural Networks.

    Example:
        >>> import torch
        >>> scores = torch.tensor([[2.0, 0.0, 0.5], [0.0, 0.0, 0.0]])
        >>> multi_margin_loss(scores, torch.tensor([0, 2]), reduction="none")
        tensor([0.0000, 0.6667])
    """
    check_reduction(reduction)
    power, margin = number("p", p), number("margin", margin)
    if power not in (1, 2):
        raise ValueError(f"only p == 1 and p == 2 supported, got {power:g}")
    _check_input(input)
    x = input if input.dim() == 2 else input.reshape(1, -1)
    if target.shape != x.shape[:1] and not (len(x) == 1 and target.dim() == 0):
        raise RuntimeError(
            "target tensor should be 1-D with size equal to the number of rows. "
            f"Expected target size {list(x.shape[:1])}, but got {list(target.shape)}"
        )
    if weight is not None:
        check_weight("weight", weight)
        if weight.dim() != 1:
            raise ValueError(f"weight must be one-dimensional, got {tuple(weight.shape)}")
        if weight.shape != x.shape[1:]:
            raise RuntimeError(
                f"inconsistent weight size, expected {x.shape[1]} but got {list(weight.shape)}"
            )
    _check_classes(target, 0, x.shape[1])
    y, weight = spread(target.reshape(-1), x), None if weight is None else spread(weight, x)
    (ahead,) = at_class(x, y, 1, x)
    gap = F.relu(torch.where(is_other_class(x, y, 1), margin - ahead.unsqueeze(1) + x, 0.0))
    loss = sums(1, gap if power == 1 else gap**power)[0] / x.shape[1]  # the power of 1 costs a pass
    if weight is not None:
        loss = at_class(x, y, 1, weight.to(x.dtype))[0] * loss
    return reduce(loss.reshape(target.shape), reduction)


@at_least_float32
def multilabel_margin_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""Measure by how much the classes that do not hold come near those that do, or above.

    .. math::
        \ell(x, Y) = \frac{1}{C} \sum_{y \in Y} \sum_{c \notin Y} \max(0, 1 - x_y + x_c)

    Args:
        input: The scores :math:`x_c`, of shape (N, C) or (C); floating point.
        target: For each row the list :math:`Y` of the classes that hold, int64, which ends at the
            first -1; of the shape of `input`. It is no row of zeros and ones.
        reduction: ``"none"`` returns the loss of each row, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of rows.

    Returns:
        The loss, not negative; a scalar, or of the shape (N) for ``"none"``.

    Raises:
        NotImplementedError: If `input` is not floating point.
        RuntimeError: If the shapes differ, if `target` is not int64, or holds a class out of range.
            Classes go unchecked where they cannot be seen: under ``torch.compile`` and ``torch.func``,
            on the meta device, in a DTensor.
        ValueError: If `reduction` is none of the three.

    Note:
        Each class that holds is to be ahead of each that does not: the loss ranks, and sets no
        threshold. A row of zeros and ones is a list of the classes 0 and 1, and raises no error.

    Differs from torch:
        The mean over no rows is nan, where torch returns what stood in memory. A nan in `input` is
        kept, where torch returns 0. There are second derivatives and half precision.

    Source:
        A. Elisseeff, J. Weston (2001), *A Kernel Method for Multi-Labelled Classification*, Advances
        in Neural Information Processing Systems 14.

    Example:
        >>> import torch
        >>> scores = torch.tensor([0.1, 0.2, 0.4, 0.8])
        >>> multilabel_margin_loss(scores, torch.tensor([3, 0, -1, 1]))
        tensor(0.8500)
    """
    check_reduction(reduction)
    _check_input(input)
    one = max(input.dim(), target.dim()) < 2 and input.numel() == target.numel() == 1
    if target.shape != input.shape and not one:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}"
        )
    x = input if input.dim() == 2 else input.reshape(1, -1)
    _check_classes(target, -1, x.shape[1])
    y = spread(target.reshape(x.shape), x)
    listed = ((y < 0).cumsum(1) == 0).long()  # up to the first -1
    times = torch.zeros_like(y).scatter_add(1, y.clamp(min=0), listed)  # that each class is in the list
    gap = F.relu(1 - x.unsqueeze(2) + x.unsqueeze(1))
    behind = torch.where(times.unsqueeze(1) == 0, gap, 0.0).sum(2)  # each class, of those that do not hold
    loss = torch.where(times > 0, times * behind, 0.0).sum(1) / x.shape[1]
    return reduce(loss.reshape(input.shape[: input.dim() - 1]), reduction)
