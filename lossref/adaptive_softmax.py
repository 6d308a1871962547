"""The adaptive softmax: frequent classes in a head, rare ones in clusters behind it."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lossref._inputs import at_least_float32, brief, check_floating, check_tensor, values_are_known, widen
from lossref._reduction import Reduction, reduce
from lossref.cross_entropy import surprise

OUTSIDE = -1


def _check_layers(
    input: Tensor,
    target: Tensor,
    head_weight: Tensor,
    tail_weights: Sequence[tuple[Tensor, Tensor]],
    head_bias: Tensor | None,
) -> None:
    check_floating("input", input)
    if input.dim() not in (1, 2) or target.shape != input.shape[:-1]:
        raise RuntimeError(
            "input must be of shape (N, D) and target of shape (N), or (D) and (); "
            f"got {tuple(input.shape)} and {tuple(target.shape)}"
        )
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise RuntimeError(f"target must hold class indices, integers; got {target.dtype}")
    features = input.shape[-1]
    if head_weight.dim() != 2 or head_weight.shape[1] != features or len(head_weight) <= len(tail_weights):
        raise RuntimeError(
            f"head_weight must be of shape (S + K, {features}): S frequent classes and the "
            f"{len(tail_weights)} clusters of tail_weights; got {tuple(head_weight.shape)}"
        )
    if head_bias is not None:
        check_tensor("head_bias", head_bias)
        if head_bias.shape != head_weight.shape[:1]:
            raise RuntimeError(
                f"head_bias must be of shape ({len(head_weight)},), got {tuple(head_bias.shape)}"
            )
    for number, pair in enumerate(tail_weights):
        if not isinstance(pair, Sequence) or len(pair) != 2:
            raise TypeError(f"tail_weights[{number}] must be a pair of Tensors, got {brief(pair)}")
        for place, weight in enumerate(pair):
            check_tensor(f"tail_weights[{number}][{place}]", weight)
        first, second = (weight.shape for weight in pair)
        if len(first) != 2 or len(second) != 2 or first[1] != features or second[1] != first[0]:
            raise RuntimeError(
                f"tail_weights[{number}] must be of shapes (F, {features}) and (J, F), "
                f"got {tuple(first)} and {tuple(second)}"
            )


@at_least_float32
def adaptive_log_softmax_with_loss(
    input: Tensor,
    target: Tensor,
    head_weight: Tensor,
    tail_weights: Sequence[tuple[Tensor, Tensor]],
    *,
    head_bias: Tensor | None = None,
    reduction: Reduction = "mean",
) -> Tensor:
    r"""Measure the surprise at one of many classes, by way of its cluster if it is rare.

    .. math::
        \begin{aligned}
        & \ell(x, y) = \log \sum_{k=1}^{S + K} e^{h(k)} - h(S + i) \\
        &\quad + \log \sum_{j=1}^{J} e^{t(j)} - t(y - l) \\
        h(k) &= \sum_{d=1}^{D} H_{k, d} x_d + b_k \\
        t(j) &= \sum_{f=1}^{F} V_{j, f} \left(\sum_{d=1}^{D} U_{f, d} x_d\right)
        \end{aligned}

    Class y is one of the J that cluster i has, which come after the first l classes. A frequent class, one
    of the first S, has a place of its own in the head: only the first line is left, with h(y).

    Args:
        input: The features :math:`x`, of shape (N, D) or (D).
        target: The true class, integer, of shape (N) or (). Classes are numbered by how frequent they
            are: first those of the head, then those of the first cluster, and so on.
        head_weight: The weights :math:`H` of the S frequent classes, then of the K clusters, of shape
            (S + K, D); `head.weight` of `torch.nn.AdaptiveLogSoftmaxWithLoss`.
        tail_weights: For each cluster its two layers :math:`U`, of shape (F, D), and :math:`V`, of shape
            (J, F); F and J may differ between clusters. ``[(u.weight, v.weight) for u, v in m.tail]``.
        head_bias: What is added in the head, :math:`b`, of shape (S + K).
        reduction: ``"none"`` returns the loss of each row, ``"sum"`` their sum, ``"mean"`` the sum
            divided by the number of rows.

    Returns:
        The loss, not negative; a scalar, or of the shape of `target` for ``"none"``.

    Raises:
        IndexError: If a class is out of range. It goes unchecked where it cannot be seen: under
            ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.
        NotImplementedError: If `input` is not floating point.
        RuntimeError: If the shapes or the dtypes of `input` and the weights do not fit, or `target` is not
            of integers.
        TypeError: If a weight is no Tensor, or `tail_weights` no sequence of pairs.
        ValueError: If `reduction` is none of the three.

    Note:
        That :math:`p(y) = p(i) \, p(y \mid i)` is exact, so the probabilities of all classes sum to 1. What
        is approximate is the room that a rare class has: F numbers instead of D. Time is saved where
        labels are sorted by frequency, as a cluster is computed only for rows whose class is in it
        (for all rows where classes cannot be seen: the same loss, but slower).

    Differs from torch:
        There is no such function: the module returns minus this for each row, and the mean. Here it is
        computed also under vmap, autocast and torch.compile(fullgraph=True), and for a uint8 target.

    Source:
        E. Grave, A. Joulin, M. Cissé, D. Grangier, H. Jégou (2017), *Efficient Softmax Approximation for
        GPUs*, ICML.

    Example:
        >>> import torch
        >>> head, tail = torch.zeros(3, 2), [(torch.zeros(1, 2), torch.zeros(4, 1))]
        >>> x, y = torch.ones(2, 2), torch.tensor([0, 5])
        >>> adaptive_log_softmax_with_loss(x, y, head, tail, reduction="none")  # log 3, and log 4 more
        tensor([1.0986, 2.4849])
    """
    _check_layers(input, target, head_weight, tail_weights, head_bias)
    frequent = len(head_weight) - len(tail_weights)
    classes = frequent + sum(len(rare) for _, rare in tail_weights)
    known = values_are_known(input, target)
    if known and target.numel() and not (target.min() >= 0 and target.max() < classes):
        raise IndexError(
            f"Target {target[(target < 0) | (target >= classes)][0]} is out of bounds: "
            f"class indices must be from 0 to {classes - 1}"
        )
    x, y = (input, target.long()) if target.dim() else (input.unsqueeze(0), target.long().unsqueeze(0))

    place, first, loss = y, frequent, torch.zeros_like(y, dtype=widen(input).dtype)
    for cluster, (narrow, rare) in enumerate(tail_weights, frequent):
        inside = (first <= y) & (y < first + len(rare))
        place = torch.where(inside, cluster, place)
        within, features = torch.where(inside, y - first, OUTSIDE), x
        if known:
            rows = inside.nonzero().squeeze(1)
            within, features = within[rows], x[rows]
        logits = widen(F.linear(F.linear(features, widen(narrow)), widen(rare)))
        rest, _ = surprise(logits, within, None, OUTSIDE, 0.0)
        loss = loss.index_add(0, rows, rest) if known else loss + rest
        first += len(rare)
    logits = widen(F.linear(x, widen(head_weight), None if head_bias is None else widen(head_bias)))
    loss = loss + surprise(logits, place, None, OUTSIDE, 0.0)[0]
    return reduce(loss if target.dim() else loss.squeeze(0), reduction)
