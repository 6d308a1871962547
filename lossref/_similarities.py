"""What the contrastive losses share: vectors as directions, and the similarity of each to each."""

import torch
from torch import Tensor

from lossref._classes import largest, spread
from lossref._inputs import number, real, values_are_known


def check_some(input: Tensor) -> None:
    """Refuse a batch without rows."""
    if not len(input):
        raise ValueError(f"input must have at least one row, got the shape {tuple(input.shape)}")


def check_views(input: Tensor, target: Tensor) -> None:
    """Refuse what is not two views of the same rows."""
    if input.dim() != 2 or target.shape != input.shape:
        raise ValueError(
            "input and target must have one shape, (N, D); "
            f"got {tuple(input.shape)} and {tuple(target.shape)}"
        )
    check_some(input)


def direction(vector: Tensor) -> Tensor:
    """Return `vector` over its length: whatever that is, without overflow; 0, and slope 0, where it is 0."""
    size = largest(vector.abs(), vector.dim() - 1) if vector.shape[-1] else vector.sum(-1, keepdim=True)
    limits = torch.finfo(vector.dtype)
    scaled = vector / size.clamp(limits.tiny, limits.max)  # a constant, which cancels
    square = torch.where(size > 0, scaled.square().sum(-1, keepdim=True), 1.0)
    return torch.where(size == 0, 0.0, scaled / square.sqrt())


def vectors(normalize: bool, **tensors: Tensor) -> list[Tensor]:
    """Return the tensors, checked to be real, as directions if similarity is to be the cosine."""
    return [direction(tensor) if normalize else tensor for tensor in real(**tensors)]


def over(temperature: Tensor | float, similarities: Tensor) -> Tensor:
    """Divide by the temperature: a number, or a tensor that may be learned."""
    if isinstance(temperature, Tensor) and not temperature.dim() and temperature.is_floating_point():
        known = temperature.item() if values_are_known(temperature) else 1.0
    else:
        known = temperature = number("temperature", temperature)
    if not known > 0:
        raise ValueError(f"temperature must be greater than 0, got {known:g}")
    return similarities / temperature


def products(a: Tensor, b: Tensor) -> Tensor:
    """Return the product of each row of `a` with each of `b`, which autocast would round to 8 bits."""
    if a.is_meta:
        return a @ b.mT
    with torch.autocast(a.device.type, enabled=False):
        return a @ b.mT


def without_self(similarities: Tensor) -> tuple[Tensor, Tensor]:
    """Return the similarities with -inf for that of a row to itself, and where that is."""
    self = torch.eye(len(similarities), dtype=torch.bool, device=similarities.device)
    self = spread(self, similarities)
    return torch.where(self, -torch.inf, similarities), self
