"""Cross entropy of class logits."""

import torch
from torch import Tensor

from lossref._inputs import at_least_float32, check_probability, check_tensor, number, values_are_known
from lossref._reduction import Reduction, reduce


def _check(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, label_smoothing: float
) -> None:
    if not 0 <= number("label_smoothing", label_smoothing) <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if not isinstance(ignore_index, int):
        raise TypeError(f"ignore_index must be an int, got {type(ignore_index).__name__}")
    if not input.is_floating_point():
        raise NotImplementedError(f"input must be floating point, got {input.dtype}")
    if input.dim() == 0:
        raise ValueError("input must have a dimension of classes, got a scalar")
    classes = input.shape[0 if input.dim() == 1 else 1]
    if weight is not None:
        check_tensor("weight", weight)
        if weight.shape != (classes,):
            raise RuntimeError(
                f"weight must have one entry for each of the {classes} classes, got {tuple(weight.shape)}"
            )
    if target.shape == input.shape:
        if not target.is_floating_point():
            raise RuntimeError(
                f"target of the shape of input must hold probabilities, floating point; got {target.dtype}"
            )
        if ignore_index >= 0:
            raise RuntimeError(
                f"ignore_index needs a target of class indices, not of probabilities, got {ignore_index}"
            )
        check_probability("target", target)
        return
    expected = input.shape[:1] + input.shape[2:] if input.dim() > 1 else ()
    if target.shape != expected:
        raise ValueError(
            f"target must hold class indices, of size {tuple(expected)}, or probabilities, "
            f"of the size {tuple(input.shape)} of input; got {tuple(target.shape)}"
        )
    if target.dtype not in (torch.int64, torch.uint8):
        raise RuntimeError(
            f"target must hold class indices of torch.int64 or torch.uint8, got {target.dtype}"
        )
    if target.numel() and values_are_known(target):
        wrong = (target != ignore_index) & ((target < 0) | (target >= classes))
        if wrong.any():
            raise IndexError(
                f"Target {target[wrong][0]} is out of bounds: "
                f"class indices must be from 0 to {classes - 1}, or ignore_index ({ignore_index})"
            )


@at_least_float32
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Measure the surprise at the class that came true, given a logit for each class.

    .. math::
        \ell(x, q) = -\sum_{c=1}^{C} w_c \left[ (1 - \varepsilon) q_c + \frac{\varepsilon}{C} \right]
        \log \frac{e^{x_c}}{\sum_{j=1}^{C} e^{x_j}}

    Args:
        input: The logits :math:`x_c`, of shape (C), (N, C) or (N, C, d1, ..., dK).
        target: Either the index of the true class, int64 or uint8, from 0 to C - 1, of the shape of
            `input` without C: then :math:`q_c` is 1 for that class and 0 for the others. Or the
            probabilities :math:`q_c`, floating point, of the shape of `input`.
        weight: What each class counts, :math:`w_c`, of shape (C).
        ignore_index: A target index whose rows count for nothing: loss 0, gradient 0.
        reduction: ``"none"`` returns the loss of each row, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the summed weights of the true classes of the rows that are not ignored; for
            probabilities, by the number of rows.
        label_smoothing: The share :math:`\varepsilon` of the target that is spread evenly over all
            classes, in [0, 1].

    Returns:
        The loss, not negative; a scalar, or of the shape of `input` without C for ``"none"``.

    Raises:
        IndexError: If a class index is out of range. It goes unchecked where it cannot be seen:
            under ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.
        NotImplementedError: If `input` is not floating point.
        RuntimeError: If a dtype does not fit, if a probability is nan or outside [0, 1] (checked
            where class indices are), if `label_smoothing` is outside [0, 1], if `weight` has another
            shape than (C), or if `ignore_index` is a class and `target` probabilities.
        TypeError: If `label_smoothing` is no number, or `ignore_index` no int.
        ValueError: If the shapes do not fit, or `reduction` is none of the three.

    Note:
        Without weights the gradient is :math:`\mathrm{softmax}(x) - q`, probability minus target:
        it sums to zero over the classes, so what one logit loses the others gain.

    Differs from torch:
        A negative or nan `label_smoothing` raises, and so does a probability outside [0, 1]. An
        ignored row that holds inf or nan has gradient 0, not nan. A shape that does not fit is
        always a ValueError; a single row (C) needs a target of shape (). The weights have a
        gradient too, and never change the dtype of the result.

    Source:
        J. S. Bridle (1990), *Probabilistic Interpretation of Feedforward Classification Network
        Outputs, with Relationships to Statistical Pattern Recognition*; for label smoothing,
        C. Szegedy et al. (2016), *Rethinking the Inception Architecture for Computer Vision*.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> cross_entropy(logits, torch.tensor([0, 2]), reduction="none")
        tensor([0.2395, 1.0986])
    """
    _check(input, target, weight, ignore_index, label_smoothing)
    dim = 0 if input.dim() == 1 else 1  # where the classes are
    classes = input.shape[dim]
    if weight is not None:
        ones = [1] * (input.dim() - 1 - dim)
        weight = weight.to(input.dtype).view(-1, *ones).expand_as(input)

    eps = number("label_smoothing", label_smoothing)

    if target.shape == input.shape:
        log_p = input.log_softmax(dim)
        weighted = log_p if weight is None else weight * log_p
        loss = -(target * weighted).sum(dim)
        if eps:
            loss = (1 - eps) * loss - eps / classes * weighted.sum(dim)
        return reduce(loss, reduction)

    target = target.long()
    kept = target != ignore_index
    index = torch.where(kept, target, 0).unsqueeze(dim)
    # Ignored rows are replaced before the softmax:
    # masking its result would let their nan into the gradient.
    log_p = torch.where(kept.unsqueeze(dim), input, 0.0).log_softmax(dim)
    weighted = log_p if weight is None else weight * log_p
    loss = -weighted.gather(dim, index).squeeze(dim)
    if eps:
        loss = (1 - eps) * loss - eps / classes * weighted.sum(dim)
    counts = kept
    if weight is not None:
        counts = torch.where(kept, weight.gather(dim, index).squeeze(dim), 0.0)
    return reduce(torch.where(kept, loss, 0.0), reduction, divisor=counts.sum())
