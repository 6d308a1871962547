"""PyTorch's loss functions as readable formulas, equal to `torch.nn.functional` in value and gradient."""

from lossref._version import __version__
from lossref.bce import binary_cross_entropy, binary_cross_entropy_with_logits
from lossref.cross_entropy import cross_entropy
from lossref.huber import huber_loss, smooth_l1_loss
from lossref.l1 import l1_loss
from lossref.l2 import mse_loss
from lossref.poisson import poisson_nll_loss

__all__ = [
    "__version__",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "huber_loss",
    "l1_loss",
    "mse_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
]
