"""What the page on likelihood says in formulas, in other code."""

import torch.nn.functional as F
from torch.distributions import Laplace, Normal

TWINS = {
    "eq-likelihood-gauss": lambda x, y, sigma: Normal(x, sigma).log_prob(y).exp(),
    "eq-likelihood-recipe": lambda x, y, sigma: -Normal(x, sigma).log_prob(y).sum(),
    "eq-likelihood-gauss-loss": lambda x, y, sigma: -Normal(x, sigma).log_prob(y),
    "eq-likelihood-laplace": lambda x, y, b: Laplace(x, b).log_prob(y).exp(),
    "eq-likelihood-poisson": lambda x, y: F.poisson_nll_loss(x, y, reduction="none"),
}
BROKEN = [
    ("eq-likelihood-gauss", r"{2 \sigma^2}", r"{\sigma^2}"),
    ("eq-likelihood-recipe", r"-\sum", r"\sum"),
    ("eq-likelihood-gauss-loss", r"{2 \sigma^2}", r"{\sigma^2}"),
    ("eq-likelihood-laplace", r"{2 b}", r"{b}"),
    ("eq-likelihood-poisson", r"- y x", r"- y"),
]
