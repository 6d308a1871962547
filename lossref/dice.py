"""Overlap as a loss: Dice and Tversky, of probabilities, and the Lovász hinge, of logits."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lossref._inputs import at_least_float32, check_probability, number, real, values_are_known
from lossref._reduction import Reduction, check_reduction, reduce


def _pixels(input: Tensor, target: Tensor) -> list[Tensor]:
    """Return both in their common dtype: of one shape, since (N, 1, H, W) and (N, H, W) would broadcast."""
    if target.shape != input.shape:
        raise ValueError(
            f"target must have the same size as input, {tuple(input.shape)}; got {tuple(target.shape)}"
        )
    return real(input=input, target=target)


def _probabilities(input: Tensor, target: Tensor) -> list[Tensor]:
    p, y = _pixels(input, target)
    check_probability("input", p)
    check_probability("target", y)
    return [p, y]


def _not_negative(name: str, value: float) -> float:
    value = number(name, value)
    if not value >= 0:
        raise ValueError(f"{name} must not be negative, got {value}")
    return value


def _total(pixels: Tensor) -> Tensor:
    """Sum over all but the samples; a vector is one sample."""
    return pixels.sum(tuple(range(min(1, pixels.dim() - 1), pixels.dim())))


@at_least_float32
def dice_loss(
    input: Tensor,
    target: Tensor,
    *,
    smooth: float = 1.0,
    squared: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure how little two masks overlap: one minus twice what they share, over the size of both.

    .. math::
        \ell(p, y) = 1 - \frac{2 \sum_{i=1}^{n} p_i y_i + s}{\sum_{i=1}^{n} (p_i + y_i) + s}

    Args:
        input: The probabilities :math:`p`, in [0, 1]; of shape (N, \*), N samples whose other dimensions
            are summed over, or (n) for the n pixels of one.
        target: The masks :math:`y`, of the shape of `input`; in [0, 1], usually 0 or 1; may be bool.
        smooth: What is added above and below, :math:`s \ge 0`: the loss of an empty mask, of which `input`
            has the sum :math:`P`, is :math:`P / (P + s)`.
        squared: Whether the size below is of squares, :math:`p_i^2 + y_i^2`.
        reduction: ``"none"`` returns the loss of each sample, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of samples.

    Returns:
        The loss, in [0, 1]; a scalar, or of the shape (N) for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If a value is outside [0, 1] or nan. Values go unchecked where they cannot be seen:
            under ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.
        TypeError: If `smooth` is no number.
        ValueError: If the shapes differ, `smooth` is negative, or `reduction` is none of the three.

    Note:
        It is another loss, divided by the size of both masks: :func:`l1_loss` where the labels are 0 and
        1, :func:`mse_loss` with `squared`. So soft labels want `squared`: without it the loss of p = y = 1/2
        is not 0. Samples are not added up to one: for the Dice of a whole batch, flatten both; for one
        of each class, flatten samples and classes, as in ``input.flatten(0, 1)``. Libraries differ: of the
        masks below monai 1.6.1 and, with a `smooth` of 0, this function have the mean 0.344 where
        segmentation-models-pytorch 0.6.0 has 0.314, as it sums over the batch, and the `smooth` of
        optax 0.2.8 is half of this one. With no pixel in either mask the loss is 0, or nan if `smooth` is 0.

    Source:
        F. Milletari, N. Navab, S.-A. Ahmadi (2016), *V-Net: Fully Convolutional Neural Networks for
        Volumetric Medical Image Segmentation*, International Conference on 3D Vision.

    Example:
        >>> import torch
        >>> p = torch.tensor([[0.9, 0.8, 0.3, 0.1], [0.6, 0.2, 0.4, 0.7]])
        >>> y = torch.tensor([[1, 1, 0, 0], [0, 0, 0, 1]])
        >>> dice_loss(p, y, reduction="none")
        tensor([0.1373, 0.3846])
    """
    check_reduction(reduction)
    smooth = _not_negative("smooth", smooth)
    p, y = _probabilities(input, target)
    # One minus a ratio near one would lose the digits of a small loss; what is missed keeps them.
    missed = (p - y) ** 2 if squared else p * (1 - y) + y * (1 - p)
    size = p**2 + y**2 if squared else p + y
    return reduce(_total(missed) / (_total(size) + smooth), reduction)


@at_least_float32
def tversky_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 1.0,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure how little two masks overlap, with a price for what is too much and one for what is missed.

    .. math::
        \begin{aligned}
        \ell(p, y) &= 1 - \frac{I + s}{I + \alpha A + \beta B + s} \\
        I &= \sum_{i=1}^{n} p_i y_i \\
        A &= \sum_{i=1}^{n} p_i (1 - y_i) \\
        B &= \sum_{i=1}^{n} (1 - p_i) y_i
        \end{aligned}

    Args:
        input: The probabilities :math:`p`, in [0, 1]; of shape (N, \*), N samples whose other dimensions
            are summed over, or (n) for the n pixels of one.
        target: The masks :math:`y`, of the shape of `input`; in [0, 1], usually 0 or 1; may be bool.
        alpha: The price of the false positives :math:`A`, not negative.
        beta: The price of the false negatives :math:`B`, not negative.
        smooth: What is added above and below, :math:`s \ge 0`.
        reduction: ``"none"`` returns the loss of each sample, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of samples.

    Returns:
        The loss, in [0, 1]; a scalar, or of the shape (N) for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If a value is outside [0, 1] or nan. Values go unchecked where they cannot be seen:
            under ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.
        TypeError: If `alpha`, `beta` or `smooth` is no number.
        ValueError: If the shapes differ, one of the three is negative, or `reduction` is none of the
            three that there are.

    Note:
        With both prices 1 it is the Jaccard loss, one minus intersection over union. With both 1/2 it is
        :func:`dice_loss` of twice the `smooth`. With no pixel in either mask the loss is 0, or nan if
        `smooth` is 0. The prices are those of the paper, of monai 1.6.1 and of
        optax 0.2.8; in keras 3.15.1 `alpha` prices the false negatives, against its documentation.

    Source:
        S. S. M. Salehi, D. Erdogmus, A. Gholipour (2017), *Tversky Loss Function for Image Segmentation
        Using 3D Fully Convolutional Deep Networks*, Machine Learning in Medical Imaging.

    Example:
        >>> import torch
        >>> p, y = torch.tensor([[0.9, 0.8, 0.3, 0.1]]), torch.tensor([[1, 1, 0, 0]])
        >>> tversky_loss(p, y, alpha=0.3, beta=0.7, smooth=0)
        tensor(0.1626)
        >>> tversky_loss(p, y, alpha=1, beta=1, smooth=0)  # 1 - 1.7 / 2.4
        tensor(0.2917)
    """
    check_reduction(reduction)
    alpha, beta = _not_negative("alpha", alpha), _not_negative("beta", beta)
    smooth = _not_negative("smooth", smooth)
    p, y = _probabilities(input, target)
    missed = _total(alpha * p * (1 - y) + beta * (1 - p) * y)
    return reduce(missed / (_total(p * y) + missed + smooth), reduction)


@at_least_float32
def lovasz_hinge_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""Measure one minus intersection over union, made continuous: each error costs what it takes from it.

    .. math::
        \begin{aligned}
        \ell(x, y) &= \sum_{k=1}^{n} \max(0, e_k) \, d_k \\
        d_k &= \frac{k}{U_k} - \frac{k - 1}{U_k - 1 + y_k} \\
        e_k &= 1 - (2 y_k - 1) x_k \\
        U_k &= \sum_{i=1}^{n} y_i + \sum_{i=1}^{k} (1 - y_i)
        \end{aligned}

    Args:
        input: The logits :math:`x`; real, of shape (N, \*), N samples, or (n) for the n pixels of one. In
            the formula the pixels are numbered from the largest error :math:`e` down.
        target: The labels :math:`y`, 0 and 1, of the shape of `input`; of any real dtype, or bool.
        reduction: ``"none"`` returns the loss of each sample, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of samples.

    Returns:
        The loss, not negative; a scalar, or of the shape (N) for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        ValueError: If the shapes differ, if `target` holds anything but 0 and 1, or `reduction` is none
            of the three. Labels go unchecked where they cannot be seen: under ``torch.compile`` and
            ``torch.func``, on the meta device, in a DTensor.

    Note:
        If only the k worst pixels were wrong, :math:`k / U_k` would be one minus intersection over union:
        of logits 1 and -1 the loss is twice that. Of an empty mask (0/0 is then 0) it is the largest
        error, so a mask of confident background costs nothing. It asks for logits: kornia 0.9.0 and
        segmentation-models-pytorch 0.6.0 do so too, and cannot see it where probabilities come. Equal
        errors share their price in the order of the pixels.

    Source:
        M. Berman, A. Rannen Triki, M. B. Blaschko (2018), *The Lovász-Softmax Loss: A Tractable Surrogate
        for the Optimization of the Intersection-over-Union Measure in Neural Networks*, CVPR.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([1.2, -0.3, 0.4, -2.0, 0.8, -0.1]), torch.tensor([1, 1, 0, 0, 1, 0])
        >>> lovasz_hinge_loss(x, y)
        tensor(0.8050)
    """
    check_reduction(reduction)
    x, y = (pixels.flatten(min(1, pixels.dim() - 1)) for pixels in _pixels(input, target))
    if values_are_known(target) and (wrong := (target != 0) & (target != 1)).any():
        raise ValueError(f"target must hold 0 and 1, got {target[wrong][0]:.4g}")
    error, order = (1 - (2 * y - 1) * x).sort(dim=-1, descending=True, stable=True)
    y = y.gather(-1, order)
    union = y.sum(-1, keepdim=True) + (1 - y).cumsum(-1)
    left = y.sum(-1, keepdim=True) - y.cumsum(-1)
    # The difference of k / union from that of the pixel before: subtracted, it would lose half its digits.
    price = torch.where((y == 1) | (union == 1), 1.0, left / (union - 1).clamp(min=1)) / union
    return reduce((F.relu(error) * price).sum(-1), reduction)
