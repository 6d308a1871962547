"""Focal losses: cross entropy that grows quiet where the model is already right."""

import math

import torch
from torch import Tensor

from lossref._classes import at_class, is_other_class, spread
from lossref._inputs import at_least_float32, check_floating, check_probability, number, whole_number
from lossref._numerics import log_sum_exp, shift, softplus
from lossref._reduction import Reduction, reduce, reduce_rows
from lossref.cross_entropy import check_target


def _check_gamma(gamma: float) -> float:
    exponent = number("gamma", gamma)
    if not 0 <= exponent < math.inf:  # nor is a nan
        raise ValueError(f"gamma must be finite and not negative, got {exponent}")
    return exponent


def _sides(alpha: float | None) -> tuple[float, float]:
    """Return what a no counts, and what a yes."""
    if alpha is None:
        return 1.0, 1.0
    share = number("alpha", alpha)
    if not 0 <= share <= 1:
        raise ValueError(f"alpha must be between 0 and 1, or None for no weights; got {share}")
    return 1 - share, share


def _quietened(odds: Tensor, gamma: float) -> Tensor:
    """Return (1 - p)^gamma times -log p, where `odds` is the logit of p.

    By logarithms, since 1 - p rounds to 0, whose power below 1 has no slope.
    """
    doubt = (-gamma * softplus(odds)).exp()
    return doubt * softplus(-odds)


@at_least_float32
def sigmoid_focal_loss(
    input: Tensor,
    target: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the surprise at a yes or no, and count what was expected for less.

    .. math::
        \begin{aligned}
        \ell(x, y) &= -\alpha_1 y (1 - p)^\gamma \log p \\
        &\quad - \alpha_0 (1 - y) p^\gamma \log(1 - p) \\
        p &= \frac{1}{1 + e^{-x}}
        \end{aligned}

    Args:
        input: The logits :math:`x`, of any shape; finite.
        target: The labels :math:`y`, of the shape of `input`; in [0, 1], usually 0 or 1.
        gamma: How fast an answer falls silent as it gets right, :math:`\gamma`; not negative. 0 is binary
            cross entropy.
        alpha: What a yes counts, :math:`\alpha_1`, in [0, 1]; a no counts the rest,
            :math:`\alpha_0 = 1 - \alpha_1`. None, the default, counts each 1.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements, with or without `alpha`.

    Returns:
        The loss, not negative, and never above that of binary cross entropy; a scalar, or of the shape
        of `input` for ``"none"``.

    Raises:
        NotImplementedError: If `input` or `target` is not floating point.
        RuntimeError: If a label is outside [0, 1] or nan. It goes unchecked where it cannot be seen:
            under ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.
        TypeError: If `gamma` or `alpha` is no number.
        ValueError: If the shapes differ, `gamma` is negative or not finite, `alpha` is outside [0, 1], or
            `reduction` is none of the three.

    Note:
        Where labels are hard, all libraries agree on the value, but not on the defaults. torchvision 0.29.1
        and kornia 0.9.0 set `alpha` to 0.25, by which a yes counts a third of a no, and return the losses
        of the elements; keras 3.15.1 ignores `alpha` unless ``apply_class_balancing=True``. Where labels
        are soft, four losses go by this name: at the logit 1.2 and the label 0.3 this function and kornia
        say 0.6092, torchvision and optax 0.2.8 0.4071, monai 1.6.1 0.4210, and segmentation-models-pytorch
        0.6.0 0.4926. Only the first is linear in the label, as a mean over uncertain labels must be.
        torchvision's gradient is nan where a sigmoid is 1 and `gamma` below 1.

    Source:
        T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár (2017), *Focal Loss for Dense Object Detection*,
        ICCV.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([3.0, 0.0, -3.0]), torch.ones(3)
        >>> sigmoid_focal_loss(x, y, reduction="none")
        tensor([1.0928e-04, 1.7329e-01, 2.7663e+00])
    """
    gamma, (no, yes) = _check_gamma(gamma), _sides(alpha)
    if target.shape != input.shape:
        raise ValueError(
            f"target must have the same size as input, {tuple(input.shape)}; got {tuple(target.shape)}"
        )
    check_floating("input", input)
    check_floating("target", target)
    check_probability("target", target)
    dtype = torch.promote_types(input.dtype, target.dtype)
    x, y = input.to(dtype), target.to(dtype)
    loss = yes * y * _quietened(x, gamma) + no * (1 - y) * _quietened(-x, gamma)
    return reduce(loss, reduction)


@at_least_float32
def focal_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    gamma: float = 2.0,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the surprise at the class that came true, and count what was expected for less.

    .. math::
        \begin{aligned}
        \ell(x, y) &= -w_y (1 - p_y)^\gamma \log p_y \\
        p_y &= \frac{e^{x_y}}{\sum_{j=1}^{C} e^{x_j}}
        \end{aligned}

    Args:
        input: The logits :math:`x_c`, of shape (C), (N, C) or (N, C, d1, ..., dK).
        target: The index :math:`y` of the true class, int64 or uint8, from 0 to C - 1, of the shape of
            `input` without C.
        weight: What each class counts, :math:`w_c`, of shape (C).
        gamma: How fast an answer falls silent as it gets right, :math:`\gamma`; not negative. 0 is cross
            entropy.
        ignore_index: A target index whose rows count for nothing: loss 0, gradient 0.
        reduction: ``"none"`` returns the loss of each row, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the summed weights of the true classes of the rows that are not ignored.

    Returns:
        The loss, not negative, and never above that of cross entropy; a scalar, or of the shape of
        `input` without C for ``"none"``.

    Raises:
        IndexError: If a class index is out of range. It goes unchecked where it cannot be seen:
            under ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.
        NotImplementedError: If `input` is not floating point, or `weight` is complex.
        RuntimeError: If a dtype does not fit, or `weight` has another shape than (C).
        TypeError: If `gamma` is no number, or `ignore_index` no int.
        ValueError: If the shape of `target` does not fit, `gamma` is negative or not finite, or
            `reduction` is none of the three.

    Note:
        This is :func:`sigmoid_focal_loss` of the log-odds of the true class against all others. `weight`
        multiplies the loss and leaves :math:`p_y` alone: code that computes :math:`p_y` as
        ``exp(-cross_entropy(..., weight))`` raises it to the power of the weight. kornia 0.9.0 divides the
        mean by the number of classes too. What monai 1.6.1 (by default) and
        segmentation-models-pytorch 0.6.0 (``"multiclass"``) compute is a sigmoid for each class.

    Source:
        T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár (2017), *Focal Loss for Dense Object Detection*,
        ICCV.

    Example:
        >>> import torch
        >>> logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        >>> focal_loss(logits, torch.tensor([0, 2]), reduction="none")
        tensor([0.0109, 0.4883])
    """
    gamma, ignore_index = _check_gamma(gamma), whole_number("ignore_index", ignore_index)
    check_floating("input", input)
    if input.dim() == 0:
        raise ValueError("input must have a dimension of classes, got a scalar")
    dim = 0 if input.dim() == 1 else 1  # where the classes are
    size = input.shape[:dim] + input.shape[dim + 1 :]
    if target.shape != size:
        raise ValueError(f"target must hold class indices, of size {tuple(size)}; got {tuple(target.shape)}")
    check_target(input.shape, target, weight, ignore_index, 0.0)
    target, weight = spread(target, input), None if weight is None else spread(weight, input)
    index = torch.where(target.long() == ignore_index, -1, target.long())  # a byte is never -100
    others = torch.where(is_other_class(input, index, dim), input, -torch.inf)
    top = shift(others, dim)
    ones = (-1, *[1] * (input.dim() - 1 - dim))
    logit, *weights = at_class(
        input, index, dim, input, *([] if weight is None else [weight.to(input.dtype).view(ones)])
    )
    odds = logit - top.squeeze(dim) - log_sum_exp(others - top, dim)
    counts = weights[0] if weights else index >= 0
    return reduce_rows(counts * _quietened(odds, gamma), counts, reduction)
