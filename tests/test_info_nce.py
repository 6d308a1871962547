# ruff: noqa: E501 - a row of the errors is a line
"""The contrastive losses: their formulas and errors; what they are stands in `test_info_nce_relations.py`."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.errors import Row, X, Y, index, ones
from tests.formulas import one_hot, slope, uniform
from tests.strategies import tensor

# ---- The same in plain numbers: exponentials, and each row by itself


def similar(a: Tensor, b: Tensor, temperature: float, normalize: bool) -> Tensor:
    if normalize:
        a, b = a / a.square().sum(-1, keepdim=True).sqrt(), b / b.square().sum(-1, keepdim=True).sqrt()
    return (a * b).sum(-1) / temperature


def reduced(losses: list[Tensor], reduction: str, divisor: float | None = None) -> Tensor:
    loss = torch.stack(losses)
    if reduction == "mean":
        return loss.sum() / (len(losses) if divisor is None else divisor)
    return loss.sum() if reduction == "sum" else loss


def info_nce(input, target, negatives=None, *, temperature=0.07, normalize=True, reduction="mean"):
    def loss(i: int) -> Tensor:
        others = torch.cat([target[:i], target[i + 1 :]]) if negatives is None else negatives
        near = similar(input[i], target[i], temperature, normalize)
        far = similar(input[i], others[i] if others.dim() == 3 else others, temperature, normalize)
        return (1 + (far - near).exp().sum()).log()

    return reduced([loss(i) for i in range(len(input))], reduction)


def nt_xent(input, target, *, temperature=0.5, normalize=True, reduction="mean"):
    z, n = torch.cat([input, target]), len(input)

    def loss(i: int) -> Tensor:
        row = similar(z[i], z, temperature, normalize)
        return row[[j for j in range(2 * n) if j != i]].exp().sum().log() - row[(i + n) % (2 * n)]

    return reduced([loss(i) for i in range(2 * n)], reduction)


def supervised(input, target, *, temperature=0.1, normalize=True, reduction="mean"):
    losses, labels = [], target.tolist()
    for i, label in enumerate(labels):
        row = similar(input[i], input, temperature, normalize)
        others = [j for j in range(len(labels)) if j != i]
        like = [j for j in others if labels[j] == label]
        losses.append(row[others].exp().sum().log() - row[like].mean() if like else 0 * row.sum())
    alone = sum(labels.count(label) == 1 for label in labels)
    return reduced(losses, reduction, len(labels) - alone)


ORACLES = {
    "info_nce_loss": info_nce,
    "nt_xent_loss": nt_xent,
    "supervised_contrastive_loss": supervised,
}

# ---- Formulas. They are of a row `i`; `C` is how many rows the other rows are counted in.

SYMBOLS = {"tau": "temperature"}


def rows(n, seed, tau, **more):
    x, y = uniform(-2, 2, n, 2, seed=seed), uniform(-2, 2, n, 2, seed=seed + 1)
    return {"x": x, "y": y, "D": 2, "N": n, "C": n, "i": range(1, n + 1), "tau": tau} | more


CASES = {
    "info_nce_loss": [rows(3, 10 * k, tau) for k, tau in enumerate((0.1, 2.0))],
    "nt_xent_loss": [rows(2, 10 * k, tau, C=4, i=range(1, 5)) for k, tau in enumerate((0.3, 2.0))],
    "supervised_contrastive_loss": [
        rows(5, 10 * k, tau, y=tensor([0, 1, 0, 1, 0])) for k, tau in enumerate((0.3, 2.0))
    ],
}
NAMES = tuple(ORACLES)
MUTANTS = [
    *(
        (name, r"-\log" if name != NAMES[2] else r"-\frac", r"\log" if name != NAMES[2] else r"\frac")
        for name in NAMES
    ),
    *((name, r"{\tau \sqrt", r"{\sqrt") for name in NAMES),
    *((name, r"v_k^2", r"u_k^2") for name in NAMES),
    (NAMES[0], r"\sum_{j=1}^{N} e", r"\sum_{j \ne i} e"),
    (NAMES[0], r"e^{s(x_i, y_j)}", r"e^{s(x_j, y_i)}"),
    (NAMES[1], r"\sum_{j \ne i}", r"\sum_{j=1}^{2 N}"),
    (NAMES[1], r"i - N", r"i + 1 - N"),
    (NAMES[2], r"\log q(i, j)", r"q(i, j)"),
    (NAMES[2], r"\sum_{c \ne i}", r"\sum_{c=1}^{C}"),
    (NAMES[2], r"y_i = y_j", r"y_i \ne y_j"),
]

# In the chapter.
OTHER_NAMES = ["nt-xent", "supervised-contrastive"]
NUMBERS = {"s": uniform(-1, 1, 5, seed=3), "tau": tensor(0.3), "N": 5, "D": 2, "i": 2}
NUMBERS |= {"x": uniform(-2, 2, 5, 2, seed=4), "y": uniform(-2, 2, 5, 2, seed=5)}
SHARES, RIGHT, FIVE = (NUMBERS["s"] / 0.3).softmax(0), one_hot(0, 5), tensor([0, 1, 0, 1, 1])


def plain(s: Tensor, tau: Tensor) -> Tensor:
    return F.cross_entropy(s / tau, torch.tensor(0))


TWINS = {
    "eq-info-nce-plain": lambda s, tau, N: plain(s, tau),
    "eq-info-nce-slope": lambda s, tau, N, p=SHARES, y=RIGHT: slope(lambda s: plain(s, tau), s),
    "eq-info-nce-floor": lambda tau, N: plain(one_hot(0, N), tau),
    "eq-info-nce": lambda x, y, tau, i, N, D: info_nce(x, y, temperature=tau, reduction="none")[i - 1],
    "eq-nt-xent": lambda x, y, tau, i, N, D, C=10: nt_xent(x, y, temperature=tau, reduction="none")[i - 1],
    "eq-supervised-contrastive": lambda x, tau, i, N, D, C=5, y=FIVE: supervised(
        x, y, temperature=tau, reduction="none"
    )[i - 1],
}
BROKEN = [
    ("eq-info-nce-plain", r"s_1", r"s_2"),
    ("eq-info-nce-plain", r"s_j / \tau", r"s_j"),
    ("eq-info-nce-slope", r"p_j - y_j", r"p_j"),
    ("eq-info-nce-slope", r"{\tau}", r"{2}"),
    ("eq-info-nce-floor", r"(N - 1)", r"N"),
    ("eq-info-nce-floor", r"-1 / \tau", r"1 / \tau"),
    ("eq-nt-xent", r"i + N", r"i + 2"),
]

NCE, PAIRS, LABELS = NAMES
ONE, VECTORS = index(0, 1), ones(2, 3)
OF_ONE_SHAPE = "input and target must have one shape, (N, D); got (2, 3) and"
OF_NEGATIVES = "negatives must be of shape (M, D) or (N, M, D), with N = 2 and D = 3; got"


def bad(what, name, error, x=X, y=None, **options):
    return Row(what, name, x, y if y is not None else ONE if name == LABELS else Y, options, None, error)


# fmt: off
ERRORS = [
    *(bad(f"temperature {t}", name, (ValueError, f"temperature must be greater than 0, got {t:g}"), temperature=t) for name in NAMES for t in (0.0, -1.0, math.nan)),
    *(bad("a temperature for each row", name, (TypeError, "temperature must be a number, got a Tensor of shape (2,)"), temperature=ones(2)) for name in NAMES),
    *(bad("a temperature of zero to learn", name, (ValueError, "temperature must be greater than 0, got 0"), temperature=torch.zeros((), requires_grad=True)) for name in NAMES),
    *(bad("unknown reduction", name, (ValueError, "reduction must be 'none', 'mean' or 'sum': average is not a valid value for reduction"), reduction="average") for name in NAMES),
    *(bad("a list", name, (TypeError, "input must be a Tensor, got list"), x=[1.0]) for name in NAMES),
    *(bad("complex vectors", name, (NotImplementedError, f"{'input' if name == LABELS else 'input and target'} must be real; got input of torch.complex64{'' if name == LABELS else ', target of torch.float32'}"), x=X.to(torch.complex64)) for name in NAMES),
    *(bad("no rows", name, (ValueError, "input must have at least one row, got the shape (0, 3)"), x=ones(0, 3), y=ONE[:0] if name == LABELS else ones(0, 3)) for name in NAMES),
    *(bad("other shapes", name, (ValueError, f"{OF_ONE_SHAPE} (3, 3)"), y=ones(3, 3)) for name in (NCE, PAIRS)),
    *(bad("labels as target", name, (ValueError, f"{OF_ONE_SHAPE} (2,)"), y=ONE) for name in (NCE, PAIRS)),
    bad("vectors as labels", LABELS, (ValueError, "input must be of shape (N, D) and target of shape (N); got (2, 3) and (2, 3)"), y=Y),
    bad("views in a dimension", LABELS, (ValueError, "input must be of shape (N, D) and target of shape (N); got (2, 3, 4) and (2,)"), x=ones(2, 3, 4)),
    bad("negatives of another size", NCE, (ValueError, f"{OF_NEGATIVES} (5, 4)"), negatives=ones(5, 4)),
    bad("negatives of other rows", NCE, (ValueError, f"{OF_NEGATIVES} (3, 5, 3)"), negatives=ones(3, 5, 3)),
    bad("a negative", NCE, (ValueError, f"{OF_NEGATIVES} (3,)"), negatives=ones(3)),
    bad("negatives that are a list", NCE, (TypeError, "negatives must be a Tensor, got list"), negatives=[1.0]),
]
# fmt: on
