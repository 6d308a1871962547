"""PyTorch's loss functions as readable formulas, equal to `torch.nn.functional` in value and gradient."""

from lossref._version import __version__
from lossref.adaptive_softmax import adaptive_log_softmax_with_loss
from lossref.bce import binary_cross_entropy, binary_cross_entropy_with_logits
from lossref.box_iou import (
    box_iou_loss,
    complete_box_iou_loss,
    distance_box_iou_loss,
    generalized_box_iou_loss,
)
from lossref.charbonnier import (
    charbonnier_loss,
    general_robust_loss,
    log_cosh_loss,
    pseudo_huber_loss,
)
from lossref.cross_entropy import cross_entropy
from lossref.ctc import ctc_loss
from lossref.dice import dice_loss, lovasz_hinge_loss, tversky_loss
from lossref.distillation import distillation_loss
from lossref.dpo import bradley_terry_loss, dpo_loss, ipo_loss
from lossref.embedding import cosine_embedding_loss, hinge_embedding_loss
from lossref.focal import focal_loss, sigmoid_focal_loss
from lossref.gaussian import gaussian_nll_loss
from lossref.huber import huber_loss, smooth_l1_loss
from lossref.info_nce import info_nce_loss, nt_xent_loss, supervised_contrastive_loss
from lossref.kl import kl_div
from lossref.l1 import l1_loss
from lossref.l2 import mse_loss
from lossref.linear_cross_entropy import linear_cross_entropy
from lossref.multi_margin import multi_margin_loss, multilabel_margin_loss
from lossref.nll import nll_loss
from lossref.pinball import crps_ensemble_loss, crps_normal_loss, pinball_loss
from lossref.poisson import poisson_nll_loss
from lossref.ranking import margin_ranking_loss
from lossref.soft_margin import multilabel_soft_margin_loss, soft_margin_loss
from lossref.triplet import triplet_margin_loss, triplet_margin_with_distance_loss

__all__ = [
    "__version__",
    "adaptive_log_softmax_with_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "box_iou_loss",
    "bradley_terry_loss",
    "charbonnier_loss",
    "complete_box_iou_loss",
    "cosine_embedding_loss",
    "cross_entropy",
    "crps_ensemble_loss",
    "crps_normal_loss",
    "ctc_loss",
    "dice_loss",
    "distance_box_iou_loss",
    "distillation_loss",
    "dpo_loss",
    "focal_loss",
    "gaussian_nll_loss",
    "general_robust_loss",
    "generalized_box_iou_loss",
    "hinge_embedding_loss",
    "huber_loss",
    "info_nce_loss",
    "ipo_loss",
    "kl_div",
    "l1_loss",
    "linear_cross_entropy",
    "log_cosh_loss",
    "lovasz_hinge_loss",
    "margin_ranking_loss",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "nt_xent_loss",
    "pinball_loss",
    "poisson_nll_loss",
    "pseudo_huber_loss",
    "sigmoid_focal_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
    "supervised_contrastive_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "tversky_loss",
]
