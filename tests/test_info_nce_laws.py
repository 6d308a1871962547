"""What is true of the contrastive losses: transforms, symmetries, edges, half precision."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad, gradcheck, gradgradcheck
from torch.func import grad, hessian, jacrev, jvp, vmap
from torch.testing import assert_close

from lossref import info_nce_loss, nt_xent_loss, supervised_contrastive_loss
from tests.formulas import uniform
from tests.strategies import gradient
from tests.test_info_nce import info_nce, nt_xent, supervised
from tests.test_info_nce_relations import SEVERAL

X, Y, OTHERS, OWN = (
    uniform(-2, 2, *shape, seed=k) for k, shape in enumerate([(6, 3)] * 2 + [(5, 3), (6, 5, 3)])
)
OTHERS, OWN = OTHERS.mul(8).round() / 8, OWN.mul(8).round() / 8  # the same in half precision
Loss = Callable[..., Tensor]


def of_labels(loss: Loss) -> Loss:
    """Give the supervised loss the arguments of the others; the second are its last rows."""
    return lambda x, y, **options: loss(torch.cat([x, y]), SEVERAL.repeat(2), **options)


PAIRS: dict[str, tuple[Loss, Loss]] = {
    "info_nce": (info_nce_loss, info_nce),
    "shared negatives": (
        lambda x, y, **options: info_nce_loss(x, y, OTHERS.to(x.device, x.dtype), **options),
        lambda x, y, **options: info_nce(x, y, OTHERS.to(x.dtype), **options),
    ),
    "own negatives": (
        lambda x, y, **options: info_nce_loss(x, y, OWN.to(x.device, x.dtype), **options),
        lambda x, y, **options: info_nce(x, y, OWN.to(x.dtype), **options),
    ),
    "nt_xent": (nt_xent_loss, nt_xent),
    "supervised": (of_labels(supervised_contrastive_loss), of_labels(supervised)),
}
each = pytest.mark.parametrize(("ours", "theirs"), PAIRS.values(), ids=PAIRS)
OPTIONS: list[dict[str, Any]] = [
    {},
    {"temperature": 0.3, "normalize": False},
    {"temperature": 1.5, "reduction": "sum"},
    {"temperature": torch.tensor(0.2, dtype=torch.float64), "reduction": "none"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@each
def test_value_gradient_and_hessian(ours: Loss, theirs: Loss, options: dict[str, Any]) -> None:
    found, expected = partial(ours, **options), partial(theirs, **options)
    assert_close(found(X, Y), expected(X, Y))
    assert_close(jacrev(found, (0, 1))(X, Y), jacrev(expected, (0, 1))(X, Y))
    assert_close(hessian(lambda x: found(x, Y).sum())(X), hessian(lambda x: expected(x, Y).sum())(X))


@each
def test_a_temperature_is_learned(ours: Loss, theirs: Loss) -> None:
    leaves = [leaf.clone().requires_grad_() for leaf in (X, Y, torch.tensor(0.4, dtype=torch.float64))]

    def loss(x: Tensor, y: Tensor, tau: Tensor) -> Tensor:
        return ours(x, y, temperature=tau)

    expected = theirs(*leaves[:2], temperature=leaves[2])
    assert gradcheck(loss, leaves, check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(loss, leaves, fast_mode=True)
    assert_close(torch.autograd.grad(loss(*leaves), leaves), torch.autograd.grad(expected, leaves))


@each
def test_transforms(ours: Loss, theirs: Loss) -> None:
    stacked = torch.stack([X, X.flip(0)])
    assert_close(vmap(grad(ours), (0, None))(stacked, Y)[1], grad(theirs)(X.flip(0), Y))
    assert_close(vmap(ours, (1, None))(torch.stack([X, 2 * Y], 1), Y)[1], theirs(2 * Y, Y))
    expected = jvp(theirs, (X, Y), (Y, X))
    assert_close(jvp(ours, (X, Y), (Y, X)), expected)
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(ours(forward_ad.make_dual(X, Y), forward_ad.make_dual(Y, X))).tangent
    assert_close(tangent, expected[1])
    across = jvp(grad(ours), (X, Y), (Y, X))[1]
    assert_close(across, jvp(grad(theirs), (X, Y), (Y, X))[1])
    assert_close(
        vmap(jvp, (None, 0, 0))(ours, (stacked, stacked), (stacked, stacked))[1][0],
        jvp(theirs, (X, X), (X, X))[1],
    )


def test_on_the_meta_device() -> None:
    x, y, labels = (each.to("meta") for each in (X, Y, SEVERAL))
    assert info_nce_loss(x, y, y, reduction="none").shape == (6,)
    assert nt_xent_loss(x, y, reduction="none").shape == (12,)
    assert supervised_contrastive_loss(x, labels).is_meta


def test_compiled_in_one_graph() -> None:
    def every(x: Tensor, y: Tensor, tau: Tensor) -> Tensor:
        names = ("own negatives", "nt_xent", "supervised")
        return sum(PAIRS[name][0](x, y, temperature=tau) for name in names)

    torch._dynamo.reset()
    leaves = [leaf.clone().requires_grad_() for leaf in (X, Y, torch.tensor(0.4, dtype=torch.float64))]
    compiled = torch.compile(every, fullgraph=True, backend="eager")
    assert_close(torch.autograd.grad(compiled(*leaves), leaves), torch.autograd.grad(every(*leaves), leaves))


# ---- Symmetries


@each
def test_turned_and_stretched_alike_they_are_the_same(ours: Loss, theirs: Loss) -> None:
    turn = torch.linalg.qr(uniform(-1, 1, 3, 3, seed=9))[0]
    if ours in (info_nce_loss, nt_xent_loss, PAIRS["supervised"][0]):
        assert_close(ours(X @ turn, Y @ turn), ours(X, Y))
    length = uniform(0.1, 9, 6, 1, seed=8)
    assert_close(ours(length * X, Y), ours(X, Y))
    slope = gradient(lambda x: ours(x, Y), X)
    assert_close(gradient(lambda x: ours(x, Y), length * X), slope / length)
    assert_close((slope * X).sum(1), torch.zeros(6, dtype=torch.float64))


def test_the_order_of_the_rows_does_not_count() -> None:
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    for loss in (info_nce_loss, nt_xent_loss):
        assert_close(loss(X[order], Y[order]), loss(X, Y))
    assert_close(nt_xent_loss(Y, X), nt_xent_loss(X, Y))
    assert info_nce_loss(Y, X) != info_nce_loss(X, Y)
    assert_close(
        supervised_contrastive_loss(X[order], SEVERAL[order]), supervised_contrastive_loss(X, SEVERAL)
    )
    names = torch.tensor([7, -4, 100])  # and whatever the labels are called
    assert_close(supervised_contrastive_loss(X, names[SEVERAL]), supervised_contrastive_loss(X, SEVERAL))


def test_a_batch_is_not_the_mean_of_its_parts() -> None:
    x, y = uniform(-1, 1, 128, 16, seed=1), uniform(-1, 1, 128, 16, seed=2)
    for loss in (info_nce_loss, nt_xent_loss):
        parts = torch.stack(
            [loss(a, b, temperature=1.0) for a, b in zip(x.split(16), y.split(16), strict=True)]
        )
        assert loss(x, y, temperature=1.0) > parts.mean() + 1.5  # the logarithm of 8 is 2.08


# ---- Edges


@pytest.mark.parametrize("loss", [info_nce_loss, nt_xent_loss])
def test_a_pair_alone_costs_nothing(loss: Loss) -> None:
    assert loss(X[:1], Y[:1]) == 0
    assert (gradient(lambda x: loss(x, Y[:1]), X[:1]) == 0).all()


def test_labels_that_are_alone_do_not_count() -> None:
    alone = torch.arange(6)
    assert supervised_contrastive_loss(X, alone).isnan()
    assert (gradient(lambda x: supervised_contrastive_loss(x, alone), X) == 0).all()
    assert (supervised_contrastive_loss(X, alone, reduction="none") == 0).all()
    labels = torch.tensor([0, 0, 1, 0, 2, 0])
    losses = supervised_contrastive_loss(X, labels, reduction="none")
    assert (losses > 0).tolist() == [True, True, False, True, False, True]
    assert_close(supervised_contrastive_loss(X, labels), losses.sum() / 4)


def test_a_single_class_has_nothing_to_be_told_from() -> None:
    labels = torch.zeros(6, dtype=torch.int64)
    options = {"temperature": 1.0}
    assert_close(supervised_contrastive_loss(X, labels, **options), supervised(X, labels, **options))
    found, expected = (
        gradient(partial(f, target=labels, **options), X) for f in (supervised_contrastive_loss, supervised)
    )
    assert_close(found, expected)


@each
def test_a_zero_vector_has_no_direction_and_no_slope(ours: Loss, theirs: Loss) -> None:
    x = X.clone()
    x[2] = 0
    slope = gradient(lambda x: ours(x, Y), x)
    assert slope.isfinite().all()
    assert (slope[2] == 0).all()
    nearly = x.clone()
    nearly[2] = 1e-30
    assert gradient(lambda x: ours(x, Y), nearly)[2].abs().max() > 1e20  # the truth: a step of 1e-30 turns it


@pytest.mark.parametrize("size", [1e-30, 1e30, 1e38])
@each
def test_the_length_of_a_vector_is_beyond_no_limit(ours: Loss, theirs: Loss, size: float) -> None:
    assert_close(ours(X.float() * size / 2, Y.float() * size / 2), theirs(X, Y).float())


@pytest.mark.parametrize("tau", [0.01, 0.07])
@each
def test_a_low_temperature_loses_neither_value_nor_slope(ours: Loss, theirs: Loss, tau: float) -> None:
    """Where pairs point apart: pytorch-metric-learning 2.9.0 caps at 87.3 and has no slope; monai is nan."""
    y = -X + 0.1 * Y
    found, expected = (partial(f, temperature=tau) for f in (ours, theirs))
    assert_close(found(X.float(), y.float()), expected(X, y).float(), rtol=1e-5, atol=1e-5)
    slope = gradient(lambda x: expected(x, y), X)
    assert_close(gradient(lambda x: found(x, y.float()), X.float()), slope.float(), rtol=1e-3, atol=1e-3)
    if tau == 0.01 and ours in (info_nce_loss, nt_xent_loss):
        assert expected(X, y) > 87.3
        assert slope.norm() > 10


def test_what_is_nearly_perfect_keeps_a_loss_and_a_slope() -> None:
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    y = x + torch.tensor([0.1, 0.2])
    labels = torch.arange(3).repeat(2)
    for tau in (0.01, 0.05):
        for found in (
            lambda x: info_nce_loss(x, y.to(x.dtype), temperature=tau),  # noqa: B023
            lambda x: nt_xent_loss(x, y.to(x.dtype), temperature=tau),  # noqa: B023
            lambda x: supervised_contrastive_loss(torch.cat([x, y.to(x.dtype)]), labels, temperature=tau),  # noqa: B023
        ):
            assert 0 < found(x) < 1e-5
            assert_close(found(x), found(x.double()).float(), rtol=1e-4, atol=0.0)
            slope = gradient(found, x.double())
            assert (
                gradient(found, x) - slope
            ).norm() < 0.05 * slope.norm()  # what rounding of vectors leaves


# ---- Half precision


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@each
def test_half_precision_is_computed_in_float32(ours: Loss, theirs: Loss, dtype: torch.dtype) -> None:
    """float16 cannot hold the exponential of a cosine of 1 below a temperature of 0.0902."""
    x, y = X.to(dtype), Y.to(dtype)
    found = partial(ours, temperature=0.02)
    assert found(x, y).dtype == dtype
    assert_close(found(x, y), found(x.float(), y.float()).to(dtype), rtol=0, atol=0)
    slope = gradient(lambda x: found(x, y), x)
    assert_close(slope, gradient(lambda x: found(x, y.float()), x.float()).to(dtype), rtol=1e-2, atol=1e-6)


@each
def test_under_autocast_products_are_not_rounded(ours: Loss, theirs: Loss) -> None:
    x, y = X.float(), Y.float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = ours(x, y)
    assert found.dtype == torch.float32
    assert_close(found, ours(x, y))
