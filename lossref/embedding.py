"""Losses of pairs, alike or not: of their distance, and of the cosine of their angle."""

import torch
from torch import Tensor

from lossref._classes import largest
from lossref._inputs import at_least_float32, check_floating, number, real, values_are_known
from lossref._reduction import Reduction, reduce

EPS = 1e-12  # what torch adds to a squared length


@at_least_float32
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the distance of a pair that is alike, and what a pair that is not lacks of the margin.

    .. math::
        \ell(x, y) = \begin{cases}
            x & \text{if } y = 1 \\
            \max(0, m - x) & \text{if } y = -1
        \end{cases}

    Args:
        input: The distances :math:`x`, of any shape; floating point, not negative.
        target: The labels :math:`y`, 1 for a pair that is alike and -1 for one that is not; of a shape
            that broadcasts with that of `input`. Any other label adds both lines.
        margin: The distance :math:`m` from which a pair is different enough; real.
        reduction: ``"none"`` returns the loss of each pair, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of pairs.

    Returns:
        The loss, not negative where `input` is not; a scalar, or of the broadcast shape for ``"none"``.

    Raises:
        NotImplementedError: If `input` is not floating point, or `target` is complex.
        RuntimeError: If the shapes cannot be broadcast.
        TypeError: If `margin` is no number.
        ValueError: If `reduction` is none of the three.

    Note:
        A pair that is alike is pulled as hard at a small distance as at a large one: the slope is 1.
        A pair that is not is pushed with slope -1 up to the margin, and then left alone.

    Differs from torch:
        `input` must be floating point: the mean of integers fails in torch too. Mixed dtypes promote
        (torch takes the dtype of `input`).

    Source:
        J. Bromley et al. (1993), *Signature Verification using a "Siamese" Time Delay Neural
        Network*, Advances in Neural Information Processing Systems 6; for the hinge, which is
        squared there, R. Hadsell, S. Chopra, Y. LeCun (2006), *Dimensionality Reduction by Learning
        an Invariant Mapping*, IEEE Conference on Computer Vision and Pattern Recognition.

    Example:
        >>> import torch
        >>> distance = torch.tensor([0.5, 0.5, 3.0])
        >>> y = torch.tensor([1.0, -1.0, -1.0])
        >>> hinge_embedding_loss(distance, y, margin=2.0, reduction="none")
        tensor([0.5000, 1.5000, 0.0000])
    """
    margin = number("margin", margin)
    check_floating("input", input)
    x, y = real(input=input, target=target)
    together = torch.where(y != -1, x, 0.0)
    apart = torch.where(y != 1, (margin - x).clamp(min=0), 0.0)
    return reduce(together + apart, reduction)


def _check_pairs(input1: Tensor, input2: Tensor, target: Tensor) -> None:
    rows: torch.Size = torch.broadcast_shapes(input1.shape, input2.shape)  # type: ignore[no-untyped-call]
    fits = input1.shape[-1:] == input2.shape[-1:] and target.dim() <= 1 and len(rows) == target.dim() + 1
    if not fits or target.shape != rows[:-1]:
        raise RuntimeError(
            "input1 and input2 must hold vectors, of shape (N, D) with a target of shape (N), "
            f"or (D) with (); got input1 of shape {tuple(input1.shape)}, input2 of {tuple(input2.shape)} "
            f"and target of {tuple(target.shape)}"
        )
    if target.numel() and values_are_known(target) and not (target.abs() == 1).all():
        wrong = target[target.abs() != 1].flatten()[0]
        raise RuntimeError(f"target must hold labels 1 and -1, got {wrong.item():g}")


def _direction(vector: Tensor) -> Tensor:
    """Return `vector` over its length, with `EPS` added to the square of that."""
    if not vector.shape[-1]:
        return vector
    # Scaled, so that no square is beyond what numbers can hold; a constant, which cancels.
    scale = largest(vector.abs(), vector.dim() - 1).clamp(min=1, max=torch.finfo(vector.dtype).max)
    scaled = vector / scale
    return scaled / (scaled.square().sum(-1, keepdim=True) + EPS / scale.square()).sqrt()


@at_least_float32
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure how far the directions of a pair are from one, or how near where they should not be.

    .. math::
        \begin{aligned}
        \ell(a, b, y) &= \begin{cases}
            1 - c & \text{if } y = 1 \\
            \max(0, c - m) & \text{if } y = -1
        \end{cases} \\
        c &= \frac{\sum_{k=1}^{D} a_k b_k}
        {\sqrt{\left( \sum_{k=1}^{D} a_k^2 + 10^{-12} \right) \left( \sum_{k=1}^{D} b_k^2 + 10^{-12} \right)}}
        \end{aligned}

    Args:
        input1: The vectors :math:`a`, of shape (N, D) or (D); real.
        input2: The vectors :math:`b`, of a shape that broadcasts with that of `input1`, with its D;
            real.
        target: The labels :math:`y`, 1 for a pair that is alike and -1 for one that is not, of shape
            (N), or () for a single pair.
        margin: The cosine :math:`m` up to which a pair that is not alike is left alone, in [-1, 1].
        reduction: ``"none"`` returns the loss of each pair, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of pairs.

    Returns:
        The loss, in [0, 2]; a scalar, or of the shape of `target` for ``"none"``.

    Raises:
        NotImplementedError: If one of the three is complex.
        RuntimeError: If the shapes do not fit, or a label is neither 1 nor -1. Labels go unchecked
            where they cannot be seen: under ``torch.compile`` and ``torch.func``, on the meta device,
            in a DTensor.
        TypeError: If `margin` is no number.
        ValueError: If `margin` is outside [-1, 1], or `reduction` is none of the three.

    Note:
        Only directions count. The gradient stands at a right angle to the vector, and is the smaller
        the longer that is: one of a hundred times the length turns with a hundredth of the slope.

    Differs from torch:
        Long vectors do not overflow: torch takes the cosine for 0 from lengths of 4.3e9 on in float32,
        and of 16 in float16, and returns nan for entries of 1e20. Mixed dtypes promote (torch takes that of
        the vectors). A single vector may stand beside many, (D) beside (N, D), where torch raises; one
        of another D may not, where torch takes (N, 1) beside (N, D) and returns losses below 0.
        A label that is neither 1 nor -1 raises, where torch gives it the loss 0, and so do one label
        for several pairs, which torch gives to each, and a margin that no cosine reaches.

    Source:
        J. Bromley et al. (1993), *Signature Verification using a "Siamese" Time Delay Neural
        Network*, Advances in Neural Information Processing Systems 6.

    Example:
        >>> import torch
        >>> a = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
        >>> b = torch.tensor([[2.0, 2.0], [2.0, 2.0], [0.0, 3.0]])
        >>> cosine_embedding_loss(a, b, torch.tensor([1, -1, -1]), reduction="none")
        tensor([0.2929, 0.7071, 0.0000])
    """
    margin = number("margin", margin)
    if not -1 <= margin <= 1:
        raise ValueError(f"margin must be a cosine, between -1 and 1, got {margin}")
    a, b, y = real(input1=input1, input2=input2, target=target)
    _check_pairs(input1, input2, y)
    cosine = (_direction(a) * _direction(b)).sum(-1)
    return reduce(torch.where(y == 1, 1 - cosine, (cosine - margin).clamp(min=0)), reduction)
