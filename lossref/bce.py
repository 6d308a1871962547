"""Binary cross entropy, of probabilities and of logits."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lossref._inputs import at_least_float32, check_floating, check_probability, factor
from lossref._reduction import Reduction, reduce


def _check(input: Tensor, target: Tensor) -> None:
    if target.shape != input.shape:
        raise ValueError(
            f"target must have the same size as input, {tuple(input.shape)}; got {tuple(target.shape)}"
        )
    check_floating("input", input)
    check_floating("target", target)


def _check_dtypes_agree(input: Tensor, target: Tensor) -> None:
    if target.dtype != input.dtype:
        raise RuntimeError(f"target must have the dtype of input, got {target.dtype} and {input.dtype}")


@at_least_float32
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the surprise at a yes or no to which `input` gave the probability of yes.

    .. math::
        \begin{aligned}
        & \ell(p, y) = -w \bigl[ y \max(\log p, -100) \\
        &\quad + (1 - y) \max(\log(1 - p), -100) \bigr]
        \end{aligned}

    Args:
        input: The probabilities :math:`p`, of any shape; in [0, 1].
        target: The labels :math:`y`, of the shape and dtype of `input`; in [0, 1], usually 0 or 1.
        weight: What each element counts, :math:`w`; of a shape that broadcasts to that of `input`.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements, with or without `weight`.

    Returns:
        The loss, in [0, 100] for each element of weight 1; a scalar, or of the shape of `input`
        for ``"none"``.

    Raises:
        NotImplementedError: If `input` or `target` is not floating point, or `weight` is complex.
        RuntimeError: If a value is outside [0, 1] or nan, if the dtypes differ, or if `weight` does
            not broadcast to the shape of `input`. Values go unchecked where they cannot be seen:
            under ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.
        ValueError: If the shapes differ, or `reduction` is none of the three.

    Note:
        The floor of -100 makes the loss of a certain and wrong prediction finite, and the gradient
        does not feel it: :math:`(p - y) / \max(p (1 - p), 10^{-12})`, up to :math:`10^{12}` in
        size. Value and gradient belong to two different functions there.

    Differs from torch:
        `weight` has a gradient too, and that of `target` is finite at p = 0 and 1.

    Source:
        I. J. Good (1952), *Rational Decisions*, Journal of the Royal Statistical Society B 14.

    Example:
        >>> import torch
        >>> p = torch.tensor([0.9, 0.5, 0.0])
        >>> binary_cross_entropy(p, torch.ones(3), reduction="none")
        tensor([  0.1054,   0.6931, 100.0000])
    """
    _check(input, target)
    _check_dtypes_agree(input, target)
    check_probability("input", input)
    check_probability("target", target)
    # The logarithms are floored in the value, and p (1 - p) in the slope: no one function has both.
    # So the value is that of constants, and the slope that of log1p(step), where the step is 0.
    yes, no = input.detach(), 1 - input.detach()
    step = (input - yes) / (yes * no).clamp(min=1e-12)
    log_yes = yes.log().clamp(min=-100) + (step * no).log1p()
    log_no = (-yes).log1p().clamp(min=-100) + (-step * yes).log1p()
    loss = -target * log_yes - (1 - target) * log_no  # in this order 0, and not minus 0, where all is right
    if weight is not None:
        loss = factor("weight", weight, loss) * loss
    return reduce(loss, reduction)


@at_least_float32
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    reduction: Reduction = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    r"""Measure the surprise at a yes or no to which `input` gave the log-odds of yes.

    .. math::
        \begin{aligned}
        \ell(x, y) &= -w \bigl[ \alpha y \log \sigma(x) \\
        &\quad + (1 - y) \log \sigma(-x) \bigr] \\
        \sigma(x) &= \frac{1}{1 + e^{-x}}
        \end{aligned}

    Args:
        input: The logits :math:`x`, of any shape; finite.
        target: The labels :math:`y`, of the shape of `input`; in [0, 1], usually 0 or 1.
        weight: What each element counts, :math:`w`; of a shape that broadcasts to that of `input`.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements, with or without the weights.
        pos_weight: What a positive counts, :math:`\alpha`; of a shape that broadcasts to that of
            `input`: one for each class where the classes are the last dimension.

    Returns:
        The loss, not negative; a scalar, or of the shape of `input` for ``"none"``.

    Raises:
        NotImplementedError: If `input` or `target` is not floating point, or a weight is complex.
        RuntimeError: If a label is outside [0, 1] or nan, or if `weight` or `pos_weight` does not
            broadcast to the shape of `input`. Labels go unchecked where they cannot be seen: under
            ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.
        ValueError: If the shapes differ, or `reduction` is none of the three.

    Note:
        Without weights the gradient is :math:`\sigma(x) - y`, probability minus label: it never
        exceeds 1, and a confident mistake gets all of it, which a sigmoid followed by
        :func:`binary_cross_entropy` loses.

    Differs from torch:
        Both tails are kept: at y = 0 and x = -20 torch returns 0 in float32 where the loss is
        2.06e-09, and at y = 1 and x = 20 that is lost from its gradient. Mixed dtypes promote
        (torch takes the dtype of `target`). A label outside [0, 1] raises. The weights have a
        gradient too.

    Source:
        D. R. Cox (1958), *The Regression Analysis of Binary Sequences*,
        Journal of the Royal Statistical Society B 20.

    Example:
        >>> import torch
        >>> x = torch.tensor([0.0, 2.0, -20.0])
        >>> y = torch.tensor([1.0, 1.0, 0.0])
        >>> binary_cross_entropy_with_logits(x, y, reduction="none")
        tensor([6.9315e-01, 1.2693e-01, 2.0612e-09])
    """
    _check(input, target)
    check_probability("target", target)
    dtype = torch.promote_types(input.dtype, target.dtype)
    input, target = input.to(dtype), target.to(dtype)
    says_yes = (input > 0).to(dtype)
    doubt = (1 - 2 * says_yes) * input  # -|x|, but with a slope at 0
    wrong = says_yes - target  # what of the label is on the other side, exactly 0 if nothing is
    right = F.softplus(doubt)  # what a logit costs that is on the right side
    if pos_weight is not None:
        positive, negative = factor("pos_weight", pos_weight, input) * target, 1 - target
        wrong = says_yes * negative - (1 - says_yes) * positive
        right = (positive + negative) * right
    loss = wrong * input + right
    if weight is not None:
        loss = factor("weight", weight, loss) * loss
    return reduce(loss, reduction)
