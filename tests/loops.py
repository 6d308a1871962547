"""Losses in slow loops of plain Python, where torch's own have no second derivative and no half precision."""

import torch
from torch import Tensor


def reduced(rows: list[Tensor], reduction: str) -> Tensor:
    losses = torch.stack(rows)
    return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    rows = []
    for x, y in zip(input, target.tolist(), strict=True):
        total = 0 * x[0].detach()
        for c in range(len(x)):
            gap = margin - x[y] + x[c]
            if c != y and not gap <= 0:
                total = total + gap**p
        rows.append(total / len(x) * (1 if weight is None else weight[y]))
    return reduced(rows, reduction)


def multilabel_margin_loss(input: Tensor, target: Tensor, *, reduction: str = "mean") -> Tensor:
    rows = []
    for x, labels in zip(input, target.tolist(), strict=True):
        total, listed = 0 * x[0].detach(), [*labels, -1]
        listed = listed[: listed.index(-1)]
        for y in listed:
            for c in range(len(x)):
                gap = 1 - x[y] + x[c]
                if c not in listed and not gap <= 0:
                    total = total + gap
        rows.append(total / len(x))
    return reduced(rows, reduction)
