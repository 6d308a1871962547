"""Cross entropy where one class is nearly certain, or a logit at the end of the range."""

import math

import pytest
import torch
from torch.testing import assert_close

from lossref import binary_cross_entropy_with_logits, cross_entropy
from tests.strategies import gradient


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1e-5), (torch.bfloat16, 4e-3)])
@pytest.mark.parametrize("lead", [0.0, 14.0, 20.0, 28.0, 40.0])
def test_the_slope_of_the_true_class_is_accurate_at_every_confidence(dtype, bound, lead):
    """Computed as probability - 1 it would be lost: of 32 000 classes, or with a confident model."""
    x = 2 * torch.randn(4, 32_000, generator=torch.Generator().manual_seed(0))
    target = torch.arange(4)
    x[target, target] = lead
    x = x.to(dtype)
    others = x.double().scatter(1, target.unsqueeze(1), -math.inf).logsumexp(1)
    found = gradient(lambda x: cross_entropy(x, target, reduction="sum"), x).double()
    true = found[target, target]
    assert_close(true, -torch.sigmoid(others - lead), rtol=bound, atol=0)
    rest = found.sum(1) - true
    assert_close(true, -rest, rtol=2 * bound, atol=0)


@pytest.mark.parametrize("lead", [-90.0, -30.0, -15.0, 0.0, 15.0, 17.0, 30.0, 90.0])
def test_two_classes_are_one_logit_in_the_tails_too(lead):
    x, target = torch.tensor([[lead, 0.0]]), torch.tensor([0])
    logit = lambda x: binary_cross_entropy_with_logits(x[:, 0] - x[:, 1], torch.ones(1))  # noqa: E731
    logits = lambda x: cross_entropy(x, target)  # noqa: E731
    tight = {"rtol": 1e-6, "atol": 0.0}
    assert_close(logits(x), logit(x), **tight)
    assert_close(gradient(logits, x), gradient(logit, x), **tight)
    curvature, expected = (torch.func.hessian(loss)(x)[0, :, 0] for loss in (logits, logit))
    assert_close(curvature[0], expected[0], **tight)
    assert_close(curvature, expected)


def test_logits_of_any_size_stay_in_range():
    x = torch.tensor([[3e38, -3e38, 0.0], [-3e38, 3e38, 3e38], [1e4, 1e4, -math.inf]])
    found = cross_entropy(x, torch.tensor([0, 1, 1]), reduction="none")
    assert_close(found, torch.tensor([0.0, math.log(2), math.log(2)]))


def test_a_row_whose_other_classes_are_excluded_is_certain():
    x, target = torch.tensor([[2.0, -math.inf, -math.inf]]), torch.tensor([0])
    assert cross_entropy(x, target) == 0
    assert_close(gradient(lambda x: cross_entropy(x, target), x), torch.zeros(1, 3))
