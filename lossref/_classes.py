"""What a loss asks about the classes of its rows, also where these are spread over devices.

DTensor could run every step of the usual formula, but it would first gather the logits on every
device: for `gather`, `scatter`, `log_softmax` and `logsumexp`. Comparing, adding up and the largest
need one number a row from each device. A compiler fuses them, where `gather` and `scatter` each take
a pass over all logits; in eager mode it is they that are fast.
"""

import torch
from torch import Tensor


def is_spread(tensor: Tensor) -> bool:
    """Whether `tensor` is a DTensor."""
    return hasattr(tensor, "placements")  # to import that class takes longer than to import lossref


def by_comparing(input: Tensor) -> bool:
    """Whether the class of a row is found by comparing it with the number of each."""
    return is_spread(input) or torch.compiler.is_compiling()


def spread(tensor: Tensor, like: Tensor) -> Tensor:
    """Return `tensor` on the devices of `like`, if that is spread: a plain one is the same on all."""
    if is_spread(tensor) or not is_spread(like):
        return tensor
    from torch.distributed.tensor import DTensor, Replicate

    mesh = like.device_mesh  # type: ignore[attr-defined]
    return DTensor.from_local(tensor, mesh, [Replicate()] * mesh.ndim)


def class_numbers(input: Tensor, dim: int) -> Tensor:
    """Return 0 to C - 1 along the dimension of the classes, spread over devices as those of `input` are."""
    from torch.distributed.tensor import DTensor, Replicate, Shard

    numbers = torch.arange(input.shape[dim], device=input.device)
    if isinstance(input, DTensor):
        places = [Shard(0) if place.is_shard(dim) else Replicate() for place in input.placements]
        numbers = spread(numbers, input).redistribute(placements=places)  # type: ignore[attr-defined]
    return numbers.view(-1, *[1] * (input.dim() - 1 - dim))


def is_class(input: Tensor, target: Tensor, dim: int) -> Tensor:
    """Return where in `input` the class of a row is; a row of class -1 has none."""
    target = target.unsqueeze(dim)
    if by_comparing(input):
        return class_numbers(input, dim) == target
    nowhere = torch.zeros_like(input, dtype=torch.bool)
    return nowhere.scatter(dim, target.clamp(min=0), target >= 0)


def is_other_class(input: Tensor, target: Tensor, dim: int) -> Tensor:
    """Return where in `input` the classes are that a row is not of; a row of class -1 has none."""
    target = target.unsqueeze(dim)
    if by_comparing(input):
        return (class_numbers(input, dim) != target) & (target >= 0)
    return (target >= 0).expand_as(input).scatter(dim, target.clamp(min=0), False)


def at_class(input: Tensor, target: Tensor, dim: int, *tensors: Tensor) -> list[Tensor]:
    """Return what each of `tensors`, shaped as `input` is, has at the class of a row; 0 where that is -1."""
    if by_comparing(input):
        true = is_class(input, target, dim)
        return sums(dim, *(torch.where(true, tensor, 0.0) for tensor in tensors))
    index = target.clamp(min=0).unsqueeze(dim)
    found = (tensor.expand_as(input).gather(dim, index).squeeze(dim) for tensor in tensors)
    return [torch.where(target >= 0, values, 0.0) for values in found]


def sums(dim: int, *terms: Tensor) -> list[Tensor]:
    """Return the sum of each of `terms` over the classes, with one message if they are on many devices."""
    if len(terms) > 1 and is_spread(terms[0]):
        together = complete(torch.stack(terms).sum(dim + 1))
        return [together[number] for number in range(len(terms))]
    return [complete(term.sum(dim)) for term in terms]


def complete(tensor: Tensor) -> Tensor:
    """Return a sum or a maximum, complete on every device.

    DTensor would do so by itself at the next step that needs it, but again at each, and in backward.
    """
    if not is_spread(tensor):
        return tensor
    from torch.distributed.tensor import DTensor, Replicate

    places = [Replicate() if place.is_partial() else place for place in tensor.placements]  # type: ignore[attr-defined]
    return DTensor.redistribute(tensor, placements=places)  # type: ignore[arg-type]


def largest(x: Tensor, dim: int) -> Tensor:
    """Return the largest of each row, over the classes or another dimension, as a constant."""
    x = x.detach()
    if not is_spread(x):
        return x.amax(dim, keepdim=True)
    from torch.distributed.tensor import DTensor, Partial

    # By hand: where classes are fewer than devices, one has none, and amax refuses it.
    here = x.to_local()  # type: ignore[attr-defined]
    top = here.amax(dim, keepdim=True) if here.shape[dim] else here.sum(dim, keepdim=True) - torch.inf
    whole = torch.empty([*x.shape[:dim], 1, *x.shape[dim + 1 :]], device="meta")
    mesh, places = x.device_mesh, x.placements  # type: ignore[attr-defined]
    places = [Partial("max") if place.is_shard(dim) else place for place in places]
    return complete(DTensor.from_local(top, mesh, places, shape=whole.shape, stride=whole.stride()))
