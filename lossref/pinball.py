"""The pinball loss and the CRPS: of quantiles, and of whole distributions."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lossref._classes import spread
from lossref._inputs import at_least_float32, check_not_negative, factor, number, real, values_are_known
from lossref._reduction import Reduction, check_reduction, reduce

FAR = 40.0  # so many deviations away, even float64 has nothing left of the tail of a Gaussian


def _level(quantile: Tensor | float, residual: Tensor) -> Tensor | float:
    """Return `quantile`, checked to be from 0 to 1, as a factor of `residual`."""
    if not isinstance(quantile, Tensor):
        if not 0 <= quantile <= 1:
            raise ValueError(f"quantile must be from 0 to 1, got {quantile:.4g}")
        return quantile
    if values_are_known(quantile) and (outside := ~((quantile >= 0) & (quantile <= 1))).any():
        raise ValueError(f"quantile must be from 0 to 1, got {quantile[outside][0]:.4g}")
    return factor("quantile", quantile, residual)


def _check_dimensions(input: Tensor, target: Tensor) -> None:
    """Refuse a column beside a row, which would be broadcast to a table of all with all."""
    if input.dim() and target.dim() and input.dim() != target.dim():
        raise RuntimeError(
            f"input and target must have as many dimensions, got the shapes {tuple(input.shape)} and "
            f"{tuple(target.shape)}: the target of several quantiles has the size 1 in their dimension"
        )


@at_least_float32
def pinball_loss(
    input: Tensor,
    target: Tensor,
    *,
    quantile: Tensor | float = 0.5,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Weigh the targets above by the quantile, and those below by the rest of 1.

    .. math::
        \begin{aligned}
        \ell(x, y) &= \max(\tau r, (\tau - 1) r) \\
        r &= y - x
        \end{aligned}

    Args:
        input: The predicted quantiles :math:`x`, of any shape; real.
        target: The values :math:`y`, of a shape that broadcasts with that of `input` and has as many
            dimensions; real. Where the last dimension of `input` holds several quantiles of one
            value, it has the size 1 there.
        quantile: Which quantile is predicted, :math:`\tau`, from 0 to 1: a number, or a tensor that
            broadcasts to the shape of the loss, such as one for each column.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements, quantiles among them.

    Returns:
        The loss, not negative; a scalar, or of the broadcast shape for ``"none"``.

    Raises:
        NotImplementedError: If one of the three is complex.
        RuntimeError: If the shapes cannot be broadcast, if `input` and `target` have not as many
            dimensions, or if `quantile` would enlarge the loss.
        TypeError: If `quantile` is neither tensor nor number.
        ValueError: If `quantile` is not from 0 to 1, or `reduction` is none of the three. Tensors go
            unchecked where their values cannot be seen: under ``torch.compile`` and ``torch.func``, on
            the meta device, in a DTensor.

    Note:
        The slope is :math:`-\tau` below the target and :math:`1 - \tau` above it, and 0 where the two
        are equal, as in `l1_loss`. So the best constant has the share :math:`\tau` of the targets below
        it. At 0.5 the loss is half of the L1 loss, as in scikit-learn 1.9.1; pytorch-forecasting
        1.8.0 and GluonTS 0.17.0 double it.

    Source:
        R. Koenker, G. Bassett (1978), *Regression Quantiles*, Econometrica 46.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([[0.0, 1.0, 3.0]]), torch.tensor([[2.0]])
        >>> pinball_loss(x, y, quantile=torch.tensor([0.1, 0.5, 0.9]), reduction="none")
        tensor([[0.2000, 0.5000, 0.1000]])
    """
    check_reduction(reduction)
    _check_dimensions(input, target)
    if isinstance(quantile, Tensor):
        x, y, quantile = real(input=input, target=target, quantile=spread(quantile, input))
    else:
        (x, y), quantile = real(input=input, target=target), number("quantile", quantile)
    residual = y - x
    tau = _level(quantile, residual)
    return reduce(tau * F.relu(residual) + (1 - tau) * F.relu(-residual), reduction)


@at_least_float32
def crps_normal_loss(
    input: Tensor,
    target: Tensor,
    std: Tensor,
    *,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Average the pinball losses of all quantiles of a Gaussian, twice: the CRPS.

    .. math::
        \begin{aligned}
        \ell(x, y, \sigma) &= (y - x) \operatorname{erf}\left(\frac{z}{\sqrt{2}}\right) \\
        &\quad + \frac{\sigma}{\sqrt{\pi}} \left(\sqrt{2} \, e^{-z^2 / 2} - 1\right) \\
        z &= \frac{y - x}{\sigma}
        \end{aligned}

    Args:
        input: The means :math:`x`, of any shape; real.
        target: The values :math:`y`, of a shape that broadcasts with that of `input` and has as many
            dimensions; real.
        std: The standard deviations :math:`\sigma`, not negative, of a shape that broadcasts to that
            of the loss; real. Where it is 0 the loss is :math:`\lvert y - x \rvert`.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements.

    Returns:
        The loss, at least :math:`\sigma (\sqrt{2} - 1) / \sqrt{\pi}`, in the unit of the target; a
        scalar, or of the broadcast shape for ``"none"``.

    Raises:
        NotImplementedError: If one of the three is complex.
        RuntimeError: If the shapes cannot be broadcast, if `input` and `target` have not as many
            dimensions, or if `std` would enlarge the loss.
        ValueError: If a standard deviation is negative, or `reduction` is none of the three.
            Deviations go unchecked where they cannot be seen: under ``torch.compile`` and
            ``torch.func``, on the meta device, in a DTensor.

    Note:
        The slope of `input` is never steeper than 1, and that of `std` is between -0.57 and 0.24,
        however far off and however sure the model was, where that of `gaussian_nll_loss` has no bound. Value
        and slope are finite down to a deviation of 0; the printed formula is nan there.

    Source:
        T. Gneiting, A. E. Raftery (2007), *Strictly Proper Scoring Rules, Prediction, and Estimation*,
        Journal of the American Statistical Association 102.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([0.0, 0.0, 0.0]), torch.tensor([2.0, 2.0, 2.0])
        >>> crps_normal_loss(x, y, torch.tensor([0.0, 1.0, 4.0]), reduction="none")
        tensor([2.0000, 1.4528, 1.3256])
    """
    check_reduction(reduction)
    _check_dimensions(input, target)
    x, y, s = real(input=input, target=target, std=std)
    check_not_negative("std", s)
    residual = y - x
    s = factor("std", s, residual)
    far = residual.abs() > FAR * s
    near = torch.where(far, 0.0, residual)
    z = near / torch.where(far | (s == 0), 1.0, s)
    bell = s / math.sqrt(math.pi) * (math.sqrt(2) * (-(z**2) / 2).exp() - 1)
    tail = residual.abs() - s / math.sqrt(math.pi)
    return reduce(torch.where(far, tail, near * torch.erf(z / math.sqrt(2)) + bell), reduction)


@at_least_float32
def crps_ensemble_loss(
    input: Tensor,
    target: Tensor,
    *,
    fair: bool = False,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure how far the members of an ensemble are from the value, less half of how far apart they are.

    .. math::
        \begin{aligned}
        \ell(x, y) &= \frac{1}{M} \sum_{i=1}^{M} |x_i - y| \\
        &\quad - \frac{1}{2 M^2} \sum_{i=1}^{M} \sum_{j=1}^{M} |x_i - x_j|
        \end{aligned}

    Args:
        input: The members :math:`x_1` to :math:`x_M`, of shape (\*, M); real.
        target: The values :math:`y`, of shape (\*); real.
        fair: Whether to divide the second sum by :math:`2 M (M - 1)`: no member is paired with itself.
            Then the loss does not expect less of a small ensemble: its mean over random
            members is that of the distribution which they are drawn from.
        reduction: ``"none"`` returns the loss of each value, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of values, not of members.

    Returns:
        The loss, not negative, in the unit of the target; a scalar, or of the shape (\*) for
        ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If `target` has not the shape of `input` without its last dimension.
        ValueError: If there is no member, or only one with `fair`, or if `reduction` is none of the
            three.

    Note:
        With one member it is the L1 loss. Equal members do not push each other apart, and equal the
        target they do not move: there the slope is the mean of those on both sides. Memory grows with
        the square of the number of members.

    Source:
        T. Gneiting, A. E. Raftery (2007), *Strictly Proper Scoring Rules, Prediction, and Estimation*,
        Journal of the American Statistical Association 102.

    Example:
        >>> import torch
        >>> members, y = torch.tensor([[0.0, 1.0, 3.0, -0.5]]), torch.tensor([1.2])
        >>> crps_ensemble_loss(members, y), crps_ensemble_loss(members, y, fair=True)
        (tensor(0.5063), tensor(0.2667))
    """
    check_reduction(reduction)
    if not input.dim() or target.shape != input.shape[:-1]:
        raise RuntimeError(
            "target must have the shape of input without its last dimension, that of the members; "
            f"got input of shape {tuple(input.shape)} and target of shape {tuple(target.shape)}"
        )
    members, needed = input.shape[-1], 2 if fair else 1
    if members < needed:
        raise ValueError(f"input must have members in its last dimension, {needed} or more; got {members}")
    x, y = real(input=input, target=target)
    off = (x - y.unsqueeze(-1)).abs().sum(-1) / members
    apart = (x.unsqueeze(-1) - x.unsqueeze(-2)).abs().sum((-2, -1)) / (members * (members - fair))
    return reduce(off - apart / 2, reduction)
