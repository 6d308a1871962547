"""The margin ranking loss: of two scores, which should be the higher."""

import torch
from torch import Tensor

from lossref._inputs import at_least_float32, number, real
from lossref._reduction import Reduction, reduce


@at_least_float32
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure by how much a pair of scores misses its order, and the distance asked of it.

    .. math::
        \ell(x_1, x_2, y) = \max(0, m - y (x_1 - x_2))

    Args:
        input1: The scores :math:`x_1`, of any shape; real.
        input2: The scores :math:`x_2`, of a shape with as many dimensions, which broadcasts with
            that of `input1`; real.
        target: The order :math:`y` asked for: 1 where `input1` should be the higher, -1 where `input2`
            should; of a shape as that of `input2`.
        margin: By how much the right score should be higher, :math:`m`; real.
        reduction: ``"none"`` returns the loss of each pair, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of pairs.

    Returns:
        The loss, not negative; a scalar, or of the broadcast shape for ``"none"``.

    Raises:
        NotImplementedError: If one of the three is complex, or `target` is bool.
        RuntimeError: If the numbers of dimensions differ, or the shapes cannot be broadcast.
        TypeError: If `margin` is no number.
        ValueError: If `reduction` is none of the three.

    Note:
        Only the difference of the two scores counts: one number added to all scores changes nothing,
        so they say which is higher and not what they are worth. A pair with its margin teaches
        nothing more; at exactly the margin the slope is still 1.

    Differs from torch:
        Integers are taken for the numbers they are, where those of 8 bits wrap in torch: at the scores
        3 and 2, the target 1 and the margin 2, all uint8, it returns 257 where the loss is 1.

    Source:
        R. Herbrich, T. Graepel, K. Obermayer (2000), *Large Margin Rank Boundaries for Ordinal
        Regression*, Advances in Large Margin Classifiers.

    Example:
        >>> import torch
        >>> x1 = torch.tensor([3.0, 1.0, 2.0])
        >>> x2 = torch.tensor([1.0, 1.5, 4.0])
        >>> y = torch.tensor([1.0, 1.0, -1.0])
        >>> margin_ranking_loss(x1, x2, y, margin=1.0, reduction="none")
        tensor([0.0000, 1.5000, 0.0000])
    """
    margin = number("margin", margin)
    if target.dtype == torch.bool:
        raise NotImplementedError("target must hold labels 1 and -1, got torch.bool, which has no -1")
    input1, input2, target = real(input1=input1, input2=input2, target=target)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have the same number of dimensions, got "
            f"input1 of shape {tuple(input1.shape)}, input2 of {tuple(input2.shape)} "
            f"and target of {tuple(target.shape)}"
        )
    return reduce((margin - target * (input1 - input2)).clamp(min=0), reduction)
