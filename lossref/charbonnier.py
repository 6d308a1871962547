"""Smooth robust losses: squares near zero, lines or less further out, and no seam between."""

import math

import torch
from torch import Tensor

from lossref._inputs import at_least_float32, difference, number, real
from lossref._numerics import expm1, in_range, log1p_of_square, positive
from lossref._reduction import Reduction, reduce


@at_least_float32
def log_cosh_loss(input: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    r"""Measure small errors by half their square, large ones by their size less log 2.

    .. math::
        \ell(x, y) = \log \cosh(x - y)

    Args:
        input: The predictions :math:`x`, of any shape; real.
        target: The values :math:`y` to be met, of the shape of `input`; real.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements.

    Returns:
        The loss, not negative; a scalar, or of the shape of `input` for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If the shapes cannot be broadcast.
        ValueError: If `reduction` is none of the three.

    Warns:
        UserWarning: If the shapes differ and are broadcast.

    Note:
        The gradient is :math:`\tanh(x - y)`. There is no threshold: divide by the unit in which an error
        of 1 is neither small nor large. The formula itself overflows in float32 at an error of 90; its
        usual form, :math:`\lvert r \rvert + \log(1 + e^{-2 \lvert r \rvert}) - \log 2` (optax 0.2.8), is 0
        at 1e-4, where the loss is 5e-9. Here small and large errors have a form each.

    Source:
        R. A. Saleh, A. K. M. E. Saleh (2022), *Statistical Properties of the log-cosh Loss Function
        Used in Machine Learning*, arXiv:2208.04564.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([0.5, -1.0, 100.0]), torch.zeros(3)
        >>> log_cosh_loss(x, y, reduction="none")
        tensor([ 0.1201,  0.4338, 99.3069])
    """
    r = difference(*real(input=input, target=target))
    near = r.abs() < 1
    half = torch.where(near, r / 2, 0.0).sinh()
    far = r.abs() + (-2 * r.abs()).exp().log1p() - math.log(2)
    return reduce(torch.where(near, (2 * half.square()).log1p(), far), reduction)


@at_least_float32
def pseudo_huber_loss(
    input: Tensor, target: Tensor, *, delta: float = 1.0, reduction: Reduction = "mean"
) -> Tensor:
    r"""Measure small errors by half their square, large ones by their size, on one smooth curve.

    .. math::
        \ell(x, y) = \delta^2 \left( \sqrt{1 + \left( \frac{x - y}{\delta} \right)^2} - 1 \right)

    Args:
        input: The predictions :math:`x`, of any shape; real.
        target: The values :math:`y` to be met, of the shape of `input`; real.
        delta: The error :math:`\delta > 0` around which the square turns into the line, and the slope
            of that line.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements.

    Returns:
        The loss, not negative; a scalar, or of the shape of `input` for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If the shapes cannot be broadcast.
        TypeError: If `delta` is no number.
        ValueError: If `delta` is not positive, or `reduction` is none of the three.

    Warns:
        UserWarning: If the shapes differ and are broadcast.

    Note:
        The gradient is :math:`\frac{x - y}{\sqrt{1 + ((x - y) / \delta)^2}}`. The loss lies below
        :func:`huber_loss` with the same :math:`\delta`, by half of :math:`\delta^2` far out. The
        formula as it stands returns 0 in float32 for an error of 1e-4, where the loss is 5e-9, and inf
        for one of 1e20; here both keep their digits.

    Source:
        P. Charbonnier, L. Blanc-Féraud, G. Aubert, M. Barlaud (1994), *Two Deterministic Half-Quadratic
        Regularization Algorithms for Computed Imaging*, IEEE International Conference on Image
        Processing.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([0.5, -2.0, 10.0]), torch.zeros(3)
        >>> pseudo_huber_loss(x, y, delta=2.0, reduction="none")
        tensor([ 0.1231,  1.6569, 16.3961])
    """
    delta = number("delta", delta)
    if not delta > 0:
        raise ValueError(f"delta must be positive, got {delta}")
    r = difference(*real(input=input, target=target))
    # With the root in the divisor nothing cancels; in units of delta, where it is large, nothing overflows.
    slope, unit = in_range(min(delta, 1.0), r.dtype), max(delta, 1.0)
    root = torch.hypot(r / unit, torch.full_like(r, slope))
    return reduce(slope * r * (r / (root + slope)), reduction)


@at_least_float32
def charbonnier_loss(
    input: Tensor, target: Tensor, *, eps: float = 1e-3, reduction: Reduction = "mean"
) -> Tensor:
    r"""Measure errors by their size, with the kink at zero rounded off.

    .. math::
        \ell(x, y) = \sqrt{(x - y)^2 + \varepsilon^2}

    Args:
        input: The predictions :math:`x`, of any shape; real.
        target: The values :math:`y` to be met, of the shape of `input`; real.
        eps: The error :math:`\varepsilon > 0` up to which the kink is rounded, in the unit of the
            target; it is squared here.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements.

    Returns:
        The loss, at least :math:`\varepsilon`; a scalar, or of the shape of `input` for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If the shapes cannot be broadcast.
        TypeError: If `eps` is no number.
        ValueError: If `eps` is not positive and finite (without it, this is :func:`l1_loss`), or
            `reduction` is none of the three.

    Warns:
        UserWarning: If the shapes differ and are broadcast.

    Note:
        The gradient is :math:`\frac{x - y}{\sqrt{(x - y)^2 + \varepsilon^2}}`. Code for the restoration
        of images, SwinIR's among it, adds :math:`\varepsilon` and not its square: its 1e-3 is an
        :math:`\varepsilon` of 0.0316 here. A loss without errors is :math:`\varepsilon` and not 0;
        :func:`pseudo_huber_loss` with :math:`\delta = \varepsilon`, divided by :math:`\varepsilon`, is this
        loss less :math:`\varepsilon`.

    Source:
        P. Charbonnier, L. Blanc-Féraud, G. Aubert, M. Barlaud (1994), *Two Deterministic Half-Quadratic
        Regularization Algorithms for Computed Imaging*, IEEE International Conference on Image
        Processing.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([0.0, 0.001, -3.0]), torch.zeros(3)
        >>> charbonnier_loss(x, y, reduction="none")
        tensor([1.0000e-03, 1.4142e-03, 3.0000e+00])
    """
    eps = positive("eps", eps)
    r = difference(*real(input=input, target=target))
    root = torch.hypot(r, torch.full_like(r, in_range(eps, r.dtype)))
    # A copy: autograd keeps the root for the slope, and an edit in place of what is returned would spoil it.
    return reduce(root.clone(), reduction)


@at_least_float32
def general_robust_loss(
    input: Tensor,
    target: Tensor,
    *,
    alpha: float = 1.0,
    scale: float = 1.0,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure errors by a square near zero and, further out, by as little of it as `alpha` says.

    .. math::
        \begin{aligned}
        \ell(x, y) &= \begin{cases}
            \frac{z^2}{2} & \text{if } \alpha = 2 \\
            \log\left( 1 + \frac{z^2}{2} \right) & \text{if } \alpha = 0 \\
            1 - e^{-z^2 / 2} & \text{if } \alpha = -\infty \\
            \frac{b}{\alpha} \left( k^{\alpha / 2} - 1 \right) & \text{otherwise}
        \end{cases} \\
        k &= 1 + \frac{z^2}{b} \\
        b &= \lvert \alpha - 2 \rvert \\
        z &= \frac{x - y}{c}
        \end{aligned}

    Args:
        input: The predictions :math:`x`, of any shape; real.
        target: The values :math:`y` to be met, of the shape of `input`; real.
        alpha: The shape :math:`\alpha`: of :math:`z`, at 2 half of L2, at 1 :func:`pseudo_huber_loss`, at 0
            Cauchy's loss, at -2 that of Geman and McClure, at ``-math.inf`` Welsch's, and the cases between;
            above 2 it grows faster than a square.
        scale: The error :math:`c > 0` below which the loss is about half the square of
            :math:`(x - y) / c`.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements.

    Returns:
        The loss, not negative; for a negative :math:`\alpha` below :math:`b / \lvert \alpha \rvert`; a
        scalar, or of the shape of `input` for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If the shapes cannot be broadcast.
        TypeError: If `alpha` or `scale` is no number.
        ValueError: If `alpha` is nan, `scale` is not positive and finite, or `reduction` is none of the
            three.

    Warns:
        UserWarning: If the shapes differ and are broadcast.

    Note:
        Below :math:`\alpha = 1` the slope falls again, from :math:`c \sqrt{b / (1 - \alpha)}` on: far errors
        let go, and the loss is not convex. `alpha` is a number, and is not learned: that takes the
        normaliser of the density too, or it runs off to where no error counts. At an `alpha` of 1e-6
        the formula as it stands is off by 8 % in float32 at an error of 2, and returns 0 at one of 1/2.

    Source:
        J. T. Barron (2019), *A General and Adaptive Robust Loss Function*, IEEE Conference
        on Computer Vision and Pattern Recognition, arXiv:1701.03077.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([0.5, 2.0, 10.0]), torch.zeros(3)
        >>> general_robust_loss(x, y, alpha=0.0, reduction="none")
        tensor([0.1178, 1.0986, 3.9318])
    """
    alpha, scale = number("alpha", alpha), positive("scale", scale)
    if not -math.inf <= alpha <= math.inf:
        raise ValueError("alpha must be a number or infinite, got nan")
    r = difference(*real(input=input, target=target))
    z, b, least = r / in_range(scale, r.dtype), abs(alpha - 2), torch.finfo(r.dtype).eps
    if alpha == 2:
        loss = z.square() / 2
    elif abs(alpha) < least:  # the logarithm is as near as the numbers are
        loss = log1p_of_square(z / math.sqrt(2))
    elif abs(alpha) > least**-2:
        sign = 1 if alpha > 0 else -1
        loss = sign * expm1(sign * z.square() / 2)
    else:
        loss = b / alpha * expm1(alpha / 2 * log1p_of_square(z / math.sqrt(b)))
    return reduce(loss, reduction)
