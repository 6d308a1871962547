# ruff: noqa: E501 - a row of the errors is a line
"""The formula and the laws of the adaptive softmax, held against torch's module and against one softmax over all classes."""

from typing import Any

import pytest
import torch
from torch.func import grad, hessian, jvp, vmap
from torch.testing import assert_close

from lossref import adaptive_log_softmax_with_loss, cross_entropy
from tests.errors import Row
from tests.formulas import uniform
from tests.strategies import gradient

NAME = "adaptive_log_softmax_with_loss"
FEATURES = 8
WEIGHTS = "head_weight", "head_bias", "tail_weights"

# ---- Its formula


def case(frequent, clusters, i, j):
    """Return what the symbols stand for at the j-th class of the i-th of some clusters."""
    pairs = [
        (uniform(-2, 2, 2, FEATURES, seed=k), uniform(-2, 2, size, 2, seed=10 + k))
        for k, size in enumerate(clusters)
    ]
    places, before = frequent + len(clusters), frequent + sum(clusters[: i - 1])
    numbers = {
        "S": frequent,
        "K": len(clusters),
        "i": i,
        "l": before,
        "J": clusters[i - 1],
        "D": FEATURES,
        "F": 2,
    }
    layers = {"H": uniform(-1, 1, places, FEATURES), "b": uniform(-1, 1, places, seed=1)}
    named = {"head_weight": layers["H"], "head_bias": layers["b"], "tail_weights": pairs}
    one = {"x": uniform(-1, 1, FEATURES, seed=2), "y": before + j, "target": torch.tensor(before + j - 1)}
    return one | numbers | layers | dict(zip("UV", pairs[i - 1], strict=True)) | named


CASES = {
    NAME: [case(3, [4], 1, 2), case(1, [2, 3], 1, 1), case(2, [2, 3, 4], 3, 4), case(2, [2, 3, 4], 2, 3)]
}
MUTANTS = [
    (NAME, r"h(S + i)", r"h(i)"),
    (NAME, r"y - l", r"1"),
    (NAME, r"k=1", r"k=2"),
    (NAME, r"S + K", r"S"),
    (NAME, r"+ b_k", r""),
    (NAME, r"+ \log", r"- \log"),
]


# ---- The equations of the chapter


def whole(x, y, H, b, U, V, S, K, D, F, J, i, l):  # noqa: E741
    """Return the loss of the first class of cluster i, by one log_softmax after the other."""
    head = (H @ x + b).log_softmax(0)
    return -head[S + i - 1] - (V @ (U @ x)).log_softmax(0)[y - l - 1]


def cost(D, S, K, P, F, J):
    """Return the mean number of multiply-adds, by going through the layers."""
    layers = [(1.0, D, S + K)] + [
        layer for p, f, j in zip(P, F, J, strict=True) for layer in ((p, D, f), (p, f, j))
    ]
    return sum((p * rows * columns for p, rows, columns in layers), torch.zeros((), dtype=torch.float64))


SHARES, NARROW, MEMBERS = uniform(0, 0.3, 3), uniform(1, 9, 3), uniform(9, 99, 3)
NUMBERS = {k: v for k, v in CASES[NAME][2].items() if k not in ("target", *WEIGHTS)}
TWINS = {
    "eq-adaptive-softmax": whole,
    "eq-adaptive-softmax-cost": lambda D, S, K, P=SHARES, F=NARROW, J=MEMBERS: cost(D, S, K, P, F, J),
}
BROKEN = [
    ("eq-adaptive-softmax-cost", r"F_i (D + J_i)", r"F_i (D + F_i)"),
    ("eq-adaptive-softmax-cost", r"(S + K)", r"S"),
    ("eq-adaptive-softmax", r"h(S + i)", r"h(i)"),
]

HEAD, TAIL = torch.zeros(4, FEATURES), [(torch.zeros(2, FEATURES), torch.zeros(5, 2))]
NO_TORCH = None  # which has no such function


def bad(what, error, x=torch.zeros(2, FEATURES), y=torch.tensor([0, 7]), **options):  # noqa: B008
    return Row(what, NAME, x, y, {"head_weight": HEAD, "tail_weights": TAIL} | options, NO_TORCH, error)


SHAPES = "input must be of shape (N, D) and target of shape (N), or (D) and (); got"
HEADS = "head_weight must be of shape (S + K, 8): S frequent classes and the 1 clusters of tail_weights; got"
PAIR = "tail_weights[0] must be of shapes (F, 8) and (J, F), got"
# fmt: off
ERRORS = [
    bad("a batch of sequences", (RuntimeError, f"{SHAPES} (2, 2, 8) and (2,)"), x=torch.zeros(2, 2, FEATURES)),
    bad("a class too few", (RuntimeError, f"{SHAPES} (2, 8) and (1,)"), y=torch.tensor([0])),
    bad("integers as input", (NotImplementedError, "input must be floating point, got torch.int64"), x=torch.zeros(2, FEATURES, dtype=torch.int64)),
    bad("floats as classes", (RuntimeError, "target must hold class indices, integers; got torch.float32"), y=torch.tensor([0.0, 7.0])),
    bad("bools as classes", (RuntimeError, "target must hold class indices, integers; got torch.bool"), y=torch.tensor([True, False])),
    bad("class 8 of 8", (IndexError, "Target 8 is out of bounds: class indices must be from 0 to 7"), y=torch.tensor([0, 8])),
    bad("class -1", (IndexError, "Target -1 is out of bounds: class indices must be from 0 to 7"), y=torch.tensor([-1, 0])),
    bad("a head for other features", (RuntimeError, f"{HEADS} (4, 5)"), head_weight=HEAD[:, :5]),
    bad("a head without frequent classes", (RuntimeError, f"{HEADS} (1, 8)"), head_weight=HEAD[:1]),
    bad("a bias of another shape", (RuntimeError, "head_bias must be of shape (4,), got (8,)"), head_bias=HEAD[0]),
    bad("a bias that is a number", (TypeError, "head_bias must be a Tensor, got float"), head_bias=1.0),
    bad("one layer for a cluster", (TypeError, "tail_weights[0] must be a pair of Tensors, got a Tensor of shape (2, 8)"), tail_weights=[TAIL[0][0]]),
    bad("a number as a layer", (TypeError, "tail_weights[0][0] must be a Tensor, got float"), tail_weights=[(1.0, TAIL[0][1])]),
    bad("layers in the other order", (RuntimeError, f"{PAIR} (5, 2) and (2, 8)"), tail_weights=[TAIL[0][::-1]]),
    bad("layers that do not meet", (RuntimeError, f"{PAIR} (2, 8) and (5, 3)"), tail_weights=[(TAIL[0][0], torch.zeros(5, 3))]),
    bad("reduction average", (ValueError, "reduction must be 'none', 'mean' or 'sum': average is not a valid value for reduction"), reduction="average"),
]
# fmt: on

# ---- Against torch's module


def module(cutoffs: list[int], bias: bool, classes: int = 12) -> torch.nn.AdaptiveLogSoftmaxWithLoss:
    torch.manual_seed(0)
    return torch.nn.AdaptiveLogSoftmaxWithLoss(
        FEATURES, classes, cutoffs, div_value=2.0, head_bias=bias
    ).double()


def arguments(m: torch.nn.AdaptiveLogSoftmaxWithLoss) -> dict[str, Any]:
    bias = m.head.bias if m.head_bias else None
    return {
        "head_weight": m.head.weight,
        "tail_weights": [(u.weight, v.weight) for u, v in m.tail],
        "head_bias": bias,
    }


X = uniform(-2, 2, 20, FEATURES)
Y = torch.tensor([0, 11, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2, 0, 11, 11, 2, 2, 9, 5, 1])
MODULES = [module(cutoffs, bias) for cutoffs in ([5], [3, 7], [2, 5, 9], [11], [1]) for bias in (False, True)]
each_module = pytest.mark.parametrize("m", MODULES, ids=lambda m: f"{m.cutoffs}-{m.head_bias}")


@each_module
def test_is_torchs_module_in_value_and_every_gradient(m) -> None:
    one_row, frequent = (X[:1], Y[1:2]), (X[:2], Y[[0, 0]])
    for x, y in ((X, Y), one_row, frequent):
        leaves = [x.clone().requires_grad_(), *m.parameters()]
        output, mean = m(leaves[0], y)
        for reduction, expected in (("none", -output), ("sum", -output.sum()), ("mean", mean)):
            found = adaptive_log_softmax_with_loss(leaves[0], y, **arguments(m), reduction=reduction)
            assert_close(found, expected)
            slopes, truth = (
                torch.autograd.grad(each.sum(), leaves, retain_graph=True, allow_unused=True)
                for each in (found, expected)
            )
            unused = [torch.zeros_like(leaf) for leaf in leaves]  # clusters without a row
            for slope, truly, zero in zip(slopes, truth, unused, strict=True):
                assert_close(zero if slope is None else slope, zero if truly is None else truly)
    single, _ = m(X[0], Y[1])
    assert_close(adaptive_log_softmax_with_loss(X[0], Y[1], **arguments(m), reduction="none"), -single)


@each_module
def test_all_classes_together_are_certain(m) -> None:
    every = torch.arange(12)
    losses = adaptive_log_softmax_with_loss(X[:1].expand(12, -1), every, **arguments(m), reduction="none")
    assert_close((-losses).exp().sum(), torch.tensor(1.0, dtype=torch.float64))
    # One softmax over all classes has the same probabilities as logits.
    assert_close(losses, cross_entropy((-losses).expand(12, -1), every, reduction="none"))


@each_module
def test_transforms_compute_all_clusters_for_all_rows_and_lose_nothing(m) -> None:
    weights = arguments(m)
    loss = lambda x: adaptive_log_softmax_with_loss(x, Y, **weights)  # noqa: E731
    along = uniform(-1, 1, *X.shape, seed=3)
    slope = gradient(loss, X)
    assert_close(grad(loss)(X), slope)
    value, rate = jvp(loss, (X,), (along,))
    assert_close((value, rate), (loss(X), (slope * along).sum()))
    assert_close(hessian(loss)(X), torch.autograd.functional.hessian(loss, X))
    assert torch.autograd.gradgradcheck(loss, X.clone().requires_grad_())
    by_row = vmap(lambda x, y: adaptive_log_softmax_with_loss(x, y, **weights))(X, Y)
    assert_close(by_row, adaptive_log_softmax_with_loss(X, Y, **weights, reduction="none"))
    on_meta = adaptive_log_softmax_with_loss(X.to("meta"), Y.to("meta"), m.head.weight.to("meta"),
                                             [(u.to("meta"), v.to("meta")) for u, v in weights["tail_weights"]])  # fmt: skip
    assert on_meta.shape == ()


def test_compiled() -> None:
    weights = arguments(MODULES[5])
    torch._dynamo.reset()
    compiled = torch.compile(
        grad(lambda x: adaptive_log_softmax_with_loss(x, Y, **weights)), fullgraph=True, backend="aot_eager"
    )
    assert_close(compiled(X), gradient(lambda x: adaptive_log_softmax_with_loss(x, Y, **weights), X))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    weights = arguments(MODULES[5])
    narrow = {
        "head_weight": weights["head_weight"].to(dtype),
        "tail_weights": [tuple(each.to(dtype) for each in pair) for pair in weights["tail_weights"]],
        "head_bias": weights["head_bias"].to(dtype),
    }
    wide = {
        "head_weight": narrow["head_weight"].double(),
        "tail_weights": [tuple(each.double() for each in pair) for pair in narrow["tail_weights"]],
        "head_bias": narrow["head_bias"].double(),
    }
    found = adaptive_log_softmax_with_loss(X.to(dtype), Y, **narrow)
    truth = adaptive_log_softmax_with_loss(X.to(dtype).double(), Y, **wide)
    assert found.dtype == dtype
    assert_close(found, truth.to(dtype), rtol=2e-7, atol=0)


def test_under_autocast_and_for_bytes() -> None:
    m = module([3, 7], bias=True).float()
    for y in (Y, Y.to(torch.uint8), Y.int()):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = adaptive_log_softmax_with_loss(X.float(), y, **arguments(m))
        assert found.dtype == torch.float32
        assert_close(found, m(X.float(), Y).loss, rtol=0.02, atol=0)
    # When one of these fails, torch has mended its own (issue 44724), and the docstring can say so.
    with torch.autocast("cpu", dtype=torch.bfloat16), pytest.raises(RuntimeError):
        m(X.float(), Y)
    with pytest.raises(RuntimeError):
        m(X.float(), Y.to(torch.uint8))


def test_a_cluster_is_computed_for_its_rows_alone() -> None:
    m = module([3, 7], bias=False)
    pairs = [list(pair) for pair in arguments(m)["tail_weights"]]
    pairs[1][0] = torch.full_like(pairs[1][0], torch.nan)
    y = Y.clamp(max=6)
    found = adaptive_log_softmax_with_loss(X, y, m.head.weight, pairs)
    assert_close(found, m(X, y).loss)


def test_no_rows() -> None:
    weights = arguments(MODULES[5])
    assert adaptive_log_softmax_with_loss(X[:0], Y[:0], **weights, reduction="sum") == 0
    assert adaptive_log_softmax_with_loss(X[:0], Y[:0], **weights).isnan()
