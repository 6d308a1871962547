"""Losses of preferences: far leads, to the last digit and to the end."""

import math

import pytest
import torch
from torch.testing import assert_close

from lossref import bradley_terry_loss, dpo_loss, ipo_loss
from tests.strategies import tensor
from tests.test_dpo import ANSWERS


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_a_rejected_answer_that_has_become_impossible(smoothing):
    """Nothing is left to learn of it; but who takes some labels to be wrong is endlessly surprised."""
    answers = [torch.tensor([x], requires_grad=True) for x in (-5.0, -math.inf, -5.0, -6.0)]
    loss = dpo_loss(*answers, label_smoothing=smoothing)
    assert loss == (math.inf if smoothing else 0)
    if not smoothing:
        for slope in torch.autograd.grad(loss, answers):
            assert slope == 0


def test_if_every_label_is_wrong_it_is_the_loss_of_the_other_order():
    chosen, rejected, first, second = ANSWERS
    assert_close(dpo_loss(*ANSWERS, label_smoothing=1), dpo_loss(rejected, chosen, second, first))
    impossible = torch.tensor([-math.inf])
    assert dpo_loss(impossible, *torch.zeros(3, 1), label_smoothing=1) == 0


@pytest.mark.parametrize("lead", [-19.0, -21.0, -25.0, -30.0, 25.0])
def test_value_slope_and_curvature_of_a_far_lead(lead):
    """Torch's own softplus is a straight line from 20 on."""
    x, zero = torch.tensor([lead], dtype=torch.float64, requires_grad=True), torch.zeros(1).double()
    small = math.exp(-abs(lead))
    right = 1 / (1 + math.exp(lead))
    for loss in (bradley_terry_loss(x, zero), dpo_loss(x, zero, zero, zero, beta=1)):
        assert_close(loss.item(), max(-lead, 0.0) + math.log1p(small), rtol=1e-15, atol=0)
        (slope,) = torch.autograd.grad(loss, x, create_graph=True)
        assert_close(slope.item(), -right, rtol=1e-15, atol=0)
        (curvature,) = torch.autograd.grad(slope, x)
        assert_close(curvature.item(), small / (1 + small) ** 2, rtol=2e-3, atol=0)  # torch rounds 1 - slope


def test_empty_and_half():
    for loss in (dpo_loss, ipo_loss):
        assert loss(*[torch.ones(0)] * 4).isnan()
        assert loss(*[torch.ones(0)] * 4, reduction="sum") == 0
        halves = [each.bfloat16() for each in ANSWERS]
        expected = loss(*(each.double() for each in halves), reduction="none").bfloat16()
        assert_close(loss(*halves, reduction="none"), expected, rtol=0, atol=0)
    # What the docstring warns of.
    assert tensor([-1000.0]).bfloat16().nextafter(tensor([0.0]).bfloat16()) == -996
