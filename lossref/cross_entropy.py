"""Cross entropy of class logits."""

import torch
from torch import Tensor

from lossref._classes import at_class, is_class, is_other_class, spread, sums
from lossref._inputs import (
    at_least_float32,
    check_floating,
    check_probability,
    check_weight,
    number,
    values_are_known,
    whole_number,
)
from lossref._numerics import curved_softplus, log_sum_exp, shift
from lossref._reduction import Reduction, reduce_rows


def check_target(
    size: torch.Size,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    label_smoothing: float,
    *,
    whose: str = "input",
) -> None:
    """Refuse what does not fit logits of that size, which are those of the argument `whose`."""
    if not 0 <= number("label_smoothing", label_smoothing) <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    classes = size[0 if len(size) == 1 else 1]
    if weight is not None:
        check_weight("weight", weight)
        if weight.shape != (classes,):
            raise RuntimeError(
                f"weight must have one entry for each of the {classes} classes, got {tuple(weight.shape)}"
            )
    if target.shape == size:
        if not target.is_floating_point():
            raise RuntimeError(
                f"target of the shape of {whose} must hold probabilities, floating point; got {target.dtype}"
            )
        if ignore_index >= 0:
            raise RuntimeError(
                f"ignore_index needs a target of class indices, not of probabilities, got {ignore_index}"
            )
        check_probability("target", target)
        return
    expected = size[:1] + size[2:] if len(size) > 1 else ()
    if target.shape != expected:
        raise ValueError(
            f"target must hold class indices, of size {tuple(expected)}, or probabilities, "
            f"of the size {tuple(size)} of {whose}; got {tuple(target.shape)}"
        )
    if target.dtype not in (torch.int64, torch.uint8):
        raise RuntimeError(
            f"target must hold class indices of torch.int64 or torch.uint8, got {target.dtype}"
        )
    if target.numel() and values_are_known(target):
        target = target.long()  # in bytes, 256 classes are 0
        wrong = (target != ignore_index) & ((target < 0) | (target >= classes))
        if wrong.any():
            raise IndexError(
                f"Target {target[wrong][0]} is out of bounds: "
                f"class indices must be from 0 to {classes - 1}, or ignore_index ({ignore_index})"
            )


def _mean_surprise(
    x: Tensor, q: Tensor, weight: Tensor | None, smoothing: float, dim: int
) -> tuple[Tensor, Tensor]:
    """Return the mean of -log softmax(x) under q, weighted and smoothed, and what a row counts."""
    counted = q if weight is None else weight * q
    if smoothing:
        even = smoothing / x.shape[dim]
        q = (1 - smoothing) * counted + (even if weight is None else even * weight)
    else:
        q = counted
    x = x - shift(x, dim)
    counts, total, inside = sums(dim, counted, q, q * x)
    return total * log_sum_exp(x, dim) - inside, counts


def surprise(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, eps: float
) -> tuple[Tensor, Tensor | None]:
    """Return the loss of each row, and what it counts in the mean: None is 1."""
    dim = 0 if input.dim() == 1 else 1  # where the classes are
    input = input.to(torch.promote_types(input.dtype, target.dtype))  # one may be in half precision
    target, weight = spread(target, input), None if weight is None else spread(weight, input)
    if weight is not None:
        weight = weight.to(input.dtype).view(-1, *[1] * (input.dim() - 1 - dim))

    if target.shape == input.shape:
        return _mean_surprise(input, target.to(input.dtype), weight, eps, dim)[0], None

    target = target.long()  # a byte is never -100
    kept = target != ignore_index
    target = torch.where(kept, target, -1)
    if eps:
        # Ignored rows are replaced first: masking the loss would let their nan into the gradient.
        x, q = torch.where(kept.unsqueeze(dim), input, 0.0), is_class(input, target, dim).to(input.dtype)
        loss, counts = _mean_surprise(x, q, weight, eps, dim)
        loss = torch.where(kept, loss, 0.0)
    else:
        # By the odds against the true class, and not by its probability, which rounds to 1.
        others = torch.where(is_other_class(input, target, dim), input, -torch.inf)
        top = shift(others, dim)
        logit, *weights = at_class(input, target, dim, input, *([] if weight is None else [weight]))
        loss = curved_softplus(log_sum_exp(others - top, dim) + (top.squeeze(dim) - logit))
        counts = kept
        if weight is not None:
            (counts,) = weights
            loss = counts * loss
    return loss, counts


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
        \begin{aligned}
        & \ell(x, q) = -\sum_{c=1}^{C} w_c \left[ (1 - \varepsilon) q_c + \frac{\varepsilon}{C} \right] \\
        &\quad \cdot \log \frac{e^{x_c}}{\sum_{j=1}^{C} e^{x_j}}
        \end{aligned}

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
        NotImplementedError: If `input` is not floating point, or `weight` is complex.
        RuntimeError: If a dtype does not fit, if a probability is nan or outside [0, 1] (checked
            where class indices are), if `label_smoothing` is outside [0, 1], if `weight` has another
            shape than (C), or if `ignore_index` is a class and `target` probabilities.
        TypeError: If `label_smoothing` is no number, or `ignore_index` no int.
        ValueError: If the shapes do not fit, or `reduction` is none of the three.

    Note:
        Without weights the gradient is :math:`\mathrm{softmax}(x) - q`, probability minus target:
        it sums to zero over the classes, so what one logit loses the others gain.

        Logits may be spread over devices by their classes (a DTensor): they stay there. Three numbers
        a row are added up forward, the largest, the sum and the true class; with weights, smoothing
        or probabilities some more, but in the same three messages. (A single class is gathered: DTensor
        does not compare where a dimension of one is spread.)

    Differs from torch:
        Neither the loss nor the gradient of the true class is lost where it is nearly certain: at the
        logits 17 and 0, torch returns 0 for both in float32, where they are 4.14e-08 and -4.14e-08.
        A negative or nan `label_smoothing` raises, and so does a probability outside [0, 1]. An
        ignored row that holds inf or nan has gradient 0, not nan. A shape that does not fit is
        always a ValueError; a single row (C) needs a target of shape (). The weights have a
        gradient too, may be of any real dtype (torch needs that of `input` for class indices), and never
        change the dtype of the result. With class indices, a logit of inf costs 0 where it is that of the
        true class, else inf, and a row of -inf costs inf: torch returns nan.

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
    ignore_index = whole_number("ignore_index", ignore_index)
    check_floating("input", input)
    if input.dim() == 0:
        raise ValueError("input must have a dimension of classes, got a scalar")
    check_target(input.shape, target, weight, ignore_index, label_smoothing)
    loss, counts = surprise(input, target, weight, ignore_index, number("label_smoothing", label_smoothing))
    return reduce_rows(loss, counts, reduction)
