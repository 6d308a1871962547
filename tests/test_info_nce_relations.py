"""What the contrastive losses are: other losses in other clothes, and what other libraries say they are."""

import math

import pytest
import torch
from torch.testing import assert_close

from lossref import cross_entropy, info_nce_loss, nt_xent_loss, supervised_contrastive_loss
from tests.strategies import gradient, tensor

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
    """Recorded on 25 November 2026; the value at 0.1 is that of info-nce-pytorch."""
    assert info_nce_loss(A, B, temperature=tau).item() == pytest.approx(there, abs=1e-10)
    if back:
        assert info_nce_loss(B, A, temperature=tau).item() == pytest.approx(back, abs=1e-10)


@pytest.mark.parametrize(("tau", "value"), [(0.5, 0.8314254072), (0.07, 0.2504770032)])
def test_of_all_other_rows(tau: float, value: float) -> None:
    """Four say this: lightly 1.6.0, optax 0.2.8, pytorch-metric-learning 2.9.0, monai 1.6.1."""
    assert nt_xent_loss(A, B, temperature=tau).item() == pytest.approx(value, abs=1e-10)


def test_of_labels() -> None:
    """The second is SupConLoss of pytorch-metric-learning 2.9.0; the first was recorded with it."""
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


def test_so_does_a_vector_without_a_direction_which_is_as_like_to_all() -> None:
    none = torch.zeros(1, 3).double()
    assert info_nce_loss(none, A[:1], B).item() == pytest.approx(math.log(1 + len(B)), abs=1e-12)


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


def test_labels_of_floats_do_not_hide_a_half_precision() -> None:
    x = torch.randn(256, 64, generator=torch.manual_seed(0)).half()
    y = torch.arange(256) // 4
    exact = supervised_contrastive_loss(x.double(), y, reduction="none")
    found = supervised_contrastive_loss(x, y.float(), reduction="none")
    assert found.dtype == torch.float32
    assert_close(found.double(), exact, rtol=1e-5, atol=1e-5)
