"""The Gaussian loss: of a prediction that says how sure it is."""

import math

import torch
from torch import Tensor

from lossref._inputs import at_least_float32, check_not_negative, check_tensor, number, real
from lossref._reduction import Reduction, reduce


def _variance(var: Tensor | float, input: Tensor) -> Tensor:
    """Return `var` in a shape that broadcasts to that of `input`."""
    if isinstance(var, float | int):
        var = torch.full_like(input / 1, var)  # integers too have a variance that is none
    check_tensor("var", var)
    if var.shape == input.shape[:-1] and var.shape != input.shape:
        var = var.unsqueeze(-1)
    sizes = zip(var.shape, input.shape, strict=False)
    if var.dim() != input.dim() or any(size not in (1, whole) for size, whole in sizes):
        raise ValueError(
            f"var is of incorrect size: it must have the shape of input, {tuple(input.shape)}, "
            f"with 1 for any of its sizes, or without the last; got {tuple(var.shape)}"
        )
    return var


@at_least_float32
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the surprise at a value of which `input` is the expected one, and `var` its variance.

    .. math::
        \ell(x, y, v) = \frac{1}{2} \left( \log \max(v, \varepsilon)
        + \frac{(x - y)^2}{\max(v, \varepsilon)} \right)

    Args:
        input: The expected values :math:`x`, of any shape; real.
        target: The values :math:`y` to be met, of a shape that broadcasts with that of `input`; real.
        var: The variances :math:`v`, not negative: of the shape of `input`, with 1 for any of its sizes,
            or without the last; or one number for all.
        full: Whether to add :math:`\frac{1}{2} \log(2 \pi)`, which changes no gradient.
        eps: The least variance :math:`\varepsilon > 0` that is believed. The gradient does not feel it:
            below, that of `var` is the one at :math:`\varepsilon`, and leads back.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements.

    Returns:
        The loss, at least :math:`\frac{1}{2} \log \varepsilon`, and negative where a small variance is
        right; a scalar, or of the broadcast shape for ``"none"``.

    Raises:
        NotImplementedError: If one of the three is complex.
        RuntimeError: If `input` and `target` cannot be broadcast.
        TypeError: If `eps` is no number, or `var` neither tensor nor number.
        ValueError: If a variance is negative, if `var` has another shape, if `eps` is not positive, or
            `reduction` is none of the three. Variances go unchecked where they cannot be seen: under
            ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.

    Note:
        The gradient of `input` is :math:`(x - y) / v`: the same residual pulls a hundred times harder
        where the model says it is ten times surer. That of `var` is 0 where the variance is the squared
        residual, so on average a model that has learned says how large its errors are.

    Differs from torch:
        Works under ``torch.compile``, ``torch.export`` and vmap, and on the meta device, where torch
        fails. An `eps` that is not positive raises, and so do complex numbers. Integers are taken for the
        numbers they are: of an int `var`, number or tensor, torch makes an error.
        `var` may have the size 1 in more than one place.

    Source:
        D. A. Nix, A. S. Weigend (1994), *Estimating the Mean and Variance of the Target Probability
        Distribution*, IEEE International Conference on Neural Networks.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([0.0, 0.0, 0.0]), torch.tensor([2.0, 2.0, 2.0])
        >>> gaussian_nll_loss(x, y, torch.tensor([1.0, 4.0, 16.0]), reduction="none")
        tensor([2.0000, 1.1931, 1.5113])
    """
    eps = number("eps", eps)
    if not eps > 0:
        raise ValueError(f"eps must be positive, got {eps}")
    x, y, v = real(input=input, target=target, var=_variance(var, input))
    check_not_negative("var", v)
    v = torch.where(v < eps, v - v.detach() + eps, v)  # the value of the larger, and the slope of v itself
    loss = 0.5 * (v.log() + (x - y) ** 2 / v)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduce(loss, reduction)
