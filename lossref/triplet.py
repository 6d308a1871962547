"""The triplet losses: an anchor should be nearer to its like than to another, by a margin."""

from collections.abc import Callable

import torch
from torch import Tensor

from lossref._inputs import at_least_float32, brief, check_tensor, number, real
from lossref._reduction import Reduction, reduce


def _check_dimensions(anchor: Tensor, positive: Tensor, negative: Tensor) -> None:
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, "
            f"but got: anchor {anchor.dim()}D, positive {positive.dim()}D, "
            f"and negative {negative.dim()}D inputs"
        )


def _positive(margin: float) -> float:
    margin = number("margin", margin)
    if not margin > 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return margin


@at_least_float32
def _compare(near: Tensor, far: Tensor, margin: float, *, reduction: Reduction) -> Tensor:
    return reduce((near - far + margin).clamp(min=0), reduction)


@at_least_float32
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure by how much an anchor is not nearer to its like than to another, and the margin asked.

    .. math::
        \begin{aligned}
        \ell(a, b, c) &= \max(0, d(a, b) - d(a, c) + m) \\
        d(u, v) &= \left( \sum_{k=1}^{D} \lvert u_k - v_k + \varepsilon \rvert^p \right)^{\frac{1}{p}}
        \end{aligned}

    Args:
        anchor: The vectors :math:`a`, of shape (..., D); real.
        positive: Vectors :math:`b` that are like the anchors, of a shape that broadcasts with theirs.
        negative: Vectors :math:`c` that are not, of a shape that broadcasts with theirs.
        margin: By how much the negative should be further away, :math:`m > 0`.
        p: The power :math:`p` of the distance.
        eps: What is added to each difference, :math:`\varepsilon`.
        swap: Whether the negative's distance is the smaller of its distances to anchor and positive.
        reduction: ``"none"`` returns the loss of each triplet, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of triplets.

    Returns:
        The loss, not negative; a scalar, or of the broadcast shape without D for ``"none"``.

    Raises:
        NotImplementedError: If one of the three is complex.
        RuntimeError: If the numbers of dimensions differ, or the shapes cannot be broadcast.
        TypeError: If `margin`, `p` or `eps` is no number.
        ValueError: If `margin` is not positive, or `reduction` is none of the three.

    Note:
        At ``p=2`` the positive and the negative each get a gradient of length 1, however far they
        are, and a triplet that keeps its margin gets none. A loss that stays at exactly the margin
        says that all vectors have become one.

    Differs from torch:
        Complex vectors raise, and bool ones are 0 and 1, where torch raises.

    Source:
        F. Schroff, D. Kalenichenko, J. Philbin (2015), *FaceNet: A Unified Embedding for Face
        Recognition and Clustering*, IEEE Conference on Computer Vision and Pattern Recognition; for
        `swap`, V. Balntas et al. (2016), *Learning Local Feature Descriptors with Triplets and Shallow
        Convolutional Neural Networks*, British Machine Vision Conference.

    Example:
        >>> import torch
        >>> anchor, positive = torch.zeros(2, 2), torch.tensor([[3.0, 4.0], [0.0, 1.0]])
        >>> negative = torch.tensor([[6.0, 8.0], [0.0, 1.5]])
        >>> triplet_margin_loss(anchor, positive, negative, reduction="none")
        tensor([0.0000, 0.5000])
    """
    margin, p, eps = _positive(margin), number("p", p), number("eps", eps)
    anchor, positive, negative = real(anchor=anchor, positive=positive, negative=negative)
    _check_dimensions(anchor, positive, negative)

    def distance(u: Tensor, v: Tensor) -> Tensor:
        length: Tensor = torch.linalg.vector_norm(u - v + eps, p, -1)
        return length

    far = distance(anchor, negative)
    if swap:
        far = torch.minimum(far, distance(positive, negative))
    return _compare(distance(anchor, positive), far, margin, reduction=reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure what :func:`triplet_margin_loss` does, with a distance of your own.

    .. math::
        \begin{aligned}
        \ell(a, b, c) &= \max(0, d(a, b) - d(a, c) + m) \\
        d(u, v) &= \sqrt{\sum_{k=1}^{D} (u_k - v_k + 10^{-6})^2}
        \end{aligned}

    Args:
        anchor: The objects :math:`a`, whatever the distance takes.
        positive: Objects :math:`b` that are like the anchors.
        negative: Objects :math:`c` that are not.
        distance_function: The distance :math:`d`: small for what is alike, and one for each triplet.
            Without it, that of the formula, which is ``torch.nn.PairwiseDistance()``.
        margin: By how much the negative should be further away, :math:`m > 0`.
        swap: Whether the negative's distance is the smaller of its distances to anchor and positive.
        reduction: ``"none"`` returns the loss of each triplet, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of triplets.

    Returns:
        The loss, not negative; a scalar, or of the shape of the distances for ``"none"``.

    Raises:
        NotImplementedError: If one of the three is complex, or a distance is.
        RuntimeError: If the numbers of dimensions differ, or the shapes cannot be broadcast.
        TypeError: If one of the three or a distance is no tensor, `margin` no number, or
            `distance_function` cannot be called.
        ValueError: If `margin` is not positive, if `distance_function` returns a single number for an
            `anchor` of more than one dimension (even if that is of one triplet), or `reduction` is
            none of the three.

    Note:
        A similarity is no distance: with one, the loss pushes apart what is alike. ``1 - cosine`` is.

    Differs from torch:
        A `distance_function` that has reduced its result to one number raises, and without one so do complex
        vectors. Distances in half precision are compared in float32.

    Source:
        K. Q. Weinberger, J. Blitzer, L. K. Saul (2005), *Distance Metric Learning for Large Margin
        Nearest Neighbor Classification*, Advances in Neural Information Processing Systems 18.

    Example:
        >>> import torch
        >>> anchor, positive = torch.zeros(2, 2), torch.tensor([[3.0, 4.0], [0.0, 1.0]])
        >>> negative = torch.tensor([[6.0, 8.0], [0.0, 1.5]])
        >>> def city_block(u, v):
        ...     return (u - v).abs().sum(-1)
        >>> triplet_margin_with_distance_loss(
        ...     anchor, positive, negative, distance_function=city_block, reduction="none"
        ... )
        tensor([0.0000, 0.5000])
    """
    margin = _positive(margin)
    for name, tensor in (("anchor", anchor), ("positive", positive), ("negative", negative)):
        check_tensor(name, tensor)
    if distance_function is None:
        return triplet_margin_loss(anchor, positive, negative, margin, swap=swap, reduction=reduction)
    if not callable(distance_function):
        raise TypeError(f"distance_function must be callable, got {brief(distance_function)}")
    _check_dimensions(anchor, positive, negative)
    near, far = distance_function(anchor, positive), distance_function(anchor, negative)
    check_tensor("what distance_function returns", near)
    if near.dim() == 0 and anchor.dim() > 1:
        raise ValueError(
            "distance_function must return one distance for each triplet; "
            f"got a single number for an anchor of shape {tuple(anchor.shape)}"
        )
    if swap:
        far = torch.minimum(far, distance_function(positive, negative))
    return _compare(near, far, margin, reduction=reduction)
