"""The Poisson loss: of counts."""

import math

import torch
from torch import Tensor

from lossref._inputs import at_least_float32, check_not_negative, number, real
from lossref._reduction import Reduction, check_reduction, reduce


def _log_factorial(count: Tensor) -> Tensor:
    """Return Stirling's approximation of log(y!) where y is more than 1, and 0 elsewhere, as torch does."""
    many = count > 1
    y = torch.where(many, count, 1.0)  # a count of 0 would have the slope nan, even if it is masked after
    return torch.where(many, y * y.log() - y + 0.5 * (2 * math.pi * y).log(), 0.0)


@at_least_float32
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    *,
    eps: float = 1e-8,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the surprise at a count of which `input` is the logarithm of the expected number.

    .. math::
        \ell(x, y) = e^x - y x

    Args:
        input: The logarithms of the rates, :math:`x`, of any shape; real. Without `log_input` the rates
            :math:`\lambda = e^x` themselves, not negative.
        target: The counts :math:`y`, of a shape that broadcasts with that of `input`; not negative.
        log_input: Whether `input` is the logarithm of the rate. If not, the loss is
            :math:`\lambda - y \log(\lambda + \varepsilon)`.
        full: Whether to add what does not depend on `input`, :math:`\log(y!)`, as Stirling approximates
            it: :math:`y \log y - y + \frac{1}{2} \log(2 \pi y)`, and 0 for counts up to 1.
        eps: What is added to a rate, :math:`\varepsilon \ge 0`, so that the rate 0 has a logarithm.
        reduction: ``"none"`` returns the loss of each element, ``"sum"`` their sum, ``"mean"`` the
            sum divided by the number of elements.

    Returns:
        The loss, at least :math:`y - y \log y`, which is negative from the count 3 on, unless `full` is
        set (without `log_input` up to `eps` less); a scalar, or of the broadcast shape for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        RuntimeError: If the shapes cannot be broadcast.
        TypeError: If `eps` is no number.
        ValueError: If `eps`, a count or a rate is negative, or `reduction` is none of the three. Counts
            and rates go unchecked where they cannot be seen: under ``torch.compile`` and
            ``torch.func``, on the meta device, in a DTensor.

    Note:
        The gradient is :math:`e^x - y`, the expected minus the observed count. So where a model has a
        bias, the counts that it expects add up to those that were observed.

    Differs from torch:
        With `full`, the gradient of a count of 0 is finite, where torch returns nan. A negative count,
        rate or `eps` raises, and so do complex numbers. Integers are taken for the numbers they are:
        20 times 20 is 144 in torch's bytes. In half precision `eps` counts: at the rate 0 and the count
        1, torch returns inf in float16 where the loss is 18.42.

    Source:
        J. A. Nelder, R. W. M. Wedderburn (1972), *Generalized Linear Models*, Journal of the Royal
        Statistical Society A 135.

    Example:
        >>> import torch
        >>> x, y = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 5.0])
        >>> poisson_nll_loss(x, y, reduction="none")
        tensor([ 1.0000,  1.7183, -2.6109])
    """
    check_reduction(reduction)
    eps = number("eps", eps)
    if not eps >= 0:
        raise ValueError(f"eps must not be negative, got {eps}")
    x, y = real(input=input, target=target)
    loss = x.exp() - y * x if log_input else x - y * (x + eps).log()
    if full:
        loss = loss + _log_factorial(y)
    check_not_negative("target", y)
    if not log_input:
        check_not_negative("input", x)
    return reduce(loss, reduction)
