"""What is true of linear cross entropy: it is that of the logits, in whatever parts they are computed."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import forward_ad
from torch.func import grad, hessian, jvp, vmap
from torch.testing import assert_close

from benchmarks.bench import peak_bytes
from lossref import cross_entropy, linear_cross_entropy
from tests.strategies import gradient

ROWS, FEATURES, CLASSES = 5, 3, 4


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def in_parts(rows: int | None) -> Any:
    return rows and torch.nn.LinearCrossEntropyOptions(batch_chunk_size=rows)


X, W, B = random(ROWS, FEATURES), random(CLASSES, FEATURES, seed=1), random(CLASSES, seed=2)
LABELS, WEIGHT = torch.tensor([0, 3, -100, 1, 2]), random(CLASSES, seed=3).exp()
CALLS: dict[str, tuple[Tensor, dict[str, Any]]] = {
    "labels": (LABELS, {}),
    "bytes": (LABELS.clamp(min=0).to(torch.uint8), {}),
    "weight": (LABELS, {"weight": WEIGHT}),
    "ignore": (LABELS.clamp(min=0), {"ignore_index": 3, "weight": WEIGHT}),
    "smoothing": (LABELS, {"label_smoothing": 0.2, "weight": WEIGHT}),
    "probabilities": (random(ROWS, CLASSES, seed=4).softmax(1), {"label_smoothing": 0.2, "weight": WEIGHT}),
}
each_call = pytest.mark.parametrize("name", CALLS)


def derivatives(loss: Any, along: Tensor, *leaves: Tensor) -> list[Tensor]:
    """Return value, gradients and second derivatives in a direction."""
    leaves = tuple(leaf.clone().requires_grad_() for leaf in leaves)
    value = loss(*leaves)
    first = torch.autograd.grad(
        (value * along[: value.numel()].view(value.shape)).sum(), leaves, create_graph=True
    )
    second = torch.autograd.grad(sum(slope.sin().sum() for slope in first), leaves)
    return [value, *first, *second]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, None])
@each_call
def test_is_cross_entropy_of_the_logits_in_any_parts(name: str, rows: int | None, reduction: str) -> None:
    target, options = CALLS[name]
    options = options | {"reduction": reduction}
    leaves = {"input": X, "linear_weight": W, "linear_bias": B}
    if "weight" in options:
        leaves["weight"] = options.pop("weight")

    def ours(*values: Tensor) -> Tensor:
        input, layer, *others = values
        named = dict(zip(list(leaves)[2:], others, strict=True))
        return linear_cross_entropy(input, layer, target, options=in_parts(rows), **named, **options)

    def by_logits(x: Tensor, w: Tensor, b: Tensor, *weight: Tensor) -> Tensor:
        return cross_entropy(x @ w.T + b, target, *weight, **options)

    along = random(ROWS, seed=5)
    assert_close(derivatives(ours, along, *leaves.values()), derivatives(by_logits, along, *leaves.values()))


def test_parts_have_less_memory_than_the_logits() -> None:
    """Of 1024 rows and 32768 classes the logits take 128 MiB, and torch holds three times as much."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1024, 64, generator=generator).requires_grad_()
    layer = torch.randn(32768, 64, generator=generator).div_(8).requires_grad_()
    target = torch.randint(32768, (1024,), generator=generator)
    held, theirs = (
        (peak_bytes(lambda x, y: loss(x, layer, y), x, target) - x.nbytes - target.nbytes) / 2**20  # noqa: B023
        for loss in (linear_cross_entropy, F.linear_cross_entropy)
    )
    assert held < 100
    assert theirs > 380


@each_call
def test_transforms_take_the_whole_and_lose_nothing(name: str) -> None:
    target, options = CALLS[name]

    def ours(x: Tensor, w: Tensor) -> Tensor:
        return linear_cross_entropy(x, w, target, options=in_parts(2), **options)

    def by_logits(x: Tensor, w: Tensor) -> Tensor:
        return cross_entropy(x @ w.T, target, **options)

    along = random(ROWS, FEATURES, seed=6), random(CLASSES, FEATURES, seed=7)
    assert_close(jvp(ours, (X, W), along), jvp(by_logits, (X, W), along))
    assert_close(hessian(ours, (0, 1))(X, W), hessian(by_logits, (0, 1))(X, W))
    stacked = torch.stack([X, X.flip(0)])
    assert_close(vmap(grad(ours, 1), (0, None))(stacked, W)[1], grad(by_logits, 1)(X.flip(0), W))
    expected = jvp(by_logits, (X, W), along)[1]
    with forward_ad.dual_level():
        dual = ours(*(forward_ad.make_dual(at, to) for at, to in zip((X, W), along, strict=True)))
        assert_close(forward_ad.unpack_dual(dual).tangent, expected)
    meta = [each.to("meta") for each in (X, W, target)]
    assert linear_cross_entropy(*meta, reduction="none", options=in_parts(2)).shape == (ROWS,)


def test_inside_a_transform_of_something_else() -> None:
    fixed = lambda: linear_cross_entropy(X, W, LABELS, options=in_parts(2))  # noqa: E731
    assert_close(grad(lambda scale: scale * fixed())(torch.ones((), dtype=X.dtype)), fixed())


def test_compiled_with_and_without_a_transform() -> None:
    torch._dynamo.reset()
    plain = lambda x, w: linear_cross_entropy(x, w, LABELS, options=in_parts(2))  # noqa: E731
    leaves = X.clone().requires_grad_(), W.clone().requires_grad_()
    compiled = torch.compile(plain, fullgraph=True, backend="aot_eager")
    assert_close(torch.autograd.grad(compiled(*leaves), leaves), grad(plain, (0, 1))(X, W))
    compiled = torch.compile(grad(plain, (0, 1)), fullgraph=True, backend="aot_eager")
    assert_close(compiled(X, W), grad(plain, (0, 1))(X, W))


def test_what_torch_loses_in_parts() -> None:
    """When this fails, torch has mended its own, and the docstring can say so."""
    theirs = lambda x: F.linear_cross_entropy(x, W, LABELS, options=in_parts(2))  # noqa: E731
    assert jvp(theirs, (X,), (X,))[1] == 0
    leaf = X.clone().requires_grad_()
    (slope,) = torch.autograd.grad(theirs(leaf), leaf, create_graph=True)
    assert not slope.requires_grad


@pytest.mark.parametrize("options", [{}, {"options": in_parts(2)}, {"label_smoothing": 0.1}], ids=str)
def test_an_ignored_row_that_is_not_finite_leaves_the_gradients_finite(options: dict[str, Any]) -> None:
    x = X.clone()
    x[2] = torch.tensor([math.inf, math.nan, -math.inf])
    assert_close(linear_cross_entropy(x, W, LABELS, **options), linear_cross_entropy(X, W, LABELS, **options))
    found, expected = (
        gradient(lambda w: linear_cross_entropy(at, w, LABELS, **options), W)  # noqa: B023
        for at in (x, X)
    )
    assert_close(found, expected)
    assert (gradient(lambda x: linear_cross_entropy(x, W, LABELS, **options), x)[2] == 0).all()
    assert gradient(lambda w: F.linear_cross_entropy(x, w, LABELS), W).isnan().any()


def test_more_losses_in_a_row() -> None:
    layer, bias = random(CLASSES, 2, 3, FEATURES, seed=1), random(CLASSES, 2, 3, seed=2)
    logits = torch.einsum("rf,c...f->rc...", X, layer) + bias
    labels = torch.randint(CLASSES, (ROWS, 2, 3), generator=torch.Generator().manual_seed(0))
    labels[1] = -100
    for target in (labels, logits.softmax(1)):
        for rows in (None, 2):
            for reduction in ("mean", "none"):
                options = {"linear_bias": bias, "options": in_parts(rows), "reduction": reduction}
                found = linear_cross_entropy(X, layer, target, **options)
                assert_close(found, cross_entropy(logits, target, reduction=reduction))


@pytest.mark.parametrize("options", [{}, {"options": in_parts(2)}], ids=str)
def test_a_single_row_and_none(options: dict[str, Any]) -> None:
    found = linear_cross_entropy(X[0], W, LABELS[0], reduction="none", **options)
    assert_close(found, cross_entropy(W @ X[0], LABELS[0]))
    assert linear_cross_entropy(X[:0], W, LABELS[:0], reduction="sum", **options) == 0
    ignored = torch.full((ROWS,), -100)
    assert linear_cross_entropy(X, W, ignored, **options).isnan()
    loss = lambda x: linear_cross_entropy(x, W, ignored, reduction="sum", **options)  # noqa: E731
    assert (gradient(loss, X) == 0).all()


@pytest.mark.parametrize("options", [{}, {"options": in_parts(2)}], ids=str)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_multiplies_in_float32(dtype: torch.dtype, options: dict[str, Any]) -> None:
    x, w, b = (each.to(dtype) for each in (X, W, B))
    loss = lambda w: linear_cross_entropy(x, w, LABELS, linear_bias=b, **options)  # noqa: E731
    truth = lambda w: cross_entropy(x.double() @ w.T + b.double(), LABELS)  # noqa: E731
    assert loss(w).dtype == dtype
    assert loss(w) == truth(w.double()).to(dtype)
    slope = gradient(truth, w.double()).to(dtype)
    assert_close(gradient(loss, w), slope, rtol=torch.finfo(dtype).eps, atol=1e-7)


def test_under_autocast_the_layer_is_half_and_the_loss_is_not() -> None:
    x, w = X.float(), W.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = linear_cross_entropy(x, w, LABELS, options=in_parts(2))
        assert_close(found, cross_entropy(F.linear(x, w), LABELS))
    assert found.dtype == torch.float32
