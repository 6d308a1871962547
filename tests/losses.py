"""The losses as a table, for every test that treats them alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing._internal.common_methods_invocations import op_db

import lossref
from tests import loops

WEIGHT = "weight, one for each element"
CLASS_WEIGHT = "weight, one for each class"
CHAPTER_TO_COME = "chapter to come"  # in place of the equation: the loss has all but its page


def real(*shape: int, generator: torch.Generator) -> Tensor:
    return 2 * torch.randn(*shape, generator=generator, dtype=torch.float64)


def probability(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.rand(*shape, generator=generator, dtype=torch.float64) * 0.98 + 0.01


def distribution(*shape: int, generator: torch.Generator) -> Tensor:
    return real(*shape, generator=generator).softmax(min(1, len(shape) - 1))


def log_rate(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def rate(*shape: int, generator: torch.Generator) -> Tensor:
    return log_rate(*shape, generator=generator).exp()


def count(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randint(2, 9, shape, generator=generator).double()


def sign(*shape: int, generator: torch.Generator) -> Tensor:
    return 2 * torch.randint(2, shape, generator=generator) - 1


def sign_of_a_row(*shape: int, generator: torch.Generator) -> Tensor:
    return sign(*shape[:1], generator=generator)


def class_index(*shape: int, generator: torch.Generator) -> Tensor:
    without_classes = shape[:1] + shape[2:]
    return torch.randint(shape[1], without_classes, generator=generator)


def class_list(*shape: int, generator: torch.Generator) -> Tensor:
    """Return lists of classes; after the -1 that ends a list stand others, which count for nothing."""
    lists = torch.rand(*shape, generator=generator).argsort(1)
    ends = torch.randint(1, shape[1], shape[:1], generator=generator)
    return lists.scatter(1, ends.unsqueeze(1), -1)


def city_block(u: Tensor, v: Tensor) -> Tensor:
    return (u - v).abs().sum(-1)


DOMAINS = real, log_rate, rate, count, probability, distribution
DOMAINS += sign, sign_of_a_row, class_index, class_list


@dataclass(frozen=True)
class Loss:
    """A loss: where the book has it, its domain as data, and options that together use every argument.

    `input` and `target` make its first two tensors, whatever these are called; a third is an option, made
    by the function that stands there.
    """

    name: str
    module: type[nn.Module]
    page: str
    equation: str
    input: Callable[..., Tensor] = real
    target: Callable[..., Tensor] = real
    options: tuple[dict[str, Any], ...] = ({},)

    @property
    def ours(self) -> Callable[..., Tensor]:
        return getattr(lossref, self.name)

    @property
    def theirs(self) -> Callable[..., Tensor]:
        return getattr(F, self.name)

    @property
    def differentiable(self) -> Callable[..., Tensor]:
        """The same as torch's loss, with derivatives of every order."""
        return getattr(loops, self.name, self.theirs)

    @property
    def op_info(self) -> Any:
        return next(op for op in op_db if op.name == f"nn.functional.{self.name}")


LOSSES = (
    Loss("l1_loss", nn.L1Loss, "l1", "eq-l1", real, real, ({}, {"weight": WEIGHT})),
    Loss("mse_loss", nn.MSELoss, "l2", "eq-l2", real, real, ({}, {"weight": WEIGHT})),
    Loss(
        "huber_loss",
        nn.HuberLoss,
        "huber",
        "eq-huber",
        real,
        real,
        ({}, {"delta": 0.3, "weight": WEIGHT}, {"delta": 5.0}),
    ),
    Loss(
        "smooth_l1_loss",
        nn.SmoothL1Loss,
        "huber",
        "eq-smooth-l1",
        real,
        real,
        ({}, {"beta": 0.3}, {"beta": 5}, {"beta": 0}),
    ),
    Loss(
        "binary_cross_entropy",
        nn.BCELoss,
        "bce",
        "eq-bce",
        probability,
        probability,
        ({}, {"weight": CLASS_WEIGHT}),
    ),
    Loss(
        "binary_cross_entropy_with_logits",
        nn.BCEWithLogitsLoss,
        "bce",
        "eq-bce-logits",
        real,
        probability,
        ({}, {"weight": WEIGHT, "pos_weight": CLASS_WEIGHT}),
    ),
    Loss(
        "cross_entropy",
        nn.CrossEntropyLoss,
        "cross_entropy",
        "eq-cross-entropy",
        real,
        class_index,
        ({}, {"weight": CLASS_WEIGHT, "ignore_index": 1}, {"weight": CLASS_WEIGHT, "label_smoothing": 0.2}),
    ),
    Loss(
        "cross_entropy",
        nn.CrossEntropyLoss,
        "cross_entropy",
        "eq-cross-entropy",
        real,
        distribution,
        ({}, {"weight": CLASS_WEIGHT, "label_smoothing": 0.2}),
    ),
    Loss(
        "poisson_nll_loss",
        nn.PoissonNLLLoss,
        "poisson",
        "eq-poisson",
        log_rate,
        count,
        ({}, {"full": True}),
    ),
    Loss(
        "poisson_nll_loss",
        nn.PoissonNLLLoss,
        "poisson",
        "eq-poisson",
        rate,
        count,
        ({"log_input": False, "eps": 0.01}, {"log_input": False, "full": True}),
    ),
    Loss(
        "gaussian_nll_loss",
        nn.GaussianNLLLoss,
        "gaussian",
        "eq-gaussian",
        real,
        real,
        ({"var": rate}, {"var": rate, "full": True, "eps": 0.5}),
    ),
    Loss(
        "nll_loss",
        nn.NLLLoss,
        "nll",
        "eq-nll",
        real,
        class_index,
        ({}, {"weight": CLASS_WEIGHT, "ignore_index": 1}),
    ),
    Loss("kl_div", nn.KLDivLoss, "kl", "eq-kl", real, real, ({"log_target": True},)),
    Loss("kl_div", nn.KLDivLoss, "kl", "eq-kl", real, probability),
    Loss("soft_margin_loss", nn.SoftMarginLoss, "soft_margin", "eq-soft-margin", real, sign),
    Loss(
        "multilabel_soft_margin_loss",
        nn.MultiLabelSoftMarginLoss,
        "soft_margin",
        "eq-soft-margin-multilabel",
        real,
        probability,
        ({}, {"weight": CLASS_WEIGHT}),
    ),
    Loss(
        "multi_margin_loss",
        nn.MultiMarginLoss,
        "multi_margin",
        "eq-multi-margin",
        real,
        class_index,
        ({}, {"p": 2, "margin": 2.5, "weight": CLASS_WEIGHT}),
    ),
    Loss(
        "multilabel_margin_loss",
        nn.MultiLabelMarginLoss,
        "multi_margin",
        "eq-multilabel-margin",
        real,
        class_list,
    ),
    Loss(
        "margin_ranking_loss",
        nn.MarginRankingLoss,
        "ranking",
        "eq-ranking",
        real,
        real,
        ({"target": sign}, {"target": sign, "margin": 1.0}),
    ),
    Loss(
        "hinge_embedding_loss",
        nn.HingeEmbeddingLoss,
        "embedding",
        "eq-hinge-embedding",
        real,
        sign,
        ({}, {"margin": 2.5}),
    ),
    Loss(
        "cosine_embedding_loss",
        nn.CosineEmbeddingLoss,
        "embedding",
        "eq-cosine-embedding",
        real,
        real,
        ({"target": sign_of_a_row}, {"target": sign_of_a_row, "margin": 0.25}),
    ),
    Loss(
        "triplet_margin_loss",
        nn.TripletMarginLoss,
        "triplet",
        "eq-triplet",
        real,
        real,
        ({"negative": real}, {"negative": real, "margin": 2.0, "p": 3, "eps": 1e-3, "swap": True}),
    ),
    Loss(
        "triplet_margin_with_distance_loss",
        nn.TripletMarginWithDistanceLoss,
        "triplet",
        "eq-triplet-distance",
        real,
        real,
        (
            {"negative": real},
            {"negative": real, "margin": 2.0, "distance_function": city_block, "swap": True},
        ),
    ),
)

# Losses of other shapes: what is done to those above alike, their own tests do.
OF_OTHER_SHAPES = (
    Loss("ctc_loss", nn.CTCLoss, "ctc", "eq-ctc"),
    Loss(
        "linear_cross_entropy",
        nn.LinearCrossEntropyLoss,
        "linear_cross_entropy",
        "eq-linear-cross-entropy",
    ),
    Loss(
        "adaptive_log_softmax_with_loss",
        nn.AdaptiveLogSoftmaxWithLoss,
        "adaptive_softmax",
        "eq-adaptive-softmax",
    ),
)

ALIKE = {loss.name: loss for loss in LOSSES}
FUNCTIONS = ALIKE | {loss.name: loss for loss in OF_OTHER_SHAPES}
PAGES = list(dict.fromkeys(loss.page for loss in FUNCTIONS.values()))
WRITTEN = [name for name, loss in FUNCTIONS.items() if loss.equation != CHAPTER_TO_COME]


@dataclass(frozen=True)
class Call:
    """A loss with everything that it is called with."""

    loss: Loss
    input: Tensor
    target: Tensor
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [self.loss.name, self.loss.target.__name__]
        words += [
            key if isinstance(value, Tensor) or callable(value) else f"{key}={value}"
            for key, value in self.options.items()
        ]
        return "-".join(words)

    def ours(self, input: Tensor, target: Tensor | None = None, /, **changes: Any) -> Tensor:
        return self.loss.ours(input, self.target if target is None else target, **self.options | changes)

    def theirs(self, input: Tensor, target: Tensor | None = None, /, **changes: Any) -> Tensor:
        return self.loss.theirs(input, self.target if target is None else target, **self.options | changes)

    def differentiable(self, input: Tensor, target: Tensor | None = None, /, **changes: Any) -> Tensor:
        function = self.loss.differentiable
        return function(input, self.target if target is None else target, **self.options | changes)


def made(options: dict[str, Any], rows: int, classes: int, generator: torch.Generator) -> dict[str, Any]:
    """Return options with the tensors that stand in them for inputs of shape (rows, classes)."""
    weights = {WEIGHT: (rows, classes), CLASS_WEIGHT: (classes,)}
    return {
        key: value(rows, classes, generator=generator)
        if value in DOMAINS
        else probability(*weights[value], generator=generator) + 0.5
        if value in weights
        else value
        for key, value in options.items()
    }


def calls(rows: int = 5, classes: int = 4, seed: int = 0) -> list[Call]:
    """Every loss, with every one of its options, on float64 values of shape (rows, classes)."""
    generator = torch.Generator().manual_seed(seed)
    result = []
    for loss in LOSSES:
        input = loss.input(rows, classes, generator=generator)
        target = loss.target(rows, classes, generator=generator)
        result += [
            Call(loss, input, target, made(options, rows, classes, generator)) for options in loss.options
        ]
    return result


def to(value: Any, target: Any) -> Any:
    """Move a floating-point tensor to a dtype or device; leave anything else alone."""
    movable = isinstance(value, Tensor) and (value.is_floating_point() or not isinstance(target, torch.dtype))
    return value.to(target) if movable else value
