"""What the losses of boxes share: the check of the corners, the overlap and the distance of two boxes."""

import torch
from torch import Tensor

from lossref._inputs import real, values_are_known


def check_boxes(input: Tensor, target: Tensor) -> list[Tensor]:
    """Return the boxes, checked to be pairs, and each to have its corners in order."""
    boxes = real(input=input, target=target)
    if input.shape != target.shape or input.shape[-1:] != (4,):
        raise RuntimeError(
            "input and target must have the same shape, (..., 4); "
            f"got {tuple(input.shape)} and {tuple(target.shape)}"
        )
    for name, box in zip(("input", "target"), boxes, strict=True):
        if values_are_known(box) and (wrong := (box[..., 2:] < box[..., :2]).any(-1)).any():
            x1, y1, x2, y2 = box[wrong][0].tolist()
            raise ValueError(
                f"{name} must hold boxes (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2, "
                f"got ({x1:.4g}, {y1:.4g}, {x2:.4g}, {y2:.4g}): are the last two a width and a height?"
            )
    return boxes


def area(size: Tensor) -> Tensor:
    """Return the product of width and height."""
    return size[..., 0] * size[..., 1]


def share(part: Tensor, whole: Tensor) -> Tensor:
    """Return the quotient; 0 where the whole is nothing, with the slope 0."""
    nothing = whole == 0
    return torch.where(nothing, 0.0, part) / torch.where(nothing, 1.0, whole)


def overlap(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return intersection over union, the area of the union, and the size of the box around both."""
    inner = torch.minimum(x[..., 2:], y[..., 2:]) - torch.maximum(x[..., :2], y[..., :2])
    hull = torch.maximum(x[..., 2:], y[..., 2:]) - torch.minimum(x[..., :2], y[..., :2])
    common = area(inner.clamp(min=0))
    union = area(x[..., 2:] - x[..., :2]) + area(y[..., 2:] - y[..., :2]) - common
    return share(common, union), union, hull


def distance(x: Tensor, y: Tensor, hull: Tensor) -> Tensor:
    """Return the squared distance of the centres, as a share of the squared diagonal around both."""
    gap = x - y  # first, since the coordinates of near boxes are large beside it
    apart = (gap[..., :2] + gap[..., 2:]) / 2
    return share(apart.square().sum(-1), hull.square().sum(-1))
