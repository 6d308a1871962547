"""The losses of boxes: how little of two boxes is common to both, and where the one should go."""

import math

import torch
from torch import Tensor

from lossref._boxes import area, check_boxes, distance, overlap, share
from lossref._inputs import at_least_float32
from lossref._reduction import Reduction, check_reduction, reduce


@at_least_float32
def box_iou_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""Measure how much of the area of two boxes is not common to both.

    .. math::
        \begin{aligned}
        \ell(x, y) &= 1 - \frac{I}{U} \\
        I &= \max(0, w) \max(0, h) \\
        w &= \min(x_3, y_3) - \max(x_1, y_1) \\
        h &= \min(x_4, y_4) - \max(x_2, y_2) \\
        U &= A(x) + A(y) - I \\
        A(x) &= (x_3 - x_1) (x_4 - x_2)
        \end{aligned}

    Args:
        input: The predicted boxes :math:`x`, of shape (..., 4): left, top, right and bottom edge, with
            left <= right and top <= bottom; real.
        target: The true boxes :math:`y`, of the same shape.
        reduction: ``"none"`` returns the loss of each pair, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of pairs.

    Returns:
        The loss, from 0 (the same box) to 1 (nothing in common); a scalar, or of the shape without
        the 4 for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If the shapes differ, or do not end in 4.
        ValueError: If a box has its right edge left of its left one, or its bottom above its top, or
            `reduction` is none of the three. Edges go unchecked where they cannot be seen: under
            ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.

    Note:
        Boxes that do not meet have the loss 1 and the gradient 0, however far apart they are. Two
        boxes without any area have the loss 1 and the gradient 0 too, even if they are the same.
        Moved or scaled together, two boxes keep their loss. A width is right minus left, without the
        1 that counts of pixels add. torchvision 0.29.1 has no such loss, but
        :func:`generalized_box_iou_loss` and the others, with the default ``reduction="none"``.

    Source:
        J. Yu et al. (2016), *UnitBox: An Advanced Object Detection Network*, ACM International
        Conference on Multimedia, which takes the logarithm.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]])
        >>> y = torch.tensor([[1.0, 1.0, 3.0, 3.0], [3.0, 3.0, 4.0, 4.0]])
        >>> box_iou_loss(x, y, reduction="none")
        tensor([0.8571, 1.0000])
    """
    check_reduction(reduction)
    x, y = check_boxes(input, target)
    iou, _, _ = overlap(x, y)
    return reduce(1 - iou, reduction)


@at_least_float32
def generalized_box_iou_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""Measure what :func:`box_iou_loss` does, and how much of the box around both is neither.

    .. math::
        \begin{aligned}
        \ell(x, y) &= 1 - \frac{I}{U} + \frac{W H - U}{W H} \\
        W &= \max(x_3, y_3) - \min(x_1, y_1) \\
        H &= \max(x_4, y_4) - \min(x_2, y_2) \\
        I &= \max(0, w) \max(0, h) \\
        w &= \min(x_3, y_3) - \max(x_1, y_1) \\
        h &= \min(x_4, y_4) - \max(x_2, y_2) \\
        U &= A(x) + A(y) - I \\
        A(x) &= (x_3 - x_1) (x_4 - x_2)
        \end{aligned}

    Args:
        input: The predicted boxes :math:`x`, of shape (..., 4): left, top, right and bottom edge, with
            left <= right and top <= bottom; real.
        target: The true boxes :math:`y`, of the same shape.
        reduction: ``"none"`` returns the loss of each pair, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of pairs.

    Returns:
        The loss, from 0 (the same box) to below 2 (far apart; 2 can be where neither has an area); a
        scalar, or of the shape without the 4 for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If the shapes differ, or do not end in 4.
        ValueError: If a box has its right edge left of its left one, or its bottom above its top, or
            `reduction` is none of the three. Edges go unchecked where they cannot be seen: under
            ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.

    Note:
        Boxes that do not meet are pulled together. Where one box contains the other, the box around
        both is the larger one, and this is the loss of :func:`box_iou_loss`. Nothing is added to a
        divisor, so that a box with an area has the loss 0 with itself; torchvision 0.29.1 adds 1e-7,
        and gives 0.091 at a side of 0.001, 0.909 at 0.0001.

    Source:
        H. Rezatofighi et al. (2019), *Generalized Intersection over Union: A Metric and a Loss for
        Bounding Box Regression*, IEEE Conference on Computer Vision and Pattern Recognition.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]])
        >>> y = torch.tensor([[1.0, 1.0, 3.0, 3.0], [3.0, 3.0, 4.0, 4.0]])
        >>> generalized_box_iou_loss(x, y, reduction="none")
        tensor([1.0794, 1.8750])
    """
    check_reduction(reduction)
    x, y = check_boxes(input, target)
    iou, union, hull = overlap(x, y)
    return reduce(1 - iou + share(area(hull) - union, area(hull)), reduction)


@at_least_float32
def distance_box_iou_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""Measure what :func:`box_iou_loss` does, and how far the centres of the two boxes are apart.

    .. math::
        \begin{aligned}
        \ell(x, y) &= 1 - \frac{I}{U} + \frac{p^2 + q^2}{W^2 + H^2} \\
        p &= \frac{x_1 + x_3}{2} - \frac{y_1 + y_3}{2} \\
        q &= \frac{x_2 + x_4}{2} - \frac{y_2 + y_4}{2} \\
        W &= \max(x_3, y_3) - \min(x_1, y_1) \\
        H &= \max(x_4, y_4) - \min(x_2, y_2) \\
        I &= \max(0, w) \max(0, h) \\
        w &= \min(x_3, y_3) - \max(x_1, y_1) \\
        h &= \min(x_4, y_4) - \max(x_2, y_2) \\
        U &= A(x) + A(y) - I \\
        A(x) &= (x_3 - x_1) (x_4 - x_2)
        \end{aligned}

    Args:
        input: The predicted boxes :math:`x`, of shape (..., 4): left, top, right and bottom edge, with
            left <= right and top <= bottom; real.
        target: The true boxes :math:`y`, of the same shape.
        reduction: ``"none"`` returns the loss of each pair, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of pairs.

    Returns:
        The loss, from 0 (the same box) to below 2 (far apart; 2 can be where neither has an area); a
        scalar, or of the shape without the 4 for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If the shapes differ, or do not end in 4.
        ValueError: If a box has its right edge left of its left one, or its bottom above its top, or
            `reduction` is none of the three. Edges go unchecked where they cannot be seen: under
            ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.

    Note:
        Boxes that do not meet are pulled together, and a box within another to its middle. Where the
        centres are the same, this is the loss of :func:`box_iou_loss`. Nothing is added to a divisor:
        torchvision 0.29.1 adds 1e-7, and gives a box of the side 0.0001 the loss 0.909 with itself.

    Source:
        Z. Zheng et al. (2020), *Distance-IoU Loss: Faster and Better Learning for Bounding Box
        Regression*, AAAI Conference on Artificial Intelligence.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]])
        >>> y = torch.tensor([[1.0, 1.0, 3.0, 3.0], [3.0, 3.0, 4.0, 4.0]])
        >>> distance_box_iou_loss(x, y, reduction="none")
        tensor([0.9683, 1.5625])
    """
    check_reduction(reduction)
    x, y = check_boxes(input, target)
    iou, _, hull = overlap(x, y)
    return reduce(1 - iou + distance(x, y, hull), reduction)


@at_least_float32
def complete_box_iou_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""Measure what :func:`distance_box_iou_loss` does, and how much the shapes of the two boxes differ.

    .. math::
        \begin{aligned}
        \ell(x, y) &= 1 - \frac{I}{U} + \frac{p^2 + q^2}{W^2 + H^2} \\
        &+ \operatorname{sg}(\alpha) v \\
        \alpha &= \frac{v}{1 - \frac{I}{U} + v} \\
        v &= \frac{4}{\pi^2} (\theta(x) - \theta(y))^2 \\
        \theta(x) &= \arctan\left( \frac{x_3 - x_1}{x_4 - x_2} \right) \\
        p &= \frac{x_1 + x_3}{2} - \frac{y_1 + y_3}{2} \\
        q &= \frac{x_2 + x_4}{2} - \frac{y_2 + y_4}{2} \\
        W &= \max(x_3, y_3) - \min(x_1, y_1) \\
        H &= \max(x_4, y_4) - \min(x_2, y_2) \\
        I &= \max(0, w) \max(0, h) \\
        w &= \min(x_3, y_3) - \max(x_1, y_1) \\
        h &= \min(x_4, y_4) - \max(x_2, y_2) \\
        U &= A(x) + A(y) - I \\
        A(x) &= (x_3 - x_1) (x_4 - x_2)
        \end{aligned}

    Args:
        input: The predicted boxes :math:`x`, of shape (..., 4): left, top, right and bottom edge, with
            left <= right and top <= bottom; real.
        target: The true boxes :math:`y`, of the same shape.
        reduction: ``"none"`` returns the loss of each pair, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of pairs.

    Returns:
        The loss, from 0 (the same box) to below 2.5; a scalar, or of the shape without the 4 for
        ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If the shapes differ, or do not end in 4.
        ValueError: If a box has its right edge left of its left one, or its bottom above its top, or
            `reduction` is none of the three. Edges go unchecked where they cannot be seen: under
            ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.

    Note:
        The weight :math:`\alpha` is taken for a constant ("sg", stop gradient), as its authors do. So
        the gradient is *not* that of the value, and a numerical check of it fails. A box without width
        and height has no shape, and :math:`v = 0`. Where both boxes have the same shape, this is the
        loss of :func:`distance_box_iou_loss`. torchvision 0.29.1 gives nan, in value and gradient, for
        a box without width and height.

    Source:
        Z. Zheng et al. (2020), *Distance-IoU Loss: Faster and Better Learning for Bounding Box
        Regression*, AAAI Conference on Artificial Intelligence.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([0.0, 0.0, 2.0, 4.0]), torch.tensor([0.0, 0.0, 4.0, 2.0])
        >>> complete_box_iou_loss(x, y), distance_box_iou_loss(x, y)
        (tensor(0.7629), tensor(0.7292))
    """
    check_reduction(reduction)
    x, y = check_boxes(input, target)
    iou, _, hull = overlap(x, y)
    (a, b), (c, d) = ((box[..., 2:] - box[..., :2]).unbind(-1) for box in (x, y))
    # One angle between the shapes, not the difference of two: what they share does not cancel.
    across, along = a * d - b * c, a * c + b * d
    v = torch.atan2(across, torch.where((across == 0) & (along == 0), 1.0, along)) ** 2 * (4 / math.pi**2)
    alpha = share(v, 1 - iou + v).detach()
    return reduce(1 - iou + distance(x, y, hull) + alpha * v, reduction)
