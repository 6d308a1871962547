"""The Kullback-Leibler divergence: how far one distribution is from another."""

from typing import Literal

import torch
from torch import Tensor

from lossref._inputs import at_least_float32, check_real
from lossref._reduction import Reduction, reduce


@at_least_float32
def kl_div(
    input: Tensor,
    target: Tensor,
    *,
    reduction: Reduction | Literal["batchmean"] = "mean",
    log_target: bool = False,
) -> Tensor:
    r"""Measure what a model's distribution costs more than the true one, of which data are drawn.

    .. math::
        \ell(x, y) = \begin{cases}
            y (\log y - x) & \text{if } y > 0 \\
            0 & \text{otherwise}
        \end{cases}

    The divergence of two distributions is the sum over their classes.

    Args:
        input: The logarithms :math:`x` of the model's probabilities, of any shape; as `log_softmax`
            returns them.
        target: The true probabilities :math:`y`, of a shape that broadcasts with that of `input`;
            those below 0 have the loss nan. With `log_target` their logarithms.
        reduction: ``"none"`` returns a number for each class, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of elements, ``"batchmean"`` by that of rows (the first dimension).
            Where the first dimension is the batch and the other the classes, that is the mean divergence.
        log_target: Whether `target` holds logarithms.

    Returns:
        The loss; its sum over the classes is not negative if both are distributions, and 0 if they are
        the same, though single classes may be below. A scalar, or of the broadcast shape for ``"none"``.

    Raises:
        NotImplementedError: If neither `input` nor `target` is floating point, or one is complex.
        RuntimeError: If the shapes cannot be broadcast.
        ValueError: If `reduction` is none of the four.

    Note:
        The gradient of `input` is :math:`-y`, and nothing in it pulls the other way: `input` must come
        from `log_softmax`, or the loss falls without end. Behind that, the gradient is the same as of
        cross entropy, from which the divergence differs by the entropy of `target`.

    Differs from torch:
        A class of probability 0 costs 0 and has finite gradients, also where the model gives it -inf,
        or where its logarithm is -inf: torch returns nan there. A nan of `input` is dropped there too, and
        torch keeps it. ``"batchmean"`` divides by the rows of the broadcast shape. One of the two may be of
        integers, which torch refuses. No warning comes with ``"mean"``.

    Source:
        S. Kullback, R. A. Leibler (1951), *On Information and Sufficiency*, Annals of Mathematical
        Statistics 22.

    Example:
        >>> import torch
        >>> model, truth = torch.tensor([[0.5, 0.25, 0.25]]), torch.tensor([[0.5, 0.5, 0.0]])
        >>> kl_div(model.log(), truth, reduction="none")
        tensor([[0.0000, 0.3466, 0.0000]])
    """
    check_real(input, target)
    if log_target:
        never = target == -torch.inf
        log_y = torch.where(never, 0.0, target)
        y = log_y.exp()
    else:
        never = target == 0
        y = torch.where(never, 1.0, target)
        log_y = y.log()
    # Both are masked: a product alone would let -inf times 0 into the loss, a mask after it into its slope.
    loss = torch.where(never, 0.0, y * (log_y - torch.where(never, 0.0, input)))
    if reduction == "batchmean":
        return loss.sum() / (len(loss) if loss.dim() else 1)
    return reduce(loss, reduction)
