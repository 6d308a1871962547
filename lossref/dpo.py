"""Losses of preferences: of two answers, a person liked one better."""

from torch import Tensor

from lossref._inputs import at_least_float32, number, real
from lossref._numerics import positive, softplus
from lossref._reduction import Reduction, reduce


def _same_shape(**tensors: Tensor) -> list[Tensor]:
    """Return the tensors as real numbers in one dtype; refuse shapes that differ."""
    (first, *others) = tensors
    for name in others:
        if tensors[name].shape != tensors[first].shape:
            raise ValueError(
                f"{name} must have the size of {first}, {tuple(tensors[first].shape)}: one number for each "
                f"pair; got {tuple(tensors[name].shape)}"
            )
    return real(**tensors)


def _gain(chosen: Tensor, rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor) -> Tensor:
    """Return how much more the policy has raised the chosen answer than the rejected one."""
    chosen, rejected, reference_chosen, reference_rejected = _same_shape(
        chosen=chosen,
        rejected=rejected,
        reference_chosen=reference_chosen,
        reference_rejected=reference_rejected,
    )
    # Each answer with its own reference first: the two are close, and their difference is exact.
    return (chosen - reference_chosen) - (rejected - reference_rejected)


@at_least_float32
def bradley_terry_loss(
    input: Tensor,
    target: Tensor,
    *,
    margin: float = 0.0,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure how surprised a model is that one thing was liked better than another.

    .. math::
        \ell(x, y) = \log\left(1 + e^{m - (x - y)}\right)

    Args:
        input: The scores :math:`x` of what was chosen, of any shape; real.
        target: The scores :math:`y` of what was rejected, of the shape of `input`; real.
        margin: By how much the chosen one should lead, :math:`m`; real.
        reduction: ``"none"`` returns the loss of each pair, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of pairs.

    Returns:
        The loss, positive, and :math:`\log 2` where the lead is `margin`; a scalar, or of the shape of
        `input` for ``"none"``.

    Raises:
        NotImplementedError: If one of the two is complex.
        TypeError: If `margin` is no number.
        ValueError: If the shapes differ, or `reduction` is none of the three.

    Note:
        It is binary cross entropy of the difference as a logit: the model of Bradley and Terry says
        that the first is preferred with the probability :math:`1 / (1 + e^{-(x - y)})`. Only the
        difference counts, so one number added to all scores changes nothing.

        As ``-log(sigmoid(x - y))`` it is infinite in float32 at a difference of -104; here it is 104.

    Source:
        R. A. Bradley, M. E. Terry (1952), *Rank Analysis of Incomplete Block Designs: I. The Method of
        Paired Comparisons*.

    Example:
        >>> import torch
        >>> chosen, rejected = torch.tensor([1.2, -0.3, 2.0]), torch.tensor([0.4, 0.5, -1.0])
        >>> bradley_terry_loss(chosen, rejected, reduction="none")
        tensor([0.3711, 1.1711, 0.0486])
    """
    margin = number("margin", margin)
    input, target = _same_shape(input=input, target=target)
    return reduce(softplus(margin - (input - target)), reduction)


@at_least_float32
def dpo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure how surprised a language model is by a preference, if its reward is what it changed.

    .. math::
        \begin{aligned}
        \ell &= (1 - \varepsilon) \log\left(1 + e^{-\beta h}\right) \\
        &+ \varepsilon \log\left(1 + e^{\beta h}\right) \\
        h &= (c - c_0) - (r - r_0)
        \end{aligned}

    Args:
        chosen: The log-probabilities :math:`c` of the chosen answers under the model that is trained,
            each *summed* over the tokens of the answer; of any shape; real.
        rejected: Those of the rejected answers, :math:`r`, of the shape of `chosen`.
        reference_chosen: The log-probabilities :math:`c_0` of the chosen answers under the model that
            training started from, of the shape of `chosen`.
        reference_rejected: Those of the rejected answers, :math:`r_0`, of the shape of `chosen`.
        beta: How dear it is to move away from the reference, :math:`\beta > 0`.
        label_smoothing: The share of preferences that are taken to be wrong, :math:`\varepsilon`, from
            0 to 1.
        reduction: ``"none"`` returns the loss of each pair, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of pairs.

    Returns:
        The loss, positive, and :math:`\log 2` where the model is the reference, for every `beta`; a
        scalar, or of the shape of `chosen` for ``"none"``.

    Raises:
        NotImplementedError: If one of the four is complex.
        TypeError: If `beta` or `label_smoothing` is no number.
        ValueError: If the shapes differ, `beta` is not positive and finite, `label_smoothing` is not
            from 0 to 1, or `reduction` is none of the three.

    Note:
        It is :func:`bradley_terry_loss` of the rewards :math:`\beta (c - c_0)` and
        :math:`\beta (r - r_0)`. Only their difference counts: the loss also falls while the chosen
        answer becomes less likely, if the rejected one does so faster.

        Half precision is too coarse for the sum of a long answer: in bfloat16 the neighbours of -1000
        are 4 away. Sum in float32.

    Source:
        R. Rafailov, A. Sharma, E. Mitchell, S. Ermon, C. D. Manning, C. Finn (2023), *Direct Preference
        Optimization: Your Language Model is Secretly a Reward Model*.

    Example:
        >>> import torch
        >>> chosen, rejected = torch.tensor([-12.3, -8.1]), torch.tensor([-11.0, -9.5])
        >>> reference = torch.tensor([-12.0, -8.5]), torch.tensor([-11.2, -9.0])
        >>> dpo_loss(chosen, rejected, *reference, reduction="none")
        tensor([0.7185, 0.6492])
    """
    beta = positive("beta", beta)
    label_smoothing = number("label_smoothing", label_smoothing)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be from 0 to 1, got {label_smoothing}")
    logit = beta * _gain(chosen, rejected, reference_chosen, reference_rejected)
    if label_smoothing in (0, 1):  # a share of 0 of inf would be nan
        return reduce(softplus(logit if label_smoothing else -logit), reduction)
    loss = (1 - label_smoothing) * softplus(-logit) + label_smoothing * softplus(logit)
    return reduce(loss, reduction)


@at_least_float32
def ipo_loss(
    chosen: Tensor,
    rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure how far a language model's change is from a lead that it should reach, and not pass.

    .. math::
        \begin{aligned}
        \ell &= \left( h - \frac{1}{2 \beta} \right)^2 \\
        h &= (c - c_0) - (r - r_0)
        \end{aligned}

    Args:
        chosen: The log-probabilities :math:`c` of the chosen answers under the model that is trained,
            each summed over the tokens of the answer; of any shape; real.
        rejected: Those of the rejected answers, :math:`r`, of the shape of `chosen`.
        reference_chosen: The log-probabilities :math:`c_0` of the chosen answers under the model that
            training started from, of the shape of `chosen`.
        reference_rejected: Those of the rejected answers, :math:`r_0`, of the shape of `chosen`.
        beta: How dear it is to move away from the reference, :math:`\beta > 0`.
        reduction: ``"none"`` returns the loss of each pair, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of pairs.

    Returns:
        The loss, not negative; a scalar, or of the shape of `chosen` for ``"none"``. Where the model is
        the reference, it is :math:`1 / (2 \beta)^2`.

    Raises:
        NotImplementedError: If one of the four is complex.
        TypeError: If `beta` is no number.
        ValueError: If the shapes differ, `beta` is not positive and finite, or `reduction` is none of
            the three.

    Note:
        It is the squared error of the lead :math:`h`. If all agree on every pair, :func:`dpo_loss` pulls
        the two answers apart without end; this loss stops at :math:`1 / (2 \beta)`.

        trl 1.16.0 divides each log-probability here by the number of tokens, and says that the authors
        confirmed it; in the paper it is that of the whole answer. Pass what you mean.

    Source:
        M. G. Azar, M. Rowland, B. Piot, D. Guo, D. Calandriello, M. Valko, R. Munos (2023), *A General
        Theoretical Paradigm to Understand Learning from Human Preferences*.

    Example:
        >>> import torch
        >>> chosen, rejected = torch.tensor([-12.3, -8.1]), torch.tensor([-11.0, -9.5])
        >>> reference = torch.tensor([-12.0, -8.5]), torch.tensor([-11.2, -9.0])
        >>> ipo_loss(chosen, rejected, *reference, reduction="none")
        tensor([30.2500, 16.8100])
    """
    beta = positive("beta", beta)
    lead = _gain(chosen, rejected, reference_chosen, reference_rejected)
    return reduce((lead - 1 / (2 * beta)) ** 2, reduction)
