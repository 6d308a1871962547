"""A derivative written down by hand, where the one that autograd finds is slow or not what we want."""

from typing import Any

import torch
from torch import Tensor


class _WithGradient(torch.autograd.Function):
    @staticmethod
    def forward(loss: Tensor, *inputs_and_gradients: Tensor) -> Tensor:
        return loss.view_as(loss)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[len(inputs) // 2 + 1 :])

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.saved_tensors
        needed = ctx.needs_input_grad[1 : len(gradients) + 1]
        products = (
            upstream * gradient if need else None for need, gradient in zip(needed, gradients, strict=True)
        )
        return None, *products, *(None for _ in gradients)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *tensors: Tensor) -> tuple[Tensor, int]:
        batches = (
            tensor.expand(info.batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            for tensor, dim in zip(tensors, in_dims, strict=True)
        )
        return with_gradient(*batches), 0


class _WithGradientAndJvp(_WithGradient):
    @staticmethod
    def jvp(ctx: Any, loss_tangent: Tensor, *_: Tensor) -> Tensor:
        return loss_tangent.view_as(loss_tangent)


def with_gradient(loss: Tensor, *inputs_and_gradients: Tensor) -> Tensor:
    """Return `loss`, for which backward uses these gradients and not those that autograd would find.

    First the inputs, then as many gradients: `with_gradient(x**3, x, 3 * x**2)`. The gradients are
    formulas in the inputs, so that their own derivatives are the second derivatives of the loss. In
    forward mode (`torch.func.jvp`) the formula of the loss speaks for itself.
    """
    function: type[_WithGradient] = _WithGradientAndJvp
    if torch.compiler.is_compiling():  # Dynamo traces no jvp, and no function where nothing needs a gradient
        if not loss.requires_grad:
            return loss
        function = _WithGradient
    result: Tensor = function.apply(loss, *inputs_and_gradients)  # type: ignore[no-untyped-call]
    return result
