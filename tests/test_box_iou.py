"""The losses of boxes: their formulas, their errors, and what is true of them alone."""

import math

import pytest
import torch
from torch.testing import assert_close

from lossref import box_iou_loss, complete_box_iou_loss, distance_box_iou_loss, generalized_box_iou_loss
from lossref.testing import LAWS, check
from lossref.testing.domains import Domain, box
from tests.errors import Row, ones
from tests.formulas import uniform
from tests.losses import FUNCTIONS, Call
from tests.strategies import gradient, tensor
from tests.test_compositions import TRANSFORMS, direction, truths

BOX, GENERALIZED, DISTANCE, COMPLETE = (
    "box_iou_loss",
    "generalized_box_iou_loss",
    "distance_box_iou_loss",
    "complete_box_iou_loss",
)
LOSSES = (box_iou_loss, generalized_box_iou_loss, distance_box_iou_loss, complete_box_iou_loss)
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)


def oracle(*names):
    """Return a loss that adds what is named, edge by edge and without a care for what may be 0."""

    def loss(input, target, *, reduction="mean"):
        a, b, c, d = input.unbind(-1)
        e, f, g, h = target.unbind(-1)
        common = (torch.min(c, g) - torch.max(a, e)).clamp(min=0)
        common = common * (torch.min(d, h) - torch.max(b, f)).clamp(min=0)
        union = (c - a) * (d - b) + (g - e) * (h - f) - common
        wide, high = torch.max(c, g) - torch.min(a, e), torch.max(d, h) - torch.min(b, f)
        v = (2 / math.pi * (torch.atan((c - a) / (d - b)) - torch.atan((g - e) / (h - f)))) ** 2
        terms = {
            "outside": (wide * high - union) / (wide * high),
            "apart": ((a + c - e - g) ** 2 + (b + d - f - h) ** 2) / 4 / (wide**2 + high**2),
            "shape": (v / (1 - common / union + v)).detach() * v,
        }
        each = 1 - common / union + sum(terms[name] for name in names)
        return each if reduction == "none" else each.sum() if reduction == "sum" else each.mean()

    return loss


ORACLES = {
    BOX: oracle(),
    GENERALIZED: oracle("outside"),
    DISTANCE: oracle("apart"),
    COMPLETE: oracle("apart", "shape"),
}

X, Y = (box(200, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
PAIRS = [{"x": x, "y": y} for x, y in zip(X[:12], Y[:12], strict=True)]
CASES = dict.fromkeys(ORACLES, PAIRS)
MUTANTS = [
    (BOX, r"\frac{I}{U}", "I"),
    (BOX, r"\max(0, w) \max(0, h)", "w h"),
    (BOX, "A(x) + A(y) - I", "A(x) + A(y)"),
    (BOX, r"\min(x_3, y_3)", r"\max(x_3, y_3)"),
    (GENERALIZED, r"\frac{W H - U}{W H}", r"\frac{W H - U}{U}"),
    (GENERALIZED, r"+ \frac{W H", r"- \frac{W H"),
    (GENERALIZED, r"W &= \max(x_3, y_3) - \min(x_1, y_1)", "W &= x_3 - y_1"),
    (DISTANCE, r"\frac{p^2 + q^2}{W^2 + H^2}", r"\frac{p^2 + q^2}{(W + H)^2}"),
    (DISTANCE, r"\frac{x_1 + x_3}{2}", "x_1"),
    (COMPLETE, r"\operatorname{sg}(\alpha) v", r"\alpha v"),
    (COMPLETE, r"\frac{v}{1 - \frac{I}{U} + v}", "1"),
    (COMPLETE, r"\frac{4}{\pi^2}", r"\frac{2}{\pi}"),
    (COMPLETE, r"\frac{x_3 - x_1}{x_4 - x_2}", r"\frac{x_3 - x_1}{x_4 + x_2}"),
]
SHIFT, UNIT = uniform(0, 1, 12), tensor([[0.0, 0.0, 1.0, 1.0]]).expand(12, 4)
MOVED = UNIT + SHIFT[:, None] * tensor([1.0, 0.0, 1.0, 0.0])
OTHER_NAMES = ["generalized-box-iou", "distance-box-iou", "complete-box-iou"]


def twin(name):
    return lambda x=X[4], y=Y[4]: ORACLES[name](x, y, reduction="none")


TWINS = {
    "eq-box-iou": twin(BOX),
    "eq-generalized-box-iou": twin(GENERALIZED),
    "eq-distance-box-iou": twin(DISTANCE),
    "eq-complete-box-iou": twin(COMPLETE),
    "eq-box-iou-shift": lambda s=SHIFT: ORACLES[BOX](MOVED, UNIT, reduction="none"),
}
BROKEN = [
    ("eq-box-iou", "A(x) + A(y) - I", "A(x) + A(y)"),
    ("eq-generalized-box-iou", "W H - U", "W H"),
    ("eq-distance-box-iou", "W^2 + H^2", "W H"),
    ("eq-complete-box-iou", r"\frac{4}{\pi^2}", r"\frac{4}{\pi}"),
    ("eq-box-iou-shift", "1 - s", "2 - s"),
    ("eq-box-iou-shift", "2 s", "s"),
]
GOOD, FLIPPED = tensor([[0.0, 0.0, 2.0, 2.0]]), tensor([[0.0, 0.0, 2.0, 2.0], [9.0, 5.0, 4.0, 6.0]])
FLIPS = "must hold boxes (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2"
ASKED = "are the last two a width and a height?"
ERRORS = [
    row
    for name in ORACLES
    for row in (
        Row("fewer targets", name, ones(2, 4), ones(1, 4), {}, None, (
            RuntimeError, "input and target must have the same shape, (..., 4); got (2, 4) and (1, 4)")),
        Row("three numbers", name, ones(2, 3), ones(2, 3), {}, None, (
            RuntimeError, "input and target must have the same shape, (..., 4); got (2, 3) and (2, 3)")),
        Row("no dimension", name, ones(), ones(), {}, None, (
            RuntimeError, "input and target must have the same shape, (..., 4); got () and ()")),
        Row("complex boxes", name, ones(1, 4).to(torch.complex64), ones(1, 4), {}, None, (NotImplementedError,
            "input and target must be real; got input of torch.complex64, target of torch.float32")),
        Row("a box from right to left", name, FLIPPED, GOOD.expand(2, 4), {}, None, (ValueError,
            f"input {FLIPS}, got (9, 5, 4, 6): {ASKED}")),
        Row("a true box upside down", name, GOOD, GOOD.flip(1), {}, None, (ValueError,
            f"target {FLIPS}, got (2, 2, 0, 0): {ASKED}")),
    )
]  # fmt: skip

# Measured with torchvision 0.29.1, the last also with ultralytics 8.4.190.
A = tensor([[0, 0, 2, 2], [0, 0, 1, 1], [1, 1, 4, 3], [0, 0, 10, 10], [0, 0, 2, 4]])
B = tensor([[1, 1, 3, 3], [3, 3, 4, 4], [1, 1, 4, 3], [4, 4, 6, 6], [0, 0, 4, 2]])
GOLDEN = {
    BOX: [1 - 0.1428571429, 1, 0, 1 - 0.04, 1 - 0.3333333333],
    GENERALIZED: [1.0793650794, 1.875, 0, 0.96, 0.9166666667],
    DISTANCE: [0.9682539683, 1.5625, 0, 0.96, 0.7291666667],
    COMPLETE: [0.9682539683, 1.5625, 0, 0.96, 0.76291834],
}


@each_loss
def test_golden(loss) -> None:
    assert_close(loss(A, B, reduction="none"), tensor(GOLDEN[loss.__name__]), rtol=0, atol=3e-7)


@each_loss
def test_bounds_symmetry_and_invariance(loss) -> None:
    each = loss(X, Y, reduction="none")
    assert 0.3 < (X[:, :2] < Y[:, 2:]).logical_and(Y[:, :2] < X[:, 2:]).all(1).double().mean() < 0.8
    assert each.min() >= 0
    assert each.max() <= {BOX: 1, COMPLETE: 2.5}.get(loss.__name__, 2)
    assert_close(loss(Y, X, reduction="none"), each)
    assert_close(loss(X + 3, Y + 3, reduction="none"), each)
    assert torch.equal(loss(X * 2**-14, Y * 2**-14, reduction="none"), each)
    assert torch.equal(loss(X.view(10, 20, 4), Y.view(10, 20, 4), reduction="none").flatten(), each)
    assert torch.equal(loss(X, X, reduction="none"), torch.zeros(200).double())
    scale = tensor([2.0, 2.0, 2.0, 2.0])
    slopes = [gradient(lambda x, s=s: loss(x, Y * s, reduction="sum"), X * s) for s in (1, scale)]
    assert_close(slopes[0], slopes[1] * 2)  # so a box of half the size is pulled twice as hard


def test_what_each_adds_to_intersection_over_union() -> None:
    plain, general, distance, complete = (loss(X, Y, reduction="none") for loss in LOSSES)
    assert (general >= plain - 1e-15).all()
    assert (distance >= plain).all()
    assert (complete >= distance).all()
    around = torch.cat([Y[:, :2] - 1, Y[:, 2:] + 2], 1)
    assert_close(generalized_box_iou_loss(around, Y), box_iou_loss(around, Y))
    assert distance_box_iou_loss(around, Y) > box_iou_loss(around, Y) + 0.01
    centred = Y + tensor([-0.05, 0.04, 0.05, -0.04])
    assert_close(distance_box_iou_loss(centred, Y), box_iou_loss(centred, Y))
    alike = 3 * Y + 1
    assert_close(complete_box_iou_loss(alike, Y), distance_box_iou_loss(alike, Y))


def test_boxes_that_do_not_meet_are_pulled_by_all_but_the_plain_loss() -> None:
    x, y = tensor([0.0, 0.0, 1.0, 1.0]), tensor([3.0, 0.0, 4.0, 1.0])
    for loss in LOSSES:
        left, _, right, _ = (-gradient(lambda x, f=loss: f(x, y), x)).tolist()
        assert (left, right) == (0, 0) if loss is box_iou_loss else left + right > 0
    far = y + 10_000
    assert 1.999 < generalized_box_iou_loss(x, far) < 2
    assert 1.999 < distance_box_iou_loss(x, far) < 2


@each_loss
@pytest.mark.parametrize("side", [1.0, 1e-2, 1e-4])
def test_a_small_box_has_no_loss_with_itself_and_a_small_shift_has_one(loss, side: float) -> None:
    small = torch.tensor([0.0, 0.0, side, side])
    assert loss(small, small) == 0
    shifted = small + torch.tensor([side / 4, 0, side / 4, 0])
    wide = [each.double() / side for each in (shifted, small)]
    assert_close(loss(shifted, small).double(), ORACLES[loss.__name__](*wide), rtol=1e-6, atol=0)
    with_eps = 1 - side**2 / (side**2 + 1e-7)  # torchvision's
    assert {1.0: 1e-7, 1e-2: 1e-3, 1e-4: 0.909}[side] == pytest.approx(with_eps, rel=1e-3)


@each_loss
def test_points_and_lines_have_a_finite_loss_and_gradient(loss) -> None:
    point, line, upright = tensor([1.0, 1, 1, 1]), tensor([0.0, 1, 2, 1]), tensor([1.0, 0, 1, 2])
    y = tensor([0.0, 0.0, 2.0, 2.0])
    for a in (point, line, upright, y, point + 5):
        for b in (point, line, upright, y):
            if a is b is not y:
                assert loss(a, b) == 1
                assert torch.equal(gradient(lambda a, b=b: loss(a, b), a), torch.zeros(4).double())
            assert loss(a, b).isfinite()
            curvature = torch.func.hessian(lambda a, b=b: loss(a, b))(a)
            assert gradient(lambda a, b=b: loss(a, b), a).isfinite().all()
            assert curvature.isfinite().all()
    if loss is complete_box_iou_loss:  # lying and standing: the shapes differ as much as they can
        assert_close(loss(line, upright), tensor(1.5))


@each_loss
def test_whole_numbers_and_no_boxes(loss) -> None:
    assert_close(loss(A.long(), B.long()).double(), loss(A, B), rtol=1e-6, atol=0)
    assert loss(A[:0], B[:0]).isnan()
    assert loss(A[:0], B[:0], reduction="none").shape == (0,)


@each_loss
def test_half_precision_is_rounded_once(loss) -> None:
    big = tensor([[0.0, 0.0, 300.0, 300.0], [10.0, 20.0, 500.0, 400.0]])  # 300 times 300 is inf in float16
    narrow = loss(big.half(), big.flip(0).half(), reduction="none")
    assert_close(narrow, loss(big, big.flip(0), reduction="none").half(), rtol=0, atol=0)


# The gradient of the complete loss is not that of its value, so the shared tests do not take it as it is.

SAMPLES = [(Domain(box, box).draw(6, 4, torch.Generator().manual_seed(seed))[:2], {}) for seed in (0, 2)]


def test_the_complete_loss_holds_all_laws_but_that_of_the_difference() -> None:
    laws = [law for law in LAWS if law != "compiled"]  # of these formulas, the others are compiled elsewhere
    report = check(complete_box_iou_loss, formula=ORACLES[COMPLETE], samples=SAMPLES, laws=laws)
    assert list(report.broken) == ["difference"]
    assert report.count("held") >= 9


def test_the_weight_of_the_shape_is_a_constant() -> None:
    x, y = A[4], B[4]
    slope = gradient(lambda x: complete_box_iou_loss(x, y), x)
    rest = gradient(lambda x: distance_box_iou_loss(x, y), x)
    v = 4 / math.pi**2 * (math.atan(2) - math.atan(1 / 2)) ** 2
    turn = 8 / math.pi**2 * (math.atan(1 / 2) - math.atan(2)) / (2**2 + 4**2)
    by_hand = v / (1 - 1 / 3 + v) * turn * tensor([-4.0, 2.0, 4.0, -2.0])
    assert_close(slope - rest, by_hand)


@pytest.mark.parametrize(
    "name", ["jvp", "vmap of grad", "grad of grad", "hessian", "jacfwd of jacfwd", "grad of jvp"]
)
def test_compositions_of_the_complete_loss(name: str) -> None:
    call = Call(FUNCTIONS[COMPLETE], X[:6], Y[:6])
    kind, transform = TRANSFORMS[name]
    assert_close(transform(call.ours, call.input, direction(call)), truths(call)[kind])
