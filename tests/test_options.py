"""Options: numbers by one rule, positions as torch has them, and no derivative lost in silence."""

import inspect
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import lossref
from tests.errors import X, Y, index, ones
from tests.losses import LOSSES

L1, MSE, HUBER, SMOOTH, BCE, BCEL, CE = (
    "l1_loss",
    "mse_loss",
    "huber_loss",
    "smooth_l1_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
)
POISSON, RANKING, HINGE, COSINE, TRIPLET = (
    "poisson_nll_loss",
    "margin_ranking_loss",
    "hinge_embedding_loss",
    "cosine_embedding_loss",
    "triplet_margin_loss",
)
SMOOTH_HUBER, CHARBONNIER, ROBUST = "pseudo_huber_loss", "charbonnier_loss", "general_robust_loss"
DISTILLATION, DPO, IPO = "distillation_loss", "dpo_loss", "ipo_loss"
GAUSSIAN, TAGS, MULTI = "gaussian_nll_loss", "multilabel_soft_margin_loss", "multi_margin_loss"
SIGMOID_FOCAL, FOCAL = "sigmoid_focal_loss", "focal_loss"
DICE, TVERSKY = "dice_loss", "tversky_loss"
NUMBERS = (
    (HUBER, "delta"),
    (SMOOTH, "beta"),
    (CE, "label_smoothing"),
    (POISSON, "eps"),
    (GAUSSIAN, "eps"),
    (RANKING, "margin"),
    (HINGE, "margin"),
    (COSINE, "margin"),
    (TRIPLET, "margin"),
    (TRIPLET, "p"),
    (TRIPLET, "eps"),
    (MULTI, "margin"),
    (DICE, "smooth"),
    (TVERSKY, "alpha"),
    (TVERSKY, "beta"),
    (TVERSKY, "smooth"),
    (SIGMOID_FOCAL, "gamma"),
    (SIGMOID_FOCAL, "alpha"),
    (FOCAL, "gamma"),
    (DISTILLATION, "temperature"),
    (SMOOTH_HUBER, "delta"),
    (CHARBONNIER, "eps"),
    (ROBUST, "alpha"),
    (ROBUST, "scale"),
    ("bradley_terry_loss", "margin"),
    (DPO, "beta"),
    (DPO, "label_smoothing"),
    (IPO, "beta"),
)
each_number = pytest.mark.parametrize(("function", "option"), NUMBERS)


def arguments(function: str) -> tuple[torch.Tensor, ...]:
    given = {CE: (X, index(0, 1)), HINGE: (X, Y), COSINE: (X, Y, ones(2)), TRIPLET: (X, Y / 2, -Y)}
    given[DICE] = given[TVERSKY] = (X / 4, Y)
    given[GAUSSIAN], given[MULTI], given[FOCAL] = (X, Y / 2, 0.1 * X), given[CE], given[CE]
    given[DISTILLATION] = (X.cumsum(1), Y / 2)
    given[DPO] = given[IPO] = (X.cumsum(1), Y / 2, X, Y)
    return given.get(function, (3 * X, Y / 2, Y) if function == RANKING else (3 * X, Y / 2))


@each_number
@pytest.mark.parametrize(
    "value",
    [
        Fraction(1, 2),
        np.float32(0.5),
        np.float64(0.5),
        torch.tensor(0.5),
        torch.tensor(0.5, dtype=torch.float64),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'dtype', '')}",
)
def test_an_option_takes_any_number(function: str, option: str, value: Any) -> None:
    ours = getattr(lossref, function)
    expected = ours(*arguments(function), **{option: 0.5})
    torch.testing.assert_close(ours(*arguments(function), **{option: value}), expected, rtol=0, atol=0)


@each_number
@pytest.mark.parametrize(
    ("value", "came"),
    [
        (torch.nn.Parameter(torch.tensor(0.5)), "a Parameter of shape () with a gradient"),
        (torch.tensor([0.5, 0.5]), "a Tensor of shape (2,)"),
        (torch.tensor([0.5]), "a Tensor of shape (1,)"),
        (torch.tensor(0.5, device="meta"), "a Tensor of shape ()"),
        (torch.tensor(1j), "a Tensor of shape ()"),
        (np.array(0.5), "ndarray"),
        ([0.5], "list"),
        (0.5j, "complex"),
    ],
    ids=str,
)
def test_an_option_that_is_no_number_is_named(function: str, option: str, value: Any, came: str) -> None:
    with pytest.raises(TypeError) as caught:
        getattr(lossref, function)(*arguments(function), **{option: value})
    assert str(caught.value) == f"{option} must be a number, got {came}"


def dual(loss: Any, value: torch.Tensor) -> torch.Tensor:
    with torch.autograd.forward_ad.dual_level():
        return loss(torch.autograd.forward_ad.make_dual(value, ones()))


@each_number
@pytest.mark.parametrize(
    "transform",
    [
        lambda loss, value: torch.func.grad(loss)(value),
        lambda loss, value: torch.func.jvp(loss, (value,), (ones(),)),
        lambda loss, value: torch.func.vmap(loss)(value.expand(2)),
        dual,
    ],
    ids=["grad", "jvp", "vmap", "dual"],
)
def test_no_derivative_in_an_option_is_lost_in_silence(function: str, option: str, transform: Any) -> None:
    def loss(value: torch.Tensor) -> torch.Tensor:
        return getattr(lossref, function)(*arguments(function), **{option: value})

    with pytest.raises(TypeError, match=f"^{option} must be a number, got a Tensor"):
        transform(loss, torch.tensor(0.5))


@pytest.mark.filterwarnings("ignore:size_average and reduce:UserWarning")
@pytest.mark.parametrize(
    "function", [L1, MSE, HUBER, SMOOTH, BCE, BCEL, POISSON, RANKING, HINGE, TRIPLET, GAUSSIAN, TAGS]
)
def test_what_torch_takes_by_position_before_size_average_may_be_given_so(function: str) -> None:
    ours, theirs = getattr(lossref, function), getattr(F, function)
    x, y = torch.tensor([0.2, 0.9, 0.6]), torch.tensor([0.9, 0.1, 0.3])
    given = {
        HUBER: ("sum", 0.5, x),
        BCE: (x,),
        BCEL: (x,),
        POISSON: (False, True),
        RANKING: (2 * y - 1, 0.5),
        HINGE: (0.5,),
        TRIPLET: (-y, 0.5, 3, 1e-3, True),
        TAGS: (x,),
        GAUSSIAN: (x, True, 0.5, "sum"),
    }.get(function, ())
    torch.testing.assert_close(ours(x, y, *given), theirs(x, y, *given))
    if function in (HUBER, GAUSSIAN):
        return
    message = (
        rf"{function}\(\) takes {2 + len(given)} arguments by position, and got 'sum' after them, which "
        "torch takes for the deprecated size_average: anything true means 'mean' there. Say which it is: "
    )
    with pytest.raises(TypeError, match=message + r".*reduction=\.\.\."):
        ours(x, y, *given, "sum")
    # When this fails, torch no longer takes the word for size_average, and the error can go.
    assert theirs(x, y, *given, "sum") == theirs(x, y, *given)


@pytest.mark.parametrize("function", sorted({loss.name for loss in LOSSES}))
def test_what_is_given_twice_is_refused(function: str) -> None:
    ours = getattr(lossref, function)
    tensors = [p.name for p in inspect.signature(ours).parameters.values() if p.annotation is torch.Tensor]
    with pytest.raises(TypeError, match=rf"^{function}\(\) got multiple values for argument '{tensors[0]}'$"):
        ours(*[X] * len(tensors), **{tensors[0]: X})


def test_complex_weights_are_refused() -> None:
    weight = ones(2, 3, dtype=torch.complex64)
    for function, name in (
        (L1, "weight"),
        (MSE, "weight"),
        (HUBER, "weight"),
        (BCE, "weight"),
        (BCEL, "pos_weight"),
    ):
        with pytest.raises(NotImplementedError, match=f"{name} must be real, got torch.complex64"):
            getattr(lossref, function)(X, Y, **{name: weight})
