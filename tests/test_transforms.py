"""What torch can do to a function, it can do to each of these: transforms, compilers, autocast, memory."""

import pytest
import torch
from torch.autograd import forward_ad
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap
from torch.testing import assert_close

from tests.losses import Call, calls, to

CALLS = calls()
LAST = {call.loss.name: call for call in CALLS}  # each loss, with the last of its options

each_call = pytest.mark.parametrize("call", CALLS, ids=str)


@each_call
class TestTransforms:
    def test_func_grad_and_vjp(self, call: Call) -> None:
        expected = grad(call.theirs)(call.input)
        assert_close(grad(call.ours)(call.input), expected)
        (found,) = vjp(call.ours, call.input)[1](torch.tensor(3.0, dtype=torch.float64))
        assert_close(found, 3 * expected)

    def test_jvp(self, call: Call) -> None:
        along = torch.randn(call.input.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        value, tangent = jvp(call.ours, (call.input,), (along,))
        assert_close(value, call.theirs(call.input))
        assert_close(tangent, (grad(call.theirs)(call.input) * along).sum())
        with forward_ad.dual_level():
            dual = call.ours(forward_ad.make_dual(call.input, along))
            assert_close(forward_ad.unpack_dual(dual).tangent, tangent)

    @pytest.mark.parametrize("outer", [jacfwd, jacrev])
    @pytest.mark.parametrize("inner", [jacfwd, jacrev])
    def test_second_derivatives(self, call: Call, outer, inner) -> None:
        expected = torch.autograd.functional.hessian(call.differentiable, call.input)
        assert_close(outer(inner(call.ours))(call.input), expected)

    def test_vmap(self, call: Call) -> None:
        inputs = torch.stack([call.input, call.input.flip(0), call.input.flip(1)])
        targets = torch.stack([call.target.flip(0), call.target, call.target])
        pairs = list(zip(inputs, targets, strict=True))
        assert_close(vmap(call.ours)(inputs, targets), torch.stack([call.theirs(x, y) for x, y in pairs]))
        assert_close(
            vmap(call.ours, in_dims=(1, None))(inputs.movedim(0, 1), call.target), vmap(call.ours)(inputs)
        )
        one_input = vmap(call.ours, in_dims=(None, 0))(call.input, targets)
        assert_close(one_input, torch.stack([call.theirs(call.input, y) for y in targets]))
        for transform in (grad, hessian):
            expected = torch.stack(
                [
                    jacrev(grad(call.differentiable))(x) if transform is hessian else grad(call.theirs)(x)
                    for x in inputs
                ]
            )
            assert_close(vmap(transform(call.ours))(inputs), expected)

    def test_gradcheck(self, call: Call) -> None:
        leaves = [call.input.clone().requires_grad_()]
        if call.target.is_floating_point():
            leaves.append(call.target.clone().requires_grad_())
        assert torch.autograd.gradcheck(call.ours, leaves, check_forward_ad=True, check_batched_grad=True)
        assert torch.autograd.gradgradcheck(call.ours, leaves, check_fwd_over_rev=True)

    def test_compile(self, call: Call) -> None:
        torch._dynamo.reset()
        for_any_shape = LAST[call.loss.name] is call  # inductor, below, has the shapes of these
        compiled = torch.compile(
            call.ours, fullgraph=True, backend="aot_eager", dynamic=for_any_shape or None
        )
        leaf = call.input.clone().requires_grad_()
        value = compiled(leaf)
        assert_close(value, call.theirs(call.input))
        assert_close(*torch.autograd.grad(value, leaf), grad(call.theirs)(call.input))
        assert_close(compiled(call.input), call.theirs(call.input))  # nothing needs a gradient

    def test_an_unreduced_loss_can_be_edited_in_place(self, call: Call) -> None:
        leaf = call.input.clone().requires_grad_()
        loss = call.ours(leaf, reduction="none")
        loss[1] = 0
        loss *= 2
        (found,) = torch.autograd.grad(loss.sum(), leaf)
        expected = grad(lambda x: 2 * call.theirs(x, reduction="none").sum())(call.input)
        expected[1] = 0
        assert_close(found, expected)

    def test_meta(self, call: Call) -> None:
        for dtype in (torch.float64, torch.bfloat16):
            options = {key: to(to(value, dtype), "meta") for key, value in call.options.items()}
            for reduction in ("none", "mean"):
                input, target = to(call.input, dtype).to("meta"), to(call.target, dtype).to("meta")
                result = call.loss.ours(input, target, **options, reduction=reduction)
                assert result.is_meta
                assert result.shape == call.theirs(call.input, reduction=reduction).shape
                assert result.dtype == dtype

    def test_inference_mode(self, call: Call) -> None:
        with torch.inference_mode():
            result = call.ours(call.input)
        assert result.is_inference()
        assert_close(result.clone(), call.theirs(call.input))

    @pytest.mark.parametrize(
        ("dtype", "compiled"),
        [
            *((d, False) for d in (torch.float16, torch.bfloat16, torch.float32, torch.float64)),
            (torch.bfloat16, True),
        ],
        ids=str,
    )
    def test_autocast(self, call: Call, dtype: torch.dtype, compiled: bool) -> None:
        torch._dynamo.reset()
        function = (
            torch.compile(call.loss.ours, fullgraph=True, backend="eager") if compiled else call.loss.ours
        )
        input, target = to(call.input, dtype), to(call.target, dtype)
        options = {key: to(value, dtype) for key, value in call.options.items()}
        with torch.autocast("cpu", dtype=torch.bfloat16):
            result = function(input, target, **options)
        assert result.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        assert_close(result.double(), call.theirs(call.input), rtol=0.05, atol=0.01)

    @pytest.mark.parametrize("half", ["input", "target"])
    def test_autocast_of_one_half(self, call: Call, half: str) -> None:
        """A model gives bfloat16 there, and the labels are float32."""
        dtypes = (torch.bfloat16, torch.float32) if half == "input" else (torch.float32, torch.bfloat16)
        input, target = to(call.input, dtypes[0]), to(call.target, dtypes[1])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            options = {key: to(value, torch.float32) for key, value in call.options.items()}
            result = call.loss.ours(input, target, **options)
        assert result.dtype == torch.float32
        expected = call.theirs(input.double(), to(target, torch.float64))
        assert_close(result.double(), expected, rtol=1e-5, atol=1e-6)

    def test_layout_of_memory_does_not_matter(self, call: Call) -> None:
        strided = call.input.repeat_interleave(2, dim=1)[:, ::2]
        transposed = call.input.t().contiguous().t()
        assert not strided.is_contiguous()
        assert not transposed.is_contiguous()
        expected = call.theirs(call.input, reduction="none")
        assert_close(call.ours(strided, reduction="none"), expected)
        assert_close(call.ours(transposed, reduction="none"), expected)


@torch._dynamo.config.patch(recompile_limit=2)
def test_each_loss_has_recompilations_of_its_own() -> None:
    torch._dynamo.reset()
    for call in LAST.values():
        compiled = torch.compile(call.loss.ours, fullgraph=True, backend="eager")
        for dtype in (torch.float32, torch.float64):
            input, target = to(call.input, dtype), to(call.target, dtype)
            options = {key: to(value, dtype) for key, value in call.options.items()}
            value = compiled(input, target, **options)
            assert_close(value, call.loss.theirs(input, target, **options), check_dtype=False)


def test_compiled_by_inductor() -> None:
    """All in one graph: starting the C++ compiler is what takes the time."""
    all_of_them = list(LAST.values())
    torch._dynamo.reset()
    compiled = torch.compile(
        lambda leaves: [call.ours(leaf) for call, leaf in zip(all_of_them, leaves, strict=True)],
        fullgraph=True,
    )
    leaves = [call.input.clone().requires_grad_() for call in all_of_them]
    values = compiled(leaves)
    assert_close(values, [call.theirs(call.input) for call in all_of_them])
    slopes = torch.autograd.grad(sum(values), leaves)
    assert_close(list(slopes), [grad(call.theirs)(call.input) for call in all_of_them])
