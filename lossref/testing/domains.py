"""Where each loss lives, as data: what its tensors are drawn from, and options that use every argument."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

WEIGHT = "weight, one for each element"
CLASS_WEIGHT = "weight, one for each class"


def real(*shape: int, generator: Generator) -> Tensor:
    """Draw logits, predictions or targets of a regression."""
    return 2 * torch.randn(*shape, generator=generator, dtype=torch.float64)


def real_of_a_row(*shape: int, generator: Generator) -> Tensor:
    """Draw a target for each row."""
    return real(*shape[:1], generator=generator)


def probability(*shape: int, generator: Generator) -> Tensor:
    """Draw probabilities, none of them certain."""
    return torch.rand(*shape, generator=generator, dtype=torch.float64) * 0.98 + 0.01


def distribution(*shape: int, generator: Generator) -> Tensor:
    """Draw probabilities that sum to 1 over the classes."""
    return real(*shape, generator=generator).softmax(min(1, len(shape) - 1))


def log_rate(*shape: int, generator: Generator) -> Tensor:
    """Draw logarithms of rates."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def rate(*shape: int, generator: Generator) -> Tensor:
    """Draw rates, or variances."""
    return log_rate(*shape, generator=generator).exp()


def count(*shape: int, generator: Generator) -> Tensor:
    """Draw counts of 2 and more."""
    return torch.randint(2, 9, shape, generator=generator).double()


def label(*shape: int, generator: Generator) -> Tensor:
    """Draw labels of 0 and 1."""
    return torch.randint(2, shape, generator=generator)


def sign(*shape: int, generator: Generator) -> Tensor:
    """Draw labels of -1 and 1."""
    return 2 * torch.randint(2, shape, generator=generator) - 1


def sign_of_a_row(*shape: int, generator: Generator) -> Tensor:
    """Draw a label of -1 or 1 for each row."""
    return sign(*shape[:1], generator=generator)


def class_index(*shape: int, generator: Generator) -> Tensor:
    """Draw a class for each row."""
    return torch.randint(shape[1], shape[:1] + shape[2:], generator=generator)


def class_list(*shape: int, generator: torch.Generator) -> Tensor:
    """Return lists of classes; after the -1 that ends a list stand others, which count for nothing."""
    lists = torch.rand(*shape, generator=generator).argsort(1)
    ends = torch.randint(1, shape[1], shape[:1], generator=generator)
    return lists.scatter(1, ends.unsqueeze(1), -1)


def box(*shape: int, generator: Generator) -> Tensor:
    """Draw a box for each row, by its left, top, right and bottom edge: some meet, and some do not."""
    corner, size = 3 * torch.rand(2, *shape[:1], 2, generator=generator, dtype=torch.float64)
    return torch.cat([corner, corner + size + 0.1], 1)


def city_block(u: Tensor, v: Tensor) -> Tensor:
    """Return another distance than Euclid's."""
    return (u - v).abs().sum(-1)


DRAWN = (real, log_rate, rate, count, probability, distribution, sign, sign_of_a_row, class_index, class_list)

# Inputs where formulas are special: a threshold, a tie, a certain probability, a far logit.
SPECIAL: dict[Callable[..., Tensor], list[float]] = {
    real: [0.0, 0.3, -0.3, 1.0, -1.0, 5.0, -5.0, 20.0, -20.0, 700.0, -700.0, 1e-4],
    probability: [0.0, 1.0, 1e-30, 1e-4, 0.0, 1.0, 1e-30, 1e-4, 0.5, 0.3, 0.0, 1.0],
    log_rate: [0.0, 0.3, -0.3, 1.0, -1.0, 5.0, -5.0, 2.0, -20.0, 3.0, -700.0, 0.5],
    # far away, around all others, and a point
    box: [50.0, 50.0, 51.0, 52.0, -9.0, -9.0, 9.0, 9.0, 1.0, 1.0, 1.0, 1.0],
    rate: [0.0, 1.0, 1e-30, 1e-4, 20.0, 3.0, 0.01, 100.0, 0.5, 0.3, 7.0, 2.0],
}


@dataclass(frozen=True)
class Domain:
    """What the first two tensors of a loss are drawn from, and options that together use every argument.

    A third tensor is an option, made by the function that stands there.
    """

    input: Callable[..., Tensor] = real
    target: Callable[..., Tensor] = real
    options: tuple[dict[str, Any], ...] = ({},)

    def draw(
        self, rows: int, classes: int, generator: Generator, special: bool = False
    ) -> tuple[Tensor, Tensor, list[dict[str, Any]]]:
        """Return two tensors of shape (rows, classes), or as their domains have it, and each set of options.

        The last three rows of a `special` draw hold the values at which formulas are special.
        """
        input = self.input(rows, classes, generator=generator)
        target = self.target(rows, classes, generator=generator)
        if special:
            values = torch.tensor(SPECIAL[self.input], dtype=torch.float64)
            input[-3:] = values[: 3 * classes].view(3, classes)
            if self.target is real:
                target[-3:] = 0
            if self.target is probability:
                target[-3:] = target[-3:].round()
        return input, target, [made(options, rows, classes, generator) for options in self.options]


def made(options: dict[str, Any], rows: int, classes: int, generator: Generator) -> dict[str, Any]:
    """Return options with the tensors that stand in them for inputs of shape (rows, classes)."""
    weights = {WEIGHT: (rows, classes), CLASS_WEIGHT: (classes,)}
    return {
        key: value(rows, classes, generator=generator)
        if value in DRAWN
        else probability(*weights[value], generator=generator) + 0.5
        if value in weights
        else value
        for key, value in options.items()
    }


# What a model started from, which comes as two tensors more.
REFERENCE: dict[str, Any] = {"reference_chosen": real, "reference_rejected": real}
DOMAINS: dict[str, tuple[Domain, ...]] = {
    "l1_loss": (Domain(real, real, ({}, {"weight": WEIGHT})),),
    "mse_loss": (Domain(real, real, ({}, {"weight": WEIGHT})),),
    "huber_loss": (Domain(real, real, ({}, {"delta": 0.3, "weight": WEIGHT}, {"delta": 5.0})),),
    "smooth_l1_loss": (Domain(real, real, ({}, {"beta": 0.3}, {"beta": 5}, {"beta": 0})),),
    "binary_cross_entropy": (Domain(probability, probability, ({}, {"weight": CLASS_WEIGHT})),),
    "binary_cross_entropy_with_logits": (
        Domain(real, probability, ({}, {"weight": WEIGHT, "pos_weight": CLASS_WEIGHT})),
    ),
    "cross_entropy": (
        Domain(
            real,
            class_index,
            (
                {},
                {"weight": CLASS_WEIGHT, "ignore_index": 1},
                {"weight": CLASS_WEIGHT, "label_smoothing": 0.2},
            ),
        ),
        Domain(real, distribution, ({}, {"weight": CLASS_WEIGHT, "label_smoothing": 0.2})),
    ),
    "poisson_nll_loss": (
        Domain(log_rate, count, ({}, {"full": True})),
        Domain(rate, count, ({"log_input": False, "eps": 0.01}, {"log_input": False, "full": True})),
    ),
    "gaussian_nll_loss": (Domain(real, real, ({"var": rate}, {"var": rate, "full": True, "eps": 0.5})),),
    "nll_loss": (Domain(real, class_index, ({}, {"weight": CLASS_WEIGHT, "ignore_index": 1})),),
    "kl_div": (Domain(real, real, ({"log_target": True},)), Domain(real, probability)),
    "soft_margin_loss": (Domain(real, sign),),
    "multilabel_soft_margin_loss": (Domain(real, probability, ({}, {"weight": CLASS_WEIGHT})),),
    "multi_margin_loss": (Domain(real, class_index, ({}, {"p": 2, "margin": 2.5, "weight": CLASS_WEIGHT})),),
    "multilabel_margin_loss": (Domain(real, class_list),),
    "margin_ranking_loss": (Domain(real, real, ({"target": sign}, {"target": sign, "margin": 1.0})),),
    "hinge_embedding_loss": (Domain(real, sign, ({}, {"margin": 2.5})),),
    "cosine_embedding_loss": (
        Domain(real, real, ({"target": sign_of_a_row}, {"target": sign_of_a_row, "margin": 0.25})),
    ),
    "triplet_margin_loss": (
        Domain(
            real,
            real,
            ({"negative": real}, {"negative": real, "margin": 2.0, "p": 3, "eps": 1e-3, "swap": True}),
        ),
    ),
    "triplet_margin_with_distance_loss": (
        Domain(
            real,
            real,
            (
                {"negative": real},
                {"negative": real, "margin": 2.0, "distance_function": city_block, "swap": True},
            ),
        ),
    ),
    "sigmoid_focal_loss": (Domain(real, probability, ({}, {"gamma": 0.5, "alpha": 0.25})),),
    "focal_loss": (
        Domain(real, class_index, ({}, {"gamma": 3.0, "weight": CLASS_WEIGHT, "ignore_index": 1})),
    ),
    "dice_loss": (Domain(probability, probability, ({}, {"smooth": 0.1, "squared": True})),),
    "tversky_loss": (Domain(probability, probability, ({}, {"alpha": 0.3, "beta": 0.7, "smooth": 0.1})),),
    "lovasz_hinge_loss": (Domain(real, label),),
    "pinball_loss": (Domain(real, real, ({}, {"quantile": 0.9}, {"quantile": probability})),),
    "crps_normal_loss": (Domain(real, real, ({"std": rate},)),),
    "crps_ensemble_loss": (Domain(real, real_of_a_row, ({}, {"fair": True})),),
    "distillation_loss": (Domain(real, real, ({}, {"temperature": 4.0})),),
    "box_iou_loss": (Domain(box, box),),
    "generalized_box_iou_loss": (Domain(box, box),),
    "distance_box_iou_loss": (Domain(box, box),),
    "log_cosh_loss": (Domain(),),
    "pseudo_huber_loss": (Domain(options=({}, {"delta": 0.3})),),
    "charbonnier_loss": (Domain(options=({"eps": 0.3},)),),
    "general_robust_loss": (Domain(options=({}, {"alpha": 0.0, "scale": 2.5}, {"alpha": -math.inf})),),
    "bradley_terry_loss": (Domain(real, real, ({}, {"margin": 1.0})),),
    "dpo_loss": (Domain(real, real, (REFERENCE, {**REFERENCE, "beta": 0.5, "label_smoothing": 0.1})),),
    "ipo_loss": (Domain(real, real, (REFERENCE, {**REFERENCE, "beta": 0.5})),),
}
