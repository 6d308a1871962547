"""PyTorch's loss functions as readable formulas, equal to `torch.nn.functional` in value and gradient."""

from lossref._version import __version__
from lossref.adaptive_softmax import adaptive_log_softmax_with_loss
from lossref.bce import binary_cross_entropy, binary_cross_entropy_with_logits
from lossref.cross_entropy import cross_entropy
from lossref.ctc import ctc_loss
from lossref.huber import huber_loss, smooth_l1_loss
from lossref.l1 import l1_loss
from lossref.l2 import mse_loss
from lossref.linear_cross_entropy import linear_cross_entropy
from lossref.poisson import poisson_nll_loss

__all__ = [
    "__version__",
    "adaptive_log_softmax_with_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "ctc_loss",
    "huber_loss",
    "l1_loss",
    "linear_cross_entropy",
    "mse_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
]
