"""CTC: labels in their order, of which nobody said where they stand."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lossref._classes import spread
from lossref._inputs import at_least_float32, brief, check_floating, values_are_known, whole_number
from lossref._reduction import Reduction, reduce

LOG_0 = -1e30  # a number, since the slope of logsumexp is nan where all it adds is -inf


def _check(log_probs: Tensor, targets: Tensor, blank: int, zero_infinity: bool) -> None:
    check_floating("log_probs", log_probs)
    if log_probs.dim() not in (2, 3) or not log_probs.numel():
        raise RuntimeError(
            "log_probs must be of shape (T, N, C), or (T, C) for a single row, and not be empty; "
            f"got {tuple(log_probs.shape)}"
        )
    classes, rows = log_probs.shape[-1], log_probs.shape[1] if log_probs.dim() == 3 else 1
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be in label range, from 0 to {classes - 1}, got {blank}")
    if not isinstance(zero_infinity, bool):
        raise TypeError(f"zero_infinity must be a bool, got {brief(zero_infinity)}")
    _check_integers("targets", targets)
    if targets.dim() != 1 and (targets.dim() != 2 or targets.shape[0] != rows):
        raise RuntimeError(
            f"targets must be of shape (N, S) with a row for each of the {rows} of log_probs, "
            f"or strung together in one dimension; got {tuple(targets.shape)}"
        )


def _check_integers(name: str, tensor: Tensor) -> None:
    if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
        raise RuntimeError(f"{name} must be integers, got {tensor.dtype}")


def _lengths(name: str, lengths: Tensor | Sequence[int], longest: int, log_probs: Tensor) -> Tensor:
    """Return the length of each row, checked, on the devices of `log_probs`."""
    if not isinstance(lengths, Tensor):
        if not isinstance(lengths, Sequence):
            raise TypeError(f"{name} must be a Tensor, or a list or tuple of ints, got {brief(lengths)}")
        lengths = torch.tensor([whole_number(f"each of {name}", n) for n in lengths], dtype=torch.int64)
    _check_integers(name, lengths)
    rows = log_probs.shape[1]
    if lengths.shape != (rows,) and (rows, lengths.dim()) != (1, 0):
        raise RuntimeError(
            f"{name} must hold one for each of the {rows} rows of log_probs, got shape {tuple(lengths.shape)}"
        )
    if values_are_known(lengths) and ((lengths < 0) | (lengths > longest)).any():
        raise RuntimeError(f"{name} must be from 0 to {longest}, got {lengths.tolist()}")
    return spread(lengths.to(log_probs.device, torch.int64).view(rows), log_probs)


def _in_rows(targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Return targets that are strung together as (N, S)."""
    longest = targets.shape[0]
    if values_are_known(target_lengths):
        if target_lengths.sum() != longest:
            raise RuntimeError(
                f"target_lengths must add up to the {longest} labels of targets, "
                f"got {target_lengths.tolist()}"
            )
        longest = int(target_lengths.max())
    start = (target_lengths.cumsum(0) - target_lengths).unsqueeze(1)
    place = start + spread(torch.arange(longest, device=targets.device), target_lengths)
    return targets.expand(len(start), -1).gather(1, place.clamp(max=targets.shape[0] - 1))


def _check_labels(targets: Tensor, labelled: Tensor, classes: int, blank: int) -> None:
    if values_are_known(targets, labelled):
        wrong = labelled & ((targets < 0) | (targets >= classes) | (targets == blank))
        if wrong.any():
            raise IndexError(
                f"Target {targets[wrong][0]} is out of bounds: "
                f"labels must be from 0 to {classes - 1}, and not the blank ({blank})"
            )


def _either(a: Tensor, b: Tensor) -> Tensor:
    """Return the log-probability of one or the other, given those of both."""
    return torch.stack([a, b]).logsumexp(0)


def _log_likelihood(
    log_probs: Tensor,
    used: Tensor,
    labels: Tensor,
    labelled: Tensor,
    target_lengths: Tensor,
    blank: int,
) -> Tensor:
    """Return the log-probability of all paths that read as the labels: about LOG_0 where there is none."""
    outside = torch.full_like(target_lengths.unsqueeze(1), -1)  # what stands before the first label
    again = torch.cat([outside, labels], 1) == torch.cat([labels, outside - 1], 1)

    # Beyond its length a row is blank for certain: so it waits for the others.
    silent = log_probs[:, :, blank].unsqueeze(2).double().clamp(min=LOG_0)
    silent = torch.where(used, silent, 0.0)
    spoken = log_probs.gather(2, labels.expand(len(log_probs), -1, -1)).double().clamp(min=LOG_0)
    spoken = torch.where(used & labelled, spoken, LOG_0)

    # To have said the first s labels (0 to S of them): and be in the blank after, or in the last of them.
    none = torch.full_like(silent[0], LOG_0)
    in_label = torch.full_like(spoken[0], LOG_0)
    in_blank = torch.cat([torch.zeros_like(none), in_label], 1)
    for to_blank, to_label in zip(silent.unbind(), spoken.unbind(), strict=True):
        said = _either(in_blank, torch.cat([none, in_label], 1))
        # Where a label comes again, a blank must stand between.
        before = torch.where(again, in_blank, said)[:, :-1]
        in_label = _either(in_label, before) + to_label
        in_blank = said + to_blank
    said = _either(in_blank, torch.cat([none, in_label], 1))
    return said.gather(1, target_lengths.unsqueeze(1)).squeeze(1)


@at_least_float32
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: Reduction = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    r"""Measure the surprise at a sequence of labels, wherever in the longer input each of them stands.

    .. math::
        \ell(x, y) = -\log \sum_{\pi \in \mathcal{B}^{-1}(y)} \prod_{t=1}^{T} e^{x_{t, \pi_t}}

    A path :math:`\pi` has a class for each frame t, and :math:`\mathcal{B}` reads it: repeated classes
    are one, then blanks are dropped. The sum runs over all paths that read as the labels y.

    Args:
        log_probs: The log-probability :math:`x_{t, c}` of each class in each frame, of shape (T, N, C),
            or (T, C) for a single row; as `log_softmax` returns them.
        targets: The labels y, integers from 0 to C - 1 without the blank, of shape (N, S): what stands
            beyond a row's length is not read. Or the labels of all rows, strung together in one dimension.
        input_lengths: How many frames of a row count, each at most T, of shape (N); or a list or tuple.
        target_lengths: How many labels a row has, of shape (N); or a list or tuple.
        blank: The class that stands for no label.
        reduction: ``"none"`` returns the loss of each row, ``"sum"`` their sum, ``"mean"`` the mean over
            rows of the loss divided by the number of labels (by 1 where there is none).
        zero_infinity: Whether rows that no path fits cost 0 instead of infinity.

    Returns:
        The loss, not negative if the classes' probabilities sum to 1 in each frame; infinite where the
        labels, and a blank between equal ones, do not fit into the frames. A scalar, or of shape (N)
        for ``"none"``.

    Raises:
        IndexError: If a label is out of range, or the blank. It goes unchecked where it cannot be seen:
            under ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.
        NotImplementedError: If `log_probs` is not floating point.
        RuntimeError: If a shape does not fit, `log_probs` is empty, `targets` or a length is no integer,
            a length is out of range (checked where labels are), or `blank` is no class.
        TypeError: If `blank` is no int, `zero_infinity` no bool, or the lengths are no sequence of ints.
        ValueError: If `reduction` is none of the three.

    Note:
        The gradient by :math:`x_{t, c}` is minus the probability, given the labels, that the path is at
        c in frame t. Behind `log_softmax` it is the predicted minus that expected share, as in cross
        entropy with a soft target: the alignment that the model itself thinks likely is what it learns.

    Differs from torch:
        The gradient is that of the value; torch adds :math:`e^{x_{t, c}}` to it, which is the same only
        behind `log_softmax`. It has all further derivatives too. Everything is computed in float64: with
        1000 frames in float32, torch's gradient is off by up to 3e-3, this one by 2e-7. Where no path fits,
        or a log-probability is -inf, the gradient is finite, not nan. Labels that are out of range (torch
        reads the memory beside the row) or blank, and targets that are not integers, raise. Targets that
        are strung together need not be contiguous: torch reads the wrong labels. One of the lengths may be a
        tensor and the other a list, where torch raises. Half precision works.

    Source:
        A. Graves, S. Fernández, F. Gomez, J. Schmidhuber (2006), *Connectionist Temporal Classification:
        Labelling Unsegmented Sequence Data with Recurrent Neural Networks*, ICML.

    Example:
        >>> import torch
        >>> even = torch.full((2, 1, 2), 0.5).log()
        >>> ctc_loss(even, torch.tensor([[1]]), [2], [1])  # of four paths 01, 10 and 11 read as 1
        tensor(0.2877)
    """
    blank = whole_number("blank", blank)
    _check(log_probs, targets, blank, zero_infinity)
    batched = log_probs.dim() == 3
    x = log_probs if batched else log_probs.unsqueeze(1)
    input_lengths = _lengths("input_lengths", input_lengths, len(x), x)
    target_lengths = _lengths("target_lengths", target_lengths, targets.shape[-1], x)
    targets = spread(targets.long(), x)
    if targets.dim() == 1:
        targets = _in_rows(targets, target_lengths)
    frame, place = (spread(torch.arange(n, device=x.device), x) for n in (len(x), targets.shape[1]))
    used = frame.view(-1, 1, 1) < input_lengths.unsqueeze(1)
    labelled = place < target_lengths.unsqueeze(1)
    _check_labels(targets, labelled, x.shape[2], blank)

    labels = torch.where(labelled, targets, blank)
    likelihood = _log_likelihood(x, used, labels, labelled, target_lengths, blank)
    loss = torch.where(likelihood > LOG_0 / 2, 0.0 - likelihood, 0.0 if zero_infinity else torch.inf)
    if reduction == "mean":
        loss = loss / target_lengths.clamp(min=1)
    return reduce(loss if batched else loss.squeeze(0), reduction).to(log_probs.dtype)
