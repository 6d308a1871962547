"""Faults that the field has had, planted into losses that were right, each with the report of it.

`PLANTED` says of each what it is like and which law it breaks; `test_testing.py` lets the kit look for them.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import lossref


def reduced(loss: Tensor, reduction: str) -> Tensor:
    return loss if reduction == "none" else loss.sum() if reduction == "sum" else loss.mean()


def mean_over_rows(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Each row is summed first, so that the mean is as many times too large as there are columns."""
    loss = F.binary_cross_entropy_with_logits(input, target, reduction="none")
    return loss if reduction == "none" else loss.sum() / (1 if reduction == "sum" else len(loss))


def detached(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The losses are put into a new tensor, which knows nothing of where they came from."""
    return reduced(((input - target) ** 2).detach() + 0 * input, reduction)


def smoothed_over_the_others(
    input: Tensor, target: Tensor, label_smoothing: float = 0.0, reduction: str = "mean"
) -> Tensor:
    classes = input.shape[1]
    if target.is_floating_point():
        return lossref.cross_entropy(input, target, label_smoothing=label_smoothing, reduction=reduction)  # type: ignore[arg-type]
    truth = F.one_hot(target, classes) * (1 - label_smoothing * classes / (classes - 1))
    truth = truth + label_smoothing / (classes - 1)
    return reduced(-(truth * input.log_softmax(1)).sum(1), reduction)


def ignored_but_counted(
    input: Tensor, target: Tensor, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    loss = F.nll_loss(input, target, ignore_index=ignore_index, reduction="none")
    return reduced(loss, reduction)  # divides by all rows


def masked_by_multiplying(
    input: Tensor, target: Tensor, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    kept = (target != ignore_index).to(input.dtype)
    loss = -input.gather(1, target.clamp(min=0)[:, None])[:, 0] * kept
    return loss.sum() / kept.sum() if reduction == "mean" else reduced(loss, reduction)


def softmax_minus_one(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """A certain class has the gradient p - 1, which rounds to 0."""
    if target.is_floating_point():
        return lossref.cross_entropy(input, target, reduction=reduction)  # type: ignore[arg-type]
    return reduced(-input.log_softmax(1).gather(1, target[:, None])[:, 0], reduction)


def exponential_first(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    return reduced((1 + (-target * input).exp()).log(), reduction)


def logarithm_of_zero(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    return reduced(-(target * input.log() + (1 - target) * (1 - input).log()), reduction)


def nothing_times_infinity(
    input: Tensor, target: Tensor, log_target: bool = False, reduction: str = "mean"
) -> Tensor:
    return reduced(
        target.exp() * (target - input) if log_target else target * (target.log() - input), reduction
    )


def signed_residual(input: Tensor, target: Tensor, delta: float = 1.0, reduction: str = "mean") -> Tensor:
    r = input - target
    return reduced(torch.where(r < delta, r**2 / 2, delta * (r.abs() - delta / 2)), reduction)


def arms_without_the_threshold(
    input: Tensor, target: Tensor, delta: float = 1.0, reduction: str = "mean"
) -> Tensor:
    size = (input - target).abs()
    return reduced(torch.where(size < delta, size**2 / 2, size - 0.5), reduction)


def clipped_residual(input: Tensor, target: Tensor, delta: float = 1.0, reduction: str = "mean") -> Tensor:
    r = input - target
    value = F.huber_loss(input, target, delta=delta, reduction="none").detach()
    square = r.clamp(-delta, delta) ** 2 / 2
    return reduced(value + square - square.detach(), reduction)


def divided_by_the_threshold(
    input: Tensor, target: Tensor, delta: float = 1.0, reduction: str = "mean"
) -> Tensor:
    return F.smooth_l1_loss(input, target, beta=delta, reduction=reduction)


def weighed_and_divided_by_rows(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    return reduced(F.nll_loss(input, target, weight, reduction="none"), reduction)


def table_of_all_pairs(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    return reduced((input - target) ** 2, reduction)


def clamped_labels(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    loss = -input.gather(1, target.clamp(0, input.shape[1] - 1)[:, None])[:, 0]
    return reduced(loss, reduction)


def scaled_by_the_batch(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    return reduced((input - target).abs() * len(input) / 6, reduction)


def written_into(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    with torch.no_grad():
        loss = (input - target).abs()
        input.clamp_(-1, 1)
    return reduced(loss + 0 * input, reduction)


def softmax_twice(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    return F.cross_entropy(input.softmax(1), target, reduction=reduction)


def cosine_of_nothing(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    cosine = (input1 * input2).sum(-1) / (input1.norm(dim=-1) * input2.norm(dim=-1))
    return reduced(torch.where(target == 1, 1 - cosine, (cosine - margin).clamp(min=0)), reduction)


def branch_on_a_value(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    loss = (input - target).abs()
    if loss.max() > 1e6:
        loss = loss.clamp(max=1e6)
    return reduced(loss, reduction)


def exponential_in_half(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Beyond 11 the exponential leaves float16."""
    margin = target.to(input.dtype) * input
    far = margin < -40
    return reduced(torch.where(far, -margin, (-margin.where(~far, 0)).exp().log1p()), reduction)


class Upstream(torch.autograd.Function):
    """A written gradient that forgets the one from above."""

    @staticmethod
    def forward(r: Tensor) -> Tensor:
        return r.abs()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> Tensor:  # type: ignore[override]
        return ctx.saved_tensors[0].sign()


def forgets_upstream(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    return reduced(Upstream.apply(input - target), reduction)


class Once(torch.autograd.Function):
    """A written gradient that has none itself."""

    @staticmethod
    def forward(ctx: Any, r: Tensor) -> Tensor:  # type: ignore[override]
        ctx.r = r.detach()
        return r**2

    @staticmethod
    def backward(ctx: Any, above: Tensor) -> Tensor:  # type: ignore[override]
        return 2 * ctx.r * above


def differentiable_once(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    return reduced(Once.apply(input - target), reduction)


PLANTED = [
    (mean_over_rows, "binary_cross_entropy_with_logits", "reductions", "pytorch/pytorch#2259"),
    (detached, "mse_loss", "gradient", "paiml/aprender#3034"),
    (smoothed_over_the_others, "cross_entropy", "smoothing", "pytorch/pytorch#148884"),
    (ignored_but_counted, "nll_loss", "ignore", "karpathy/nanoGPT#323"),
    (masked_by_multiplying, "nll_loss", "ignore", "pytorch/pytorch#68425"),
    (softmax_minus_one, "cross_entropy", "tails", "pytorch/pytorch#195529"),
    (exponential_first, "soft_margin_loss", "tails", "Lightning-AI/torchmetrics#3488"),
    (logarithm_of_zero, "binary_cross_entropy", "value", "pytorch/pytorch#24933"),
    (nothing_times_infinity, "kl_div", "value", "google-deepmind/optax#1786"),
    (signed_residual, "huber_loss", "value", "marlbenchmark/on-policy#47"),
    (arms_without_the_threshold, "huber_loss", "value", "tensorforce/tensorforce#139"),
    (clipped_residual, "huber_loss", "gradient", "devsisters/DQN-tensorflow#16"),
    (divided_by_the_threshold, "huber_loss", "value", "huggingface/diffusers#7488"),
    (weighed_and_divided_by_rows, "nll_loss", "weight", "pytorch/pytorch#31295"),
    (table_of_all_pairs, "mse_loss", "refusals", "pytorch/pytorch#16045"),
    (clamped_labels, "nll_loss", "refusals", "pytorch/pytorch#193794"),
    (scaled_by_the_batch, "l1_loss", "rows", "huggingface/transformers#34191"),
    (written_into, "l1_loss", "purity", "unslothai/unsloth#5002"),
    (softmax_twice, "cross_entropy", "value", "gitabcworld/MatchingNetworks#5"),
    (cosine_of_nothing, "cosine_embedding_loss", "value", "google-deepmind/optax#946"),
    (branch_on_a_value, "l1_loss", "compiled", "pytorch/pytorch#194503"),
    (branch_on_a_value, "l1_loss", "vmap", "pytorch/functorch#257"),
    (exponential_in_half, "soft_margin_loss", "half", "pytorch/pytorch#29429"),
    (forgets_upstream, "l1_loss", "gradient", "chainer/chainer#1175"),
    (differentiable_once, "mse_loss", "second", "pytorch/pytorch#70108"),
    (differentiable_once, "mse_loss", "forward", "pytorch/pytorch#70108"),
]
