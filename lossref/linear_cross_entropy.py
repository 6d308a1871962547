"""Cross entropy of a linear layer's logits, which are never all there at once."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from lossref._inputs import (
    at_least_float32,
    brief,
    check_floating,
    check_tensor,
    number,
    values_are_known,
    whole_number,
    widen,
)
from lossref._reduction import Reduction, reduce_rows
from lossref.cross_entropy import check_target, surprise

LOGITS = 2**22  # at once: 16 MiB in float32


def _check_linear(input: Tensor, linear_weight: Tensor, linear_bias: Tensor | None) -> None:
    check_floating("input", input)
    if input.dim() not in (1, 2):
        raise RuntimeError(
            "input must be of shape (D) or (N, D): "
            f"expected input with dimensionality 1 or 2, got {input.dim()}"
        )
    check_tensor("linear_weight", linear_weight)
    if linear_weight.dim() < 2:
        raise RuntimeError(
            "linear_weight must be of shape (C, D) or (C, d1, ..., dK, D): "
            f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}"
        )
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), "
            f"got {input.shape[-1]} and {linear_weight.shape[-1]}, respectively"
        )
    if linear_weight.dim() > 2 and input.dim() == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires "
            f"batched input, (N, {input.shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )
    if linear_bias is not None:
        check_tensor("linear_bias", linear_bias)
        if linear_bias.shape != linear_weight.shape[:-1]:
            raise RuntimeError(
                f"expected linear_bias shape {tuple(linear_weight.shape[:-1])}, "
                f"got {tuple(linear_bias.shape)}"
            )
    for name, tensor in (("linear_weight", linear_weight), ("linear_bias", linear_bias)):
        if tensor is not None and widen(tensor).dtype != input.dtype:
            raise RuntimeError(f"{name} must have the dtype of input, {input.dtype}; got {tensor.dtype}")


def _rows_at_once(options: Any, classes: int, *tensors: Tensor | None) -> int | None:
    """Return how many rows have logits at once: None where only the whole has every derivative."""
    if options is not None and not hasattr(options, "batch_chunk_size"):
        raise TypeError(f"options must be a torch.nn.LinearCrossEntropyOptions, got {brief(options)}")
    plain = values_are_known(*(tensor for tensor in tensors if tensor is not None))
    if not plain or torch._C._functorch.peek_interpreter_stack() is not None:
        return None
    rows: int | None = getattr(options, "batch_chunk_size", None)
    return rows or max(1, LOGITS // max(1, classes))


@at_least_float32
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    r"""Measure cross entropy behind a linear layer, without keeping the logits of all rows.

    .. math::
        \begin{aligned}
        \ell(x, y) &= \log \sum_{c=1}^{C} e^{z(c)} - z(y) \\
        z(c) &= \sum_{d=1}^{D} W_{c, d} x_d + b_c
        \end{aligned}

    This is :func:`cross_entropy` of the logits :math:`z = W x + b`, with all its options.

    Args:
        input: What the layer is given, :math:`x`, of shape (D) or (N, D).
        linear_weight: The layer's weights :math:`W`, of shape (C, D), or (C, d1, ..., dK, D) for K
            dimensions of losses in a row; of the dtype of `input`.
        target: As for :func:`cross_entropy` of logits of shape (C), (N, C) or (N, C, d1, ..., dK):
            class indices of that shape without C, or probabilities of that shape.
        linear_bias: The layer's bias :math:`b`, of the shape of `linear_weight` without D.
        weight: What each class counts, of shape (C).
        reduction: ``"none"`` returns the loss of each row, ``"sum"`` their sum, ``"mean"`` the mean as
            in :func:`cross_entropy`.
        ignore_index: A target index whose rows count for nothing; None is -100.
        label_smoothing: The share of the target that is spread evenly over all classes, in [0, 1].
        options: A `torch.nn.LinearCrossEntropyOptions`, of which `batch_chunk_size` is used: how many
            rows have logits at once. By default as many as have 4 million.

    Returns:
        The loss, not negative; a scalar, or of the shape of class indices for ``"none"``.

    Raises:
        IndexError: If a class index is out of range. It goes unchecked where it cannot be seen:
            under ``torch.compile`` and ``torch.func``, on the meta device, in a DTensor.
        NotImplementedError: If `input` is not floating point, or `weight` is complex.
        RuntimeError: If the shapes of the layer do not fit, if a dtype does not, if a probability is nan
            or outside [0, 1] (checked where class indices are), if `label_smoothing` is outside [0, 1],
            if `weight` has another shape than (C), or if `ignore_index` is given with probabilities.
        TypeError: If an option is of a wrong type.
        ValueError: If the shape of `target` does not fit, or `reduction` is none of the three.

    Note:
        Of N rows and C classes the logits are N times C numbers, and plain cross entropy holds three
        times as many. Here a part of the rows has logits at a time, and backward computes them once
        more: memory is bought with one multiplication. No derivative is lost, as all of it is done by
        autograd. Under ``torch.compile`` and ``torch.func`` the logits are computed whole.

    Differs from torch:
        Parts are the default, and have all derivatives: torch's (with `options`) return a jvp of 0, no
        second derivative and none of `weight`. They serve probabilities, smoothing and further
        dimensions too. An ignored row that holds inf leaves the gradients finite. `weight` may be of any
        real dtype. What :func:`cross_entropy` refuses, this refuses with the same exception.

    Source:
        E. Wijmans et al. (2025), *Cut Your Losses in Large-Vocabulary Language Models*, ICLR.

    Example:
        >>> import torch
        >>> x, layer = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
        >>> linear_cross_entropy(x, layer, torch.tensor([0]))  # of the logits 2, 0 and 0
        tensor(0.2395)
    """
    _check_linear(input, linear_weight, linear_bias)
    classes = linear_weight.shape[:-1]
    size = torch.Size((*input.shape[:-1], *classes))
    if ignore_index is not None and target.shape == size:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    ignore_index = -100 if ignore_index is None else whole_number("ignore_index", ignore_index)
    eps = number("label_smoothing", label_smoothing)
    check_target(size, target, weight, ignore_index, eps, whose="the logits")
    matrix = widen(linear_weight).flatten(0, -2)
    bias = None if linear_bias is None else widen(linear_bias).flatten()

    def losses(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
        if target.shape != size:
            # Or an ignored row that holds inf would have the gradient nan: 0 times it, in the layer's.
            kept = (y.long() != ignore_index).unsqueeze(-1).flatten(x.dim() - 1).any(-1, keepdim=True)
            x = torch.where(kept, x, 0.0)
        logits = widen(F.linear(x, matrix, bias)).reshape(x.shape[:-1] + classes)
        return surprise(logits, y, weight, ignore_index, eps)

    rows = _rows_at_once(options, len(matrix), input, linear_weight, linear_bias, target, weight)
    if rows is None or input.dim() == 1 or len(input) <= rows:
        return reduce_rows(*losses(input, target), reduction)
    # Backward computes the logits of each part once more, instead of keeping those of all.
    parts = [
        checkpoint(losses, x, y, use_reentrant=False, preserve_rng_state=False)
        for x, y in zip(torch.split(input, rows), torch.split(target, rows), strict=True)
    ]
    loss, counts = zip(*parts, strict=True)
    return reduce_rows(torch.cat(loss), None if counts[0] is None else torch.cat(counts), reduction)
