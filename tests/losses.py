"""The losses as a table, for every test that treats them alike."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing._internal.common_methods_invocations import op_db

import lossref
from lossref.testing.domains import DOMAINS, Domain
from tests import loops
from tests.pages import own

CHAPTER_TO_COME = "chapter to come"  # in place of the equation: the loss has all but its page


@dataclass(frozen=True)
class Loss:
    """A loss: where the book has it, and the domain of its tensors and options."""

    name: str
    module: type[nn.Module] | None  # torch's; None where it has no such loss
    page: str
    equation: str
    domain: Domain | None = None  # of those that are alike

    @property
    def ours(self) -> Callable[..., Tensor]:
        return getattr(lossref, self.name)

    @property
    def theirs(self) -> Callable[..., Tensor]:
        """Torch's function; where it has none, the oracle of the tests of the loss's page."""
        return getattr(F, self.name) if self.module else own(self.page, "ORACLES")[self.name]

    @property
    def differentiable(self) -> Callable[..., Tensor]:
        """The same as torch's loss, with derivatives of every order."""
        return getattr(loops, self.name, self.theirs)

    @property
    def op_info(self) -> Any:
        return next(op for op in op_db if op.name == f"nn.functional.{self.name}")


ROWS = (
    ("l1_loss", nn.L1Loss, "l1", "eq-l1"),
    ("mse_loss", nn.MSELoss, "l2", "eq-l2"),
    ("huber_loss", nn.HuberLoss, "huber", "eq-huber"),
    ("smooth_l1_loss", nn.SmoothL1Loss, "huber", "eq-smooth-l1"),
    ("binary_cross_entropy", nn.BCELoss, "bce", "eq-bce"),
    ("binary_cross_entropy_with_logits", nn.BCEWithLogitsLoss, "bce", "eq-bce-logits"),
    ("cross_entropy", nn.CrossEntropyLoss, "cross_entropy", "eq-cross-entropy"),
    ("poisson_nll_loss", nn.PoissonNLLLoss, "poisson", "eq-poisson"),
    ("gaussian_nll_loss", nn.GaussianNLLLoss, "gaussian", "eq-gaussian"),
    ("nll_loss", nn.NLLLoss, "nll", "eq-nll"),
    ("kl_div", nn.KLDivLoss, "kl", "eq-kl"),
    ("soft_margin_loss", nn.SoftMarginLoss, "soft_margin", "eq-soft-margin"),
    ("multilabel_soft_margin_loss", nn.MultiLabelSoftMarginLoss, "soft_margin", "eq-soft-margin-multilabel"),
    ("multi_margin_loss", nn.MultiMarginLoss, "multi_margin", "eq-multi-margin"),
    ("multilabel_margin_loss", nn.MultiLabelMarginLoss, "multi_margin", "eq-multilabel-margin"),
    ("margin_ranking_loss", nn.MarginRankingLoss, "ranking", "eq-ranking"),
    ("hinge_embedding_loss", nn.HingeEmbeddingLoss, "embedding", "eq-hinge-embedding"),
    ("cosine_embedding_loss", nn.CosineEmbeddingLoss, "embedding", "eq-cosine-embedding"),
    ("triplet_margin_loss", nn.TripletMarginLoss, "triplet", "eq-triplet"),
    ("triplet_margin_with_distance_loss", nn.TripletMarginWithDistanceLoss, "triplet", "eq-triplet-distance"),
    ("sigmoid_focal_loss", None, "focal", "eq-focal-sigmoid"),
    ("focal_loss", None, "focal", "eq-focal-softmax"),
    ("dice_loss", None, "dice", "eq-dice"),
    ("tversky_loss", None, "dice", "eq-tversky"),
    ("lovasz_hinge_loss", None, "dice", "eq-lovasz"),
    ("pinball_loss", None, "pinball", "eq-pinball"),
    ("crps_normal_loss", None, "pinball", "eq-crps-normal"),
    ("crps_ensemble_loss", None, "pinball", "eq-crps-ensemble"),
    ("distillation_loss", None, "distillation", "eq-distillation"),
    ("box_iou_loss", None, "box_iou", "eq-box-iou"),
    ("generalized_box_iou_loss", None, "box_iou", "eq-generalized-box-iou"),
    ("distance_box_iou_loss", None, "box_iou", "eq-distance-box-iou"),
    ("bradley_terry_loss", None, "dpo", "eq-bradley-terry"),
    ("dpo_loss", None, "dpo", "eq-dpo"),
    ("ipo_loss", None, "dpo", "eq-ipo"),
    ("log_cosh_loss", None, "charbonnier", "eq-charbonnier-log-cosh"),
    ("pseudo_huber_loss", None, "charbonnier", "eq-charbonnier-pseudo-huber"),
    ("charbonnier_loss", None, "charbonnier", "eq-charbonnier"),
    ("general_robust_loss", None, "charbonnier", "eq-charbonnier-general"),
)
LOSSES = tuple(Loss(*row, domain) for row in ROWS for domain in DOMAINS[row[0]])

# Losses of other shapes, or whose gradient is not that of the value: what is done to those above alike,
# their own tests do.
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
    Loss("info_nce_loss", None, "info_nce", "eq-info-nce"),
    Loss("nt_xent_loss", None, "info_nce", "eq-nt-xent"),
    Loss("supervised_contrastive_loss", None, "info_nce", "eq-supervised-contrastive"),
    Loss("complete_box_iou_loss", None, "box_iou", "eq-complete-box-iou"),
)

ALIKE = {loss.name: loss for loss in LOSSES}
OF_TORCH = {name: loss for name, loss in ALIKE.items() if loss.module}
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
        words = [self.loss.name, self.loss.domain.target.__name__]
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


def calls(rows: int = 5, classes: int = 4, seed: int = 0, special: bool = False) -> list[Call]:
    """Every loss, with every one of its options, on float64 values of shape (rows, classes)."""
    generator = torch.Generator().manual_seed(seed)
    result = []
    for loss in LOSSES:
        input, target, sets = loss.domain.draw(rows, classes, generator, special)
        result += [Call(loss, input, target, options) for options in sets]
    return result


def to(value: Any, target: Any) -> Any:
    """Move a floating-point tensor to a dtype or device; leave anything else alone."""
    movable = isinstance(value, Tensor) and (value.is_floating_point() or not isinstance(target, torch.dtype))
    return value.to(target) if movable else value
