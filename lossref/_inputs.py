"""What every loss asks of its inputs, said once."""

import functools
import inspect
import numbers
import operator
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.fx.experimental.proxy_tensor import get_proxy_mode
from torch.nn import functional

Loss = TypeVar("Loss", bound=Callable[..., Tensor])
HALF = (torch.float16, torch.bfloat16)


def widen(tensor: Tensor) -> Tensor:
    """Return `tensor` in float32 if it is in half precision."""
    return tensor.float() if tensor.dtype in HALF else tensor


def at_least_float32(loss: Loss) -> Loss:
    """Let `loss` compute float16 and bfloat16 in float32, and round the result once, at the end.

    Under autocast the result stays float32, as that of torch's losses does.
    """
    parameters = inspect.signature(loss).parameters
    named = [p.name for p in parameters.values() if p.kind is p.KEYWORD_ONLY]
    places = len(parameters) - len(named)
    tensors = [p.name for p in parameters.values() if p.annotation is Tensor]  # they come first
    perhaps = [p.name for p in parameters.values() if p.annotation == Tensor | float]

    @functools.wraps(loss)
    def wrapper(*args: Any, **kwargs: Any) -> Tensor:
        if named and len(args) > places:
            in_torch = ", which torch takes for the deprecated size_average: anything true means 'mean' there"
            raise TypeError(
                f"{loss.__name__}() takes {places} arguments by position, and got {brief(args[places])} "
                f"after them{in_torch if hasattr(functional, loss.__name__) else ''}. "
                f"Say which it is: {'=..., '.join(named)}=..."
            )
        given = dict(zip(parameters, args, strict=False)) | kwargs
        if len(given) < len(args) + len(kwargs) or not given.keys() >= set(tensors):
            return loss(*args, **kwargs)  # Python says what is missing, or there twice
        inputs = [given.pop(name) for name in tensors]
        for name, tensor in zip(tensors, inputs, strict=True):
            check_tensor(name, tensor)
        others = [given[name] for name in perhaps if isinstance(given.get(name), Tensor)]
        dtype = functools.reduce(torch.promote_types, (tensor.dtype for tensor in inputs + others))
        first = inputs[0]
        if not first.is_meta and torch.is_autocast_enabled(first.device.type):
            return loss(*map(widen, inputs), **given)
        if dtype in HALF:
            return loss(*map(widen, inputs), **given).to(dtype)
        return loss(*inputs, **given)

    # torch.compile counts recompilations by code object, and would count those of all losses together.
    function = cast(Any, wrapper)
    function.__code__ = function.__code__.replace(co_name=loss.__name__)
    return cast(Loss, function)


def check_tensor(name: str, value: object) -> None:
    """Refuse numbers, lists and arrays."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a Tensor, got {type(value).__name__}")


def check_floating(name: str, tensor: Tensor) -> None:
    """Refuse integers and complex numbers."""
    if not tensor.is_floating_point():
        raise NotImplementedError(f"{name} must be floating point, got {tensor.dtype}")


def brief(value: object) -> str:
    """Say in a few words what came."""
    if isinstance(value, Tensor):
        graph = " with a gradient" if value.requires_grad else ""
        return f"a {type(value).__name__} of shape {tuple(value.shape)}{graph}"
    return repr(value) if isinstance(value, str) else type(value).__name__


def number(name: str, value: Any) -> float:
    """Return an option as a number: of Python or NumPy, or a tensor of no dimension and no gradient."""
    known = value
    if isinstance(value, Tensor) and value.dim() == 0 and not has_derivative(value):
        known = value.item()
    if not isinstance(known, numbers.Real | torch.SymFloat | torch.SymInt):
        raise TypeError(f"{name} must be a number, got {brief(value)}")
    return float(known)


def whole_number(name: str, value: Any) -> int:
    """Return an option as an int: of Python or NumPy, or a tensor of no dimension."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int, got {brief(value)}") from None


def has_derivative(tensor: Tensor) -> bool:
    """Whether someone asks how the loss changes with `tensor`, which a number could not say."""
    if tensor.requires_grad or torch.compiler.is_compiling():
        return tensor.requires_grad
    tangent: Tensor | None = forward_ad.unpack_dual(tensor).tangent  # type: ignore[no-untyped-call]
    return not values_are_known(tensor) or tangent is not None


def real(**tensors: Tensor) -> list[Tensor]:
    """Return `tensors` in their common dtype, integers as floating point; refuse complex numbers."""
    dtype = functools.reduce(torch.promote_types, (tensor.dtype for tensor in tensors.values()))
    if dtype.is_complex:
        got = ", ".join(f"{name} of {tensor.dtype}" for name, tensor in tensors.items())
        raise NotImplementedError(f"{' and '.join(tensors)} must be real; got {got}")
    if not dtype.is_floating_point:
        dtype = torch.get_default_dtype()
    return [tensor.to(dtype) for tensor in tensors.values()]


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


def check_weight(name: str, weight: Tensor) -> None:
    """Refuse numbers, and complex weights."""
    check_tensor(name, weight)
    if weight.is_complex():
        raise NotImplementedError(f"{name} must be real, got {weight.dtype}")


def weight_like(input: Tensor, weight: Tensor, loss: Tensor) -> Tensor:
    """Return `weight`, checked to have the shape of `input`, in the shape and dtype of `loss`."""
    check_weight("weight", weight)
    if weight.shape != input.shape:
        raise ValueError(
            f"weight must have the same size as input, {tuple(input.shape)}; got {tuple(weight.shape)}"
        )
    # An integer loss takes the dtype of the weight, and half precision would round it.
    weight = weight.to(loss.dtype) if loss.is_floating_point() else widen(weight)
    return weight if weight.shape == loss.shape else weight.expand(loss.shape)


def factor(name: str, weight: Tensor, loss: Tensor) -> Tensor:
    """Return `weight` as a factor of `loss`: it may be broadcast, but must not enlarge the loss."""
    check_weight(name, weight)
    shape, needed = tuple(weight.shape), tuple(loss.shape)
    fits = len(shape) <= len(needed)
    if fits:
        for size, whole in zip(shape, needed[len(needed) - len(shape) :], strict=True):
            fits = fits and size in (1, whole)
    if not fits:
        hint = ""
        if len(needed) > 2 and shape == needed[1:2]:
            ones = (1,) * (len(needed) - 2)
            hint = f"; one for each of {shape[0]} classes in dimension 1 has the shape {shape + ones}"
        raise RuntimeError(f"{name} must broadcast to the size of input, {needed}; got {shape}{hint}")
    return weight.to(loss.dtype)


def values_are_known(*tensors: Tensor) -> bool:
    """Whether a check may look at the values of `tensors`.

    It may not where there are none (meta and fake tensors), where those of today are not those of
    tomorrow (`torch.compile`, `make_fx`, `torch.func.linearize`), where they stand for many
    (`torch.func.vmap` and its relatives), or where they are spread over devices (DTensor).
    """
    return not (torch.compiler.is_compiling() or get_proxy_mode()) and not any(
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


def check_not_negative(name: str, tensor: Tensor) -> None:
    """Refuse what is below 0."""
    if values_are_known(tensor) and (tensor < 0).any():
        raise ValueError(f"{name} must not be negative, got {tensor[tensor < 0][0]:.4g}")
