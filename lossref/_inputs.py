"""What every loss asks of its inputs, said once."""

import functools
import warnings
from collections.abc import Callable
from typing import Any, SupportsFloat, TypeVar, cast

import torch
from torch import Tensor

Loss = TypeVar("Loss", bound=Callable[..., Tensor])
HALF = (torch.float16, torch.bfloat16)


def at_least_float32(loss: Loss) -> Loss:
    """Let `loss` compute float16 and bfloat16 in float32, and round the result once, at the end.

    Under autocast the result stays float32, as that of torch's losses does.
    """

    def widen(tensor: Tensor) -> Tensor:
        return tensor.float() if tensor.dtype in HALF else tensor

    @functools.wraps(loss)
    def wrapper(input: Tensor, target: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_tensor("input", input)
        check_tensor("target", target)
        dtype = torch.promote_types(input.dtype, target.dtype)
        if not input.is_meta and torch.is_autocast_enabled(input.device.type):
            return loss(widen(input), widen(target), *args, **kwargs)
        if dtype in HALF:
            return loss(widen(input), widen(target), *args, **kwargs).to(dtype)
        return loss(input, target, *args, **kwargs)

    return cast(Loss, wrapper)


def check_tensor(name: str, value: object) -> None:
    """Refuse numbers, lists and arrays."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a Tensor, got {type(value).__name__}")


def check_number(name: str, value: object) -> None:
    """Refuse text, None and lists as a parameter."""
    if not isinstance(value, SupportsFloat):
        raise TypeError(f"{name} must be a number, got {type(value).__name__}")


def check_real(input: Tensor, target: Tensor) -> None:
    """Refuse complex numbers, and integers on both sides."""
    if not torch.promote_types(input.dtype, target.dtype).is_floating_point:
        raise NotImplementedError(
            "input and target must be real, and one of them floating point; "
            f"got input of {input.dtype} and target of {target.dtype}"
        )


def difference(input: Tensor, target: Tensor) -> Tensor:
    """Return `input - target`; warn, as torch does, when their shapes differ and must be broadcast."""
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=4,  # the caller of the loss, at_least_float32, the loss, here
        )
        input, target = torch.broadcast_tensors(input, target)  # type: ignore[no-untyped-call]
    return input - target


def weight_like(input: Tensor, weight: Tensor, loss: Tensor) -> Tensor:
    """Return `weight`, checked to have one entry for each element of `input`, in the dtype of `loss`."""
    check_tensor("weight", weight)
    if weight.shape != input.shape:
        raise ValueError(
            f"weight must have the same size as input, {tuple(input.shape)}; got {tuple(weight.shape)}"
        )
    return weight.to(loss.dtype)


def values_are_known(*tensors: Tensor) -> bool:
    """Whether a check may look at the values of `tensors`.

    It may not where there are none (meta and fake tensors, `torch.compile`), where they stand for
    many (`torch.func.vmap` and its relatives), or where they are spread over devices (DTensor).
    """
    return not torch.compiler.is_compiling() and not any(
        tensor.is_meta
        or torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        or type(tensor).__torch_dispatch__ is not Tensor.__torch_dispatch__
        for tensor in tensors
    )


def check_probability(name: str, tensor: Tensor) -> None:
    """Refuse what is outside [0, 1], and nan."""
    if tensor.numel() and values_are_known(tensor):
        # Detached, since aminmax knows no forward mode in torch 2.8.
        low, high = (bound.item() for bound in torch.aminmax(tensor.detach()))
        if not (low >= 0 and high <= 1):  # nor is a nan
            raise RuntimeError(
                f"all elements of {name} should be between 0 and 1, got values from {low:.4g} to {high:.4g}"
            )
