"""The losses of overlap: what each is in terms of the others, their edges, and their digits."""

import math

import pytest
import torch
from hypothesis import given
from sklearn.metrics import f1_score, jaccard_score
from torch.testing import assert_close

from lossref import dice_loss, l1_loss, lovasz_hinge_loss, mse_loss, tversky_loss
from tests.strategies import best_constant, exhaustive, gradient, label, matrices, probability, real, tensor
from tests.test_dice import FOUR, MASK, TRUE, P, dice

each_dice = pytest.mark.parametrize("squared", [False, True])


@exhaustive
@given(p=matrices(probability), y=matrices(label))
def test_what_each_is_in_terms_of_the_others(p, y):
    hard, size = y.round(), p.sum(1) + y.round().sum(1) + 0.5
    assert_close(
        dice_loss(p, hard, smooth=0.5, reduction="none"), l1_loss(p, hard, reduction="none").sum(1) / size
    )
    squares = mse_loss(p, y, reduction="none").sum(1) / (p.square().sum(1) + y.square().sum(1) + 0.5)
    assert_close(dice_loss(p, y, smooth=0.5, squared=True, reduction="none"), squares)
    assert_close(
        tversky_loss(p, y, smooth=0.25, reduction="none"), dice_loss(p, y, smooth=0.5, reduction="none")
    )
    score = 1 - dice_loss(p, y, smooth=0.5, reduction="none")
    jaccard = tversky_loss(p, y, alpha=1, beta=1, smooth=0.25, reduction="none")
    assert_close(jaccard, 1 - score / (2 - score))


def test_of_hard_masks_they_are_the_scores_that_are_reported():
    p, y = (torch.arange(24) % 3 == 0).double(), (torch.arange(24) % 4 < 2).double()
    jaccard = 1 - jaccard_score(y, p)
    assert_close(dice_loss(p, y, smooth=0), tensor(1 - f1_score(y, p)))
    assert_close(tversky_loss(p, y, alpha=1, beta=1, smooth=0), tensor(jaccard))
    assert_close(lovasz_hinge_loss(2 * p - 1, y), tensor(2 * jaccard))


@exhaustive
@given(x=matrices(real), y=matrices(label))
def test_lovasz_is_the_hinge_of_one_pixel_and_the_largest_of_an_empty_mask(x, y):
    hinges, none = (1 - (2 * y.round() - 1) * x).clamp(min=0), torch.zeros_like(y)
    assert_close(lovasz_hinge_loss(x.view(-1, 1), y.round().view(-1, 1), reduction="none"), hinges.flatten())
    assert_close(lovasz_hinge_loss(x, none, reduction="none"), (1 + x).clamp(min=0).amax(1))
    both = (lovasz_hinge_loss(x, y.round()) + lovasz_hinge_loss(-x / 2, y.round())) / 2
    assert lovasz_hinge_loss(x / 4, y.round()) <= both + 1e-9 * (1 + both)  # convex
    two = (x, -x / 2), (y.round(), 1 - y.round())  # rows of one image, or side by side
    assert_close(
        lovasz_hinge_loss(*(torch.stack(rows, 1) for rows in two)),
        lovasz_hinge_loss(*(torch.cat(rows, 1) for rows in two)),
    )


@exhaustive
@given(p=matrices(probability), y=matrices(label))
def test_what_the_losses_of_overlap_do_not_see(p, y):
    order, nothing = torch.tensor([2, 0, 3, 1]), torch.zeros(3, 2).double()
    losses = [lambda p, y, s=s: dice_loss(p, y, squared=s, reduction="none") for s in (False, True)]
    for loss in [*losses, lambda p, y: tversky_loss(p, y, alpha=0.3, beta=0.7, reduction="none")]:
        value = loss(p, y)
        assert ((value >= 0) & (value <= 1)).all()
        assert_close(loss(p[:, order], y[:, order]), value)
        # Background that is taken for background; so what is to be ignored is multiplied by 0 in both.
        assert_close(loss(torch.cat([p, nothing], 1), torch.cat([y, nothing], 1)), value)
    for loss in losses:
        assert_close(loss(p, y), loss(y, p))
        assert_close(loss(y.round(), y.round()), torch.zeros(3).double())
    found = tversky_loss(p, y, alpha=0.3, beta=0.7)
    assert_close(found, tversky_loss(y, p, alpha=0.7, beta=0.3))
    x, far = p.logit(1e-6), nothing - 9
    assert_close(
        lovasz_hinge_loss(torch.cat([x, far], 1), torch.cat([y.round(), nothing], 1)),
        lovasz_hinge_loss(x, y.round()),
    )


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_of_pixels_that_are_foreground_now_and_then_the_best_probability_is_not_that(share):
    y, some = (torch.arange(1000) < 1000 * share).double(), torch.linspace(0, 1, 1001, dtype=torch.float64)
    assert best_constant(lambda p: dice_loss(p.expand(1000), y, smooth=0), some) == 1
    best = best_constant(lambda p: dice_loss(p.expand(1000), y, smooth=0, squared=True), some)
    assert best == pytest.approx(math.sqrt(share), abs=1e-3)


def test_soft_labels_want_squares():
    y = tensor([0.5, 0.5])
    assert_close(dice_loss(y, y, smooth=0), tensor(0.5))
    assert dice_loss(y, y, smooth=0, squared=True) == 0


@each_dice
def test_an_empty_mask(squared):
    none, p = torch.zeros(4).double(), torch.full((4,), 0.1).double()
    size = (p**2 if squared else p).sum()
    for smooth in (1.0, 1e-5):
        assert dice_loss(none, none, smooth=smooth, squared=squared) == 0
        assert_close(dice_loss(p, none, smooth=smooth, squared=squared), size / (size + smooth))
    assert dice_loss(none, none, smooth=0, squared=squared).isnan()
    assert dice_loss(p, none, smooth=0, squared=squared) == 1
    # The slope by which the false positives would vanish.
    assert_close(gradient(lambda p: dice_loss(p, none), p), torch.full((4,), 1 / 1.4**2).double())
    assert (gradient(lambda p: dice_loss(p, none, smooth=1e-5), p) < 1e-4).all()


def test_lovasz_of_a_mask_of_one_pixel_that_is_not_the_worst():
    """The false alarm alone makes the Jaccard loss one half, and both errors the whole of it."""
    loss = lovasz_hinge_loss(tensor([0.2, 2.0]), tensor([1.0, 0.0]))
    assert_close(loss, tensor((3 + 0.8) / 2))


def test_without_a_word_the_prices_are_those_of_dice():
    p, y = P.double(), MASK.double()
    assert_close(tversky_loss(p, y), tversky_loss(p, y, alpha=0.5, beta=0.5, smooth=1))


def test_no_pixels_and_no_samples():
    for loss, empty in ((dice_loss, 0.0), (tversky_loss, 0.0), (lovasz_hinge_loss, 0.0)):
        assert loss(P[:0], MASK[:0]) == empty
        assert loss(FOUR[:0], TRUE[:0]).isnan()
        assert loss(FOUR[:0], TRUE[:0], reduction="none").shape == (0,)
        assert loss(P[0], MASK[0]).shape == loss(P, MASK, reduction="none").shape == ()
        assert loss(P, MASK.bool()) == loss(P, MASK.long()) == loss(P, MASK)


@pytest.mark.parametrize(("squared", "off"), [(False, 2.0**-23), (True, 2.0**-18)])
def test_a_small_loss_keeps_its_digits(squared, off):
    p, y = torch.ones(4096) - off, torch.ones(4096)
    exact = dice(p.double()[None], y.double()[None], squared=squared)
    assert_close(dice_loss(p, y, squared=squared).double(), exact, rtol=1e-4, atol=0)
    assert (dice(p[None], y[None], squared=squared).double() / exact - 1).abs() > 0.4  # as it is printed


def test_the_slopes_of_lovasz_keep_their_digits():
    random = torch.Generator().manual_seed(0)
    x = torch.randperm(40_000, generator=random) / 2.0**13 - 3  # so that the errors are exact
    y = (torch.rand(40_000, generator=random) < 0.1).float()
    exact, found = (gradient(lambda x: lovasz_hinge_loss(x, y), each).double() for each in (x.double(), x))
    assert_close(found, exact, rtol=1e-5, atol=0)
    order = (1 - (2 * y - 1) * x).argsort(descending=True, stable=True)
    lost = torch.arange(1, 40_001) / (y.sum() + (1 - y[order]).cumsum(0))
    subtracted, truth = lost.diff(prepend=torch.zeros(1)), exact.abs()[order]  # as others take it
    assert (subtracted[truth > 0] / truth[truth > 0] - 1).abs().median() > 1e-3


def test_half_precision_sums_in_float32():
    p = torch.full((1, 512, 512), 0.5, dtype=torch.float16)
    assert p.cumsum(-1).cumsum(-2)[0, -1, -1].isinf()  # the size of the mask
    assert_close(dice_loss(p, torch.ones_like(p)), torch.tensor(1 / 3, dtype=torch.float16))
