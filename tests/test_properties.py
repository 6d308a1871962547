"""The checks behind the book's tables of properties: each says no where the answer is no."""

import math

import matplotlib.pyplot as plt
import pytest
import torch
from torch.distributions import Laplace, Normal

import lossref
from lossref import book


def square(r):
    return r**2


def kinked_away_from_the_grid(r):
    return (r - math.pi / 10).abs()


def huber(r):
    return lossref.huber_loss(r, torch.zeros_like(r), reduction="none")


@pytest.mark.parametrize(
    ("curve", "convex"),
    [
        (square, True),
        (torch.abs, True),
        (torch.nn.functional.softplus, True),
        (torch.sin, False),
        (torch.tanh, False),
        (lambda r: -(r**2), False),
        (lambda r: r.abs().sqrt(), False),
    ],
)
def test_convex(curve, convex):
    assert book.is_convex(curve, -3, 3) is convex


@pytest.mark.parametrize(
    ("curve", "differentiable"),
    [
        (square, True),
        (huber, True),
        (torch.sin, True),
        (lambda r: 3 * r, True),
        (torch.abs, False),
        (kinked_away_from_the_grid, False),
        (torch.relu, False),
        (lambda r: r.abs() * 1e-3 + r**2, False),
        (lambda r: r.abs().sqrt(), False),
    ],
)
def test_differentiable(curve, differentiable):
    assert book.is_differentiable(curve, -3, 3) is differentiable


def test_jump():
    assert book.jump(torch.abs) == 2
    assert book.jump(torch.relu) == 1
    assert book.jump(square) == 0 == book.jump(torch.abs, at=1.0)


@pytest.mark.parametrize(
    ("curve", "bounded"), [(torch.abs, True), (huber, True), (square, False), (torch.exp, False)]
)
def test_bounded_slope(curve, bounded):
    assert book.has_bounded_slope(curve, -3, 3) is bounded


@pytest.mark.parametrize(
    ("curve", "curvature"),
    [(square, 2), (huber, 1), (torch.nn.functional.softplus, 0.25), (torch.abs, math.inf)],
)
def test_largest_curvature(curve, curvature):
    assert book.largest_curvature(curve, -3, 3) == pytest.approx(curvature, rel=1e-6)


WIDER = [(-30, 30), (-300, 300)]


def test_supremum():
    assert book.supremum(lambda low, high: book.steepest(torch.abs, low, high), WIDER) == 1
    assert book.supremum(lambda low, high: book.steepest(square, low, high), WIDER) == math.inf
    assert book.supremum(lambda low, high: high, [(0, 1), (0, 1), (0, 1.01)]) == math.inf
    assert book.supremum(lambda low, high: high, [(0, 1), (0, 2), (0, 2)]) == 2


def test_best_constant():
    data = torch.tensor([1.0, 2.0, 3.0, 4.0, 10.0], dtype=torch.float64)
    assert book.best_constant(lossref.mse_loss, data, 0, 10) == pytest.approx(4)
    assert book.best_constant(lossref.l1_loss, data, 0, 10) == pytest.approx(3)


def test_noise_model():
    zero = torch.zeros((), dtype=torch.float64)
    models = {"Laplace": Laplace(zero, zero + 1), "Gaussian": Normal(zero, zero + 0.5**0.5)}
    assert book.noise_model(torch.abs, models) == "Laplace"
    assert book.noise_model(square, models) == "Gaussian"
    with pytest.raises(ValueError, match="none of: Laplace, Gaussian"):
        book.noise_model(huber, models)
    with pytest.raises(ValueError, match="none of: Laplace, Gaussian"):
        book.noise_model(lambda r: 2 * r.abs(), models)


@pytest.mark.parametrize(
    ("curve", "bounded"), [(torch.tanh, True), (square, False), (torch.abs, False), (torch.log1p, False)]
)
def test_bounded(curve, bounded):
    assert book.is_bounded(curve, 0, 30) is bounded


def test_unit():
    assert book.unit(torch.abs) == "the target's unit"
    assert book.unit(square) == "the square of the target's unit"
    assert book.unit(huber, lambda r: 100 * huber(r / 10)) == "the square of the target's unit"
    assert book.unit(torch.sign) == "none"
    for without in (huber, torch.exp, lambda r: r**3):
        with pytest.raises(ValueError, match="the loss has no unit"):
            book.unit(without)


def test_accepts():
    x = torch.ones(3)
    assert book.accepts(lossref.mse_loss, x, x, reduction="sum")
    assert not book.accepts(lossref.mse_loss, x, 1j * x)  # an error
    assert not book.accepts(lossref.mse_loss, x, x[:1])  # a warning
    assert not book.accepts(lossref.mse_loss, x, x, weights=x)
    assert not book.accepts(lossref.cross_entropy, x, torch.tensor(3))  # no such class


def test_wants_one_shape():
    assert book.wants_one_shape(lossref.huber_loss)
    assert not book.wants_one_shape(lossref.cross_entropy)
    assert not book.wants_one_shape(lambda x, y: (x - y).abs().mean())  # broadcasts in silence


def test_also_called():
    documents = (torch.nn.L1Loss, lossref.l1_loss)
    assert book.also_called("mean absolute error", "L1Loss", documents=documents)
    assert book.also_called("MAE", "absolute error", documents=documents) == "MAE, absolute error"
    with pytest.raises(ValueError, match="not documented: quadratic loss"):
        book.also_called("MAE", "quadratic loss", documents=documents)


def test_linked():
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lossref"}):
        fig, ax = plt.subplots()
        ax.text(0.5, 0.5, "to L2 & more", url="l2.html")
        page = book.Linked(fig, alt="A box & a link.", caption="Follow it.")._repr_html_()
    assert page.count('<a href="l2.html">') == 1
    assert "to L2 &amp; more" in page
    assert 'aria-label="A box &amp; a link."' in page
    assert 'role="group"' in page
    assert 'xlink:href="l2' not in page
    assert not plt.fignum_exists(fig.number)


def test_linked_without_a_link():
    fig, ax = plt.subplots()
    ax.text(0.5, 0.5, "no link")
    with pytest.raises(ValueError, match="no text of the figure has a url"):
        book.Linked(fig, alt="", caption="")
