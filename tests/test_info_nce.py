# ruff: noqa: E501 - a row of the errors is a line
"""The contrastive losses: their formulas and errors, and what other libraries say of the same numbers."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from lossref import cross_entropy, info_nce_loss, nt_xent_loss, supervised_contrastive_loss
from tests.errors import Row, X, Y, index, ones
from tests.formulas import uniform
from tests.strategies import gradient, tensor

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

# ---- What other libraries say

A = tensor([[1, 0.2, -0.5], [-0.3, 0.8, 0.1], [0.4, -0.6, 0.9], [0.2, 0.2, 0.7]])
B = tensor([[0.9, 0.1, -0.2], [-0.5, 0.6, 0.4], [0.1, -0.9, 0.7], [0.3, -0.1, 0.5]])
Z = tensor(
    [[1, 0.2, -0.5], [-0.3, 0.8, 0.1], [0.9, 0.1, -0.2], [0.2, 0.2, 0.7], [0.4, -0.6, 0.9], [-0.5, 0.6, 0.4]]
)
TWO_EACH, SEVERAL = torch.tensor([0, 1, 0, 2, 2, 1]), torch.tensor([0, 1, 0, 2, 0, 1])


@pytest.mark.parametrize(
    ("tau", "there", "back"),
    [(0.5, 0.5020114503, 0.5209334896), (0.07, 0.1863582269, 0.2793450766), (0.1, 0.1874639183, None)],
)
def test_of_a_pair_of_views(tau: float, there: float, back: float | None) -> None:
    """The last is what info-nce-pytorch prints, the others the formula in numpy."""
    assert info_nce_loss(A, B, temperature=tau).item() == pytest.approx(there, abs=1e-10)
    if back:
        assert info_nce_loss(B, A, temperature=tau).item() == pytest.approx(back, abs=1e-10)


@pytest.mark.parametrize(("tau", "value"), [(0.5, 0.8314254072), (0.07, 0.2504770032)])
def test_of_all_other_rows(tau: float, value: float) -> None:
    """Four say this: lightly 1.6.0, optax 0.2.8, pytorch-metric-learning 2.9.0, monai 1.6.1."""
    assert nt_xent_loss(A, B, temperature=tau).item() == pytest.approx(value, abs=1e-10)


def test_of_labels() -> None:
    """pytorch-metric-learning 2.9.0, SupConLoss."""
    assert supervised_contrastive_loss(Z, TWO_EACH).item() == pytest.approx(0.0227154824, abs=1e-10)
    assert supervised_contrastive_loss(Z, SEVERAL).item() == pytest.approx(3.3311, abs=5e-5)
    # By all rows, also one that is alone: what others divide by.
    total = supervised_contrastive_loss(Z, SEVERAL, reduction="sum")
    assert (total / 6).item() == pytest.approx(2.7759, abs=5e-5)


# ---- What they are in terms of the others


def test_cross_entropy_of_the_similarities() -> None:
    logits = torch.nn.functional.cosine_similarity(A.unsqueeze(1), B, dim=-1) / 0.07
    assert_close(
        info_nce_loss(A, B, reduction="none"), cross_entropy(logits, torch.arange(4), reduction="none")
    )


def test_two_rows_of_each_label_are_two_views() -> None:
    labels = torch.arange(4).repeat(2)
    for reduction in ("mean", "none", "sum"):
        options = {"temperature": 0.2, "reduction": reduction}
        assert_close(
            supervised_contrastive_loss(torch.cat([A, B]), labels, **options), nt_xent_loss(A, B, **options)
        )


def test_the_other_rows_as_negatives() -> None:
    others = torch.stack([torch.cat([B[:i], B[i + 1 :]]) for i in range(4)])
    assert_close(info_nce_loss(A, B, others, reduction="none"), info_nce_loss(A, B, reduction="none"))
    shared = torch.cat([B, A])
    assert_close(info_nce_loss(A, B, shared), info_nce_loss(A, B, shared.expand(4, 8, 3)))


def test_the_self_pair_is_none() -> None:
    """With it, as hasty code has it, these rows would cost 1.602 and not 0.250."""
    z = torch.nn.functional.normalize(torch.cat([A, B]))
    kept = cross_entropy(z @ z.T / 0.07, torch.arange(8).roll(4))
    assert kept.item() == pytest.approx(1.602, abs=5e-4)


# ---- The logarithm of a count


def test_equal_vectors_cost_the_logarithm_of_the_candidates() -> None:
    same = torch.ones(8, 3)
    assert_close(info_nce_loss(same, same), torch.tensor(8.0).log())
    assert_close(nt_xent_loss(same, same), torch.tensor(15.0).log())
    assert_close(supervised_contrastive_loss(same, torch.arange(8) % 2), torch.tensor(7.0).log())


def test_so_does_a_high_temperature() -> None:
    assert_close(info_nce_loss(A, B, temperature=1e9), tensor(math.log(4)))
    assert_close(nt_xent_loss(A, B, temperature=1e9), tensor(math.log(7)))


def test_perfect_pairs_still_cost_what_the_docstring_says() -> None:
    perfect = torch.eye(128)
    assert f"{nt_xent_loss(perfect, perfect):.2f}" == "3.57"
    assert f"{nt_xent_loss(perfect, perfect, temperature=0.07):.1e}" == "1.6e-04"


def test_a_label_costs_at_least_the_logarithm_of_its_others() -> None:
    perfect, labels = torch.eye(2, dtype=torch.float64).repeat(4, 1), torch.arange(2).repeat(4)
    loss = supervised_contrastive_loss(perfect, labels, temperature=0.01, reduction="none")
    assert_close(loss, tensor([math.log(3)] * 8))
    assert (
        gradient(lambda x: supervised_contrastive_loss(x, labels, temperature=0.01), perfect).abs().max()
        < 1e-12
    )
