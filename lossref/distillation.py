"""Distillation: a student learns what its teacher thinks of every class."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lossref._inputs import at_least_float32, check_floating, real
from lossref._numerics import positive
from lossref._reduction import Reduction, reduce


def _divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return the terms of the divergence of q from p, each with the p - q that adds up to 0.

    So none is below 0, and what is lost to rounding is a share of the term: of q log(q / p) alone the
    large positive and negative ones cancel, and a small divergence is noise.
    """
    never = log_q == -torch.inf
    p, q = log_p.exp(), log_q.exp()
    ratio = torch.where(never, 0.0, log_p) - torch.where(never, 0.0, log_q)
    close = ratio < 1  # where p is far above q, its exponential would overflow
    excess = torch.where(close & ~never, q * torch.where(close, ratio, 0.0).expm1(), p - q)
    return excess - q * ratio


@at_least_float32
def distillation_loss(
    input: Tensor,
    target: Tensor,
    *,
    temperature: float = 1.0,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure how far a student's probabilities are from its teacher's, both softened by a temperature.

    .. math::
        \begin{aligned}
        \ell(x, y) &= T^2 \sum_{c=1}^{C} q_c \log\left(\frac{q_c}{p_c}\right) \\
        p_c &= \frac{e^{x_c / T}}{\sum_{j=1}^{C} e^{x_j / T}} \\
        q_c &= \frac{e^{y_c / T}}{\sum_{j=1}^{C} e^{y_j / T}}
        \end{aligned}

    Args:
        input: The student's logits :math:`x_c`, of shape (C), (N, C) or (N, C, d1, ..., dK); floating
            point.
        target: The teacher's logits :math:`y_c`, of the shape of `input`; floating point. A class at
            -inf has the probability 0, and costs nothing by itself.
        temperature: What both are divided by, :math:`T > 0`: the higher, the more the small
            probabilities count.
        reduction: ``"none"`` returns the loss of each row, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of rows: of N, or of N times d1 to dK.

    Returns:
        The loss, not negative, and 0 if both have the same probabilities; a scalar, or of the shape of
        `input` without C for ``"none"``.

    Raises:
        NotImplementedError: If `input` or `target` is not floating point.
        TypeError: If `temperature` is no number.
        ValueError: If the shapes differ or have no dimension of classes, if `temperature` is not
            positive and finite, or `reduction` is none of the three.

    Note:
        The gradient of a row is :math:`T (p_c - q_c)`. Without the :math:`T^2` it would be about
        :math:`T^2` times smaller as `temperature` grows; with it, the loss tends to half the squared
        difference of the logits, both centred, divided by C. The teacher has a gradient too: call it
        under ``torch.no_grad()``.

        What others do: PyTorch has no such function; its ``kl_div`` with ``"mean"`` divides by C too.
        In float32, at a temperature of 1000 and logits of ordinary size, that function is off by several
        per cent, and may be below 0; this one is within a thousandth.

    Source:
        G. Hinton, O. Vinyals, J. Dean (2015), *Distilling the Knowledge in a Neural Network*.

    Example:
        >>> import torch
        >>> student = torch.tensor([[2.0, 0.5, -1.0], [0.0, 1.0, 0.3]])
        >>> teacher = torch.tensor([[3.0, 1.0, -2.0], [0.5, 0.2, 0.1]])
        >>> distillation_loss(student, teacher, temperature=2.0, reduction="none")
        tensor([0.1456, 0.1457])
    """
    temperature = positive("temperature", temperature)
    check_floating("input", input)
    check_floating("target", target)
    if input.dim() == 0:
        raise ValueError("input must have a dimension of classes, got a scalar")
    if target.shape != input.shape:
        raise ValueError(
            f"target must hold the teacher's logits, of the size of input, {tuple(input.shape)}; "
            f"got {tuple(target.shape)}"
        )
    dim = 0 if input.dim() == 1 else 1  # where the classes are
    log_p, log_q = (F.log_softmax(x / temperature, dim) for x in real(input=input, target=target))
    loss = temperature**2 * _divergence(log_p, log_q).sum(dim)
    return reduce(loss, reduction)
