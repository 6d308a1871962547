# ruff: noqa: E501 - a row of the table is a line
"""Bad input, as a table: what it is, what torch says, what lossref says.

Both columns are run. Each is an exception with its message (a part of it for torch; whole for lossref,
or up to "..."), or, where something is accepted, the value that comes back.
"""

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.fx.experimental.proxy_tensor import make_fx

import lossref

inf, nan = math.inf, math.nan


def ones(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.ones(shape, dtype=dtype)


def index(*values: int, dtype: torch.dtype = torch.int64) -> torch.Tensor:
    return torch.tensor(values, dtype=dtype)


class Row(NamedTuple):
    what: str
    function: str
    input: Any
    target: Any
    options: dict[str, Any]
    torch: Any  # (type, message) or a value
    lossref: Any


L1, MSE, HUBER, SMOOTH, BCE, BCEL, CE = (
    "l1_loss",
    "mse_loss",
    "huber_loss",
    "smooth_l1_loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
)
REGRESSION, ALL = (L1, MSE, HUBER, SMOOTH), (L1, MSE, HUBER, SMOOTH, BCE, BCEL, CE)
X, Y = ones(2, 3), ones(2, 3)
I32, BOOL, C64, F64 = torch.int32, torch.bool, torch.complex64, torch.float64

# fmt: off
TABLE = [
    # reduction
    *(Row("unknown reduction", f, X, Y, {"reduction": "average"},
          (ValueError, "average is not a valid value for reduction"),
          (ValueError, "reduction must be 'none', 'mean' or 'sum': average is not a valid value for reduction")) for f in ALL),
    *(Row("no reduction at all", f, X, Y, {"reduction": None},
          (ValueError, "None is not a valid value for reduction"),
          (ValueError, "reduction must be 'none', 'mean' or 'sum': None is not a valid value for reduction")) for f in ALL),
    *(Row("unknown reduction, weighted", f, X, Y, {"reduction": "average", "weight": Y},
          (ValueError, "Invalid reduction mode: average"),
          (ValueError, "reduction must be 'none', 'mean' or 'sum': average is not a valid value for reduction")) for f in (L1, MSE, HUBER)),

    # what is no tensor
    *(Row("a list as input", f, [1.0], Y, {}, (AttributeError, "'list' object has no attribute 'size'"),
          (TypeError, "input must be a Tensor, got list")) for f in ALL if f != CE),
    *(Row("a number as target", f, X, 1.0, {}, (AttributeError, "'float' object has no attribute 'size'"),
          (TypeError, "target must be a Tensor, got float")) for f in ALL if f != CE),
    Row("a list as input", CE, [1.0], index(0), {}, (TypeError, "argument 'input' (position 1) must be Tensor, not list"),
        (TypeError, "input must be a Tensor, got list")),

    *(Row(f"a number as {name}", f, X, Y, {name: 2.0}, (Exception, ""), (TypeError, f"{name} must be a Tensor, got float"))
      for f, name in ((L1, "weight"), (MSE, "weight"), (HUBER, "weight"), (BCE, "weight"), (BCEL, "weight"), (BCEL, "pos_weight"))),
    Row("a number as weight", CE, X, index(0, 1), {"weight": 2.0}, (TypeError, "argument 'weight' (position 3) must be Tensor, not float"),
        (TypeError, "weight must be a Tensor, got float")),

    # parameters
    *(Row(f"delta {delta}", HUBER, X, Y, {"delta": delta},
          (RuntimeError, "huber_loss does not support non-positive values for delta"),
          (RuntimeError, f"delta must be positive: huber_loss does not support non-positive values for delta. Got {delta}"))
      for delta in (0.0, -1.0, nan, -inf)),
    *(Row(f"beta {beta}", SMOOTH, X, Y, {"beta": beta},
          (RuntimeError, "smooth_l1_loss does not support negative values for beta"),
          (RuntimeError, f"beta must not be negative: smooth_l1_loss does not support negative values for beta. Got {beta}"))
      for beta in (-1.0, nan, -inf)),
    Row("delta as text", HUBER, X, Y, {"delta": "1"}, (TypeError, "must be float, not str"), (TypeError, "delta must be a number, got '1'")),
    Row("no beta", SMOOTH, X, Y, {"beta": None}, (TypeError, "must be float, not NoneType"), (TypeError, "beta must be a number, got NoneType")),
    Row("label_smoothing 1.1", CE, X, index(0, 1), {"label_smoothing": 1.1},
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: 1.1"),
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: 1.1")),
    Row("negative label_smoothing", CE, X, index(0, 1), {"label_smoothing": -0.1}, math.log(3),
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: -0.1")),
    Row("label_smoothing as text", CE, X, index(0, 1), {"label_smoothing": "0.1"}, (TypeError, "argument 'label_smoothing' (position 6) must be float, not str"),
        (TypeError, "label_smoothing must be a number, got '0.1'")),
    Row("label_smoothing nan", CE, X, index(0, 1), {"label_smoothing": nan}, math.log(3),
        (RuntimeError, "label_smoothing must be between 0.0 and 1.0. Got: nan")),
    Row("ignore_index 1.5", CE, X, index(0, 1), {"ignore_index": 1.5},
        (TypeError, "argument 'ignore_index' (position 5) must be int, not float"), (TypeError, "ignore_index must be an int, got float")),
    Row("ignore_index for probabilities", CE, X, Y / 3, {"ignore_index": 0},
        (RuntimeError, "ignore_index is not supported for floating point target"),
        (RuntimeError, "ignore_index needs a target of class indices, not of probabilities, got 0")),

    # shapes
    *(Row("shapes that do not broadcast", f, X, ones(2), {}, (RuntimeError, "must match the size of tensor b (2)"),
          (RuntimeError, "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1")) for f in REGRESSION),
    *(Row("weight of another shape", f, X, Y, {"weight": ones(3)}, (ValueError, "Weights and input must have the same size."),
          (ValueError, "weight must have the same size as input, (2, 3); got (3,)")) for f in (L1, MSE, HUBER)),
    Row("target that would broadcast", BCE, X, ones(3), {}, (ValueError, "Using a target size (torch.Size([3])) that is different"),
        (ValueError, "target must have the same size as input, (2, 3); got (3,)")),
    Row("target that would broadcast", BCEL, X, ones(3), {}, (ValueError, "must be the same as input size (torch.Size([2, 3]))"),
        (ValueError, "target must have the same size as input, (2, 3); got (3,)")),
    *(Row(f"{name} that enlarges", f, X, Y, {name: ones(4, 2, 3)}, (RuntimeError, "doesn't match the broadcast shape [4, 2, 3]"),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3); got (4, 2, 3)"))
      for f, name in ((BCE, "weight"), (BCEL, "weight"), (BCEL, "pos_weight"))),
    *(Row(f"{name} with a dimension too many", f, X, Y, {name: ones(1, 2, 3)}, (RuntimeError, "doesn't match the broadcast shape [1, 2, 3]"),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3); got (1, 2, 3)"))
      for f, name in ((BCE, "weight"), (BCEL, "weight"), (BCEL, "pos_weight"))),
    *(Row(f"{name} that does not broadcast", f, X, Y, {name: ones(2)}, (RuntimeError, ""),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3); got (2,)"))
      for f, name in ((BCE, "weight"), (BCEL, "weight"), (BCEL, "pos_weight"))),
    *(Row(f"{name} for channels", f, ones(2, 3, 4, 5), ones(2, 3, 4, 5), {name: ones(3)}, (RuntimeError, "must match the size of tensor"),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3, 4, 5); got (3,); one for each of 3 classes in dimension 1 has the shape (3, 1, 1)"))
      for f, name in ((BCEL, "weight"), (BCEL, "pos_weight"))),
    *(Row(f"{name} for channels of a signal", f, ones(2, 3, 4), ones(2, 3, 4), {name: ones(3)}, (RuntimeError, "must match the size of tensor"),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3, 4); got (3,); one for each of 3 classes in dimension 1 has the shape (3, 1)"))
      for f, name in ((BCEL, "weight"), (BCEL, "pos_weight"))),
    *(Row(f"{name} of seven", f, ones(2, 3, 4, 5), ones(2, 3, 4, 5), {name: ones(7)}, (RuntimeError, "must match the size of tensor"),
          (RuntimeError, f"{name} must broadcast to the size of input, (2, 3, 4, 5); got (7,)"))
      for f, name in ((BCEL, "weight"), (BCEL, "pos_weight"))),
    Row("a scalar as input", CE, ones(), ones(), {}, (IndexError, "Dimension specified as 1 but tensor has no dimensions"),
        (ValueError, "input must have a dimension of classes, got a scalar")),
    Row("more targets than rows", CE, X, index(0, 1, 2), {}, (ValueError, "Expected input batch_size (2) to match target batch_size (3)."),
        (ValueError, "target must hold class indices, of size (2,), or probabilities, of the size (2, 3) of input; got (3,)")),
    Row("targets as a column", CE, X, index(0, 1).view(2, 1), {}, (RuntimeError, "0D or 1D target tensor expected"),
        (ValueError, "target must hold class indices, of size (2,), or probabilities, of the size (2, 3) of input; got (2, 1)")),
    Row("classes in the last dimension", CE, ones(2, 4, 3), ones(2, 4, dtype=torch.int64), {},
        (RuntimeError, "Expected target size [2, 3], got [2, 4]"),
        (ValueError, "target must hold class indices, of size (2, 3), or probabilities, of the size (2, 4, 3) of input; got (2, 4)")),
    Row("one target without a batch", CE, ones(3), index(0), {}, math.log(3),
        (ValueError, "target must hold class indices, of size (), or probabilities, of the size (3,) of input; got (1,)")),
    Row("a batch of one without a target's", CE, ones(1, 3), torch.tensor(0), {}, (ValueError, "Expected input batch_size (1) to match target batch_size (0)."),
        (ValueError, "target must hold class indices, of size (1,), or probabilities, of the size (1, 3) of input; got ()")),
    *(Row(f"weight of shape {tuple(w.shape)}", CE, X, t, {"weight": w}, (RuntimeError, "weight tensor should be defined either for all 3 classes"),
          (RuntimeError, f"weight must have one entry for each of the 3 classes, got {tuple(w.shape)}"))
      for w in (ones(2), ones(1), ones(), ones(1, 3), ones(4)) for t in (index(0, 1), Y / 3)),

    # dtypes
    *(Row("booleans", L1, X.to(a), Y.to(b), {}, (RuntimeError, "Subtraction, the `-` operator, with"), (RuntimeError, "Subtraction, the `-` operator, with..."))
      for a, b in ((BOOL, BOOL), (X.dtype, BOOL), (BOOL, X.dtype))),
    Row("the mean of integers", L1, X.long(), Y.long(), {}, (RuntimeError, "mean(): could not infer output dtype"),
        (RuntimeError, "integers have no mean: input must be floating point or complex, got torch.int64")),
    *(Row("integers", f, X.long(), Y.long(), {}, (NotImplementedError, "not implemented for 'Long'"),
          (NotImplementedError, "input and target must be real, and one of them floating point; got input of torch.int64 and target of torch.int64")) for f in (MSE, HUBER, SMOOTH)),
    *(Row("complex numbers", f, X.to(C64), Y, {}, (NotImplementedError, "not implemented for 'ComplexFloat'"),
          (NotImplementedError, "input and target must be real, and one of them floating point; got input of torch.complex64 and target of torch.float32")) for f in (MSE, HUBER, SMOOTH)),
    *(Row(f"{dtype} as target", BCE, X, Y.to(dtype), {}, (RuntimeError, "but expected Float"), (RuntimeError, f"target must be floating point, got {dtype}"))
      for dtype in (torch.int64, BOOL, C64)),
    *(Row(f"{dtype} as target", BCE, X, Y.to(dtype), {}, (RuntimeError, "but expected Float"), (RuntimeError, f"target must have the dtype of input, got {dtype} and torch.float32"))
      for dtype in (F64, torch.float16)),
    *(Row(f"{dtype} as target", BCEL, X, Y.to(dtype), {}, (RuntimeError, ""), (RuntimeError, f"target must be floating point, got {dtype}"))
      for dtype in (torch.int64, BOOL)),
    *(Row("integers as input", f, X.long(), Y, {}, (RuntimeError, ""), (NotImplementedError, "input must be floating point, got torch.int64")) for f in (BCE, BCEL)),
    Row("integers as logits", CE, X.long(), index(0, 1), {}, (NotImplementedError, "not implemented for 'Long'"),
        (NotImplementedError, "input must be floating point, got torch.int64")),
    *(Row(f"{dtype} as class index", CE, X, index(0, 1).to(dtype), {}, (RuntimeError, "expected target dtype to be Long or Byte"),
          (RuntimeError, f"target must hold class indices of torch.int64 or torch.uint8, got {dtype}"))
      for dtype in (I32, torch.int16, BOOL, torch.float32, C64)),
    *(Row(f"one-hot target of {dtype}", CE, X, torch.eye(3, dtype=torch.int64)[:2].to(dtype), {},
          (RuntimeError, "Expected floating point type for target with class probabilities"),
          (RuntimeError, f"target of the shape of input must hold probabilities, floating point; got {dtype}"))
      for dtype in (torch.int64, torch.uint8, I32, BOOL)),

    # values
    *(Row(f"input {p}", BCE, torch.tensor([0.5, p]), ones(2), {}, (RuntimeError, "all elements of input should be between 0 and 1"),
          (RuntimeError, "all elements of input should be between 0 and 1, got values from...")) for p in (1.5, -0.1, nan, inf)),
    *(Row(f"target {y}", BCE, torch.tensor([0.5, 0.5]), torch.tensor([0.5, y]), {}, (RuntimeError, "all elements of target should be between 0 and 1"),
          (RuntimeError, "all elements of target should be between 0 and 1, got values from...")) for y in (1.5, -0.1, nan, inf)),
    *(Row(f"target {y}", BCEL, torch.zeros(2), torch.tensor([0.5, y]), {}, torch_says,
          (RuntimeError, "all elements of target should be between 0 and 1, got values from..."))
      for y, torch_says in ((1.5, math.log(2)), (-0.1, math.log(2)), (nan, nan), (inf, nan))),
    *(Row(f"probability {q}", CE, torch.zeros(1, 2), torch.tensor([[0.5, q]]), {}, torch_says,
          (RuntimeError, "all elements of target should be between 0 and 1, got values from..."))
      for q, torch_says in ((1.5, 2 * math.log(2)), (-0.1, 0.4 * math.log(2)), (nan, nan), (inf, inf))),
    *(Row(f"class {c} of 3", CE, X, index(0, c), {"label_smoothing": smoothing}, (IndexError, f"Target {c} is out of bounds."),
          (IndexError, f"Target {c} is out of bounds: class indices must be from 0 to 2, or ignore_index (-100)"))
      for c in (3, -1, 10**12) for smoothing in (0.0, 0.1)),
    Row("class 3 of 3 as a byte", CE, X, index(0, 3, dtype=torch.uint8), {}, (IndexError, "Target 3 is out of bounds."), (IndexError, "Target 3 is out of bounds: class indices must be from 0 to 2, or ignore_index (-100)")),
    Row("no classes", CE, ones(2, 0), index(0, 0), {}, (IndexError, "Target 0 is out of bounds."), (IndexError, "Target 0 is out of bounds: class indices must be from 0 to -1, or ignore_index (-100)")),
]
# fmt: on


def outcome(function, row: Row) -> Any:
    try:
        return function(row.input, row.target, **row.options).item()
    except Exception as error:
        return error


@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.function}: {row.what}")
def test_table(row: Row) -> None:
    for module, expected in ((F, row.torch), (lossref, row.lossref)):
        result = outcome(getattr(module, row.function), row)
        if isinstance(expected, float):
            assert result == pytest.approx(expected, nan_ok=True)
        else:
            kind, message = expected
            assert kind in (type(result), Exception) or (
                kind is RuntimeError and type(result) is NotImplementedError
            ), repr(result)
            if module is F:
                assert message in str(result)
            elif message.endswith("..."):
                assert str(result).startswith(message.removesuffix("..."))
            else:
                assert str(result) == message


NUMBERS = ((HUBER, "delta"), (SMOOTH, "beta"), (CE, "label_smoothing"))
each_number = pytest.mark.parametrize(("function", "option"), NUMBERS)


def arguments(function: str) -> tuple[torch.Tensor, torch.Tensor]:
    return (X, index(0, 1)) if function == CE else (3 * X, Y / 2)


@each_number
@pytest.mark.parametrize(
    "value",
    [Fraction(1, 2), np.float32(0.5), np.float64(0.5), torch.tensor(0.5), torch.tensor(0.5, dtype=F64)],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'dtype', '')}",
)
def test_an_option_takes_any_number(function: str, option: str, value: Any) -> None:
    ours = getattr(lossref, function)
    expected = ours(*arguments(function), **{option: 0.5})
    torch.testing.assert_close(ours(*arguments(function), **{option: value}), expected, rtol=0, atol=0)


@each_number
@pytest.mark.parametrize(
    ("value", "came"),
    [
        (torch.nn.Parameter(torch.tensor(0.5)), "a Parameter of shape () with a gradient"),
        (torch.tensor([0.5, 0.5]), "a Tensor of shape (2,)"),
        (torch.tensor([0.5]), "a Tensor of shape (1,)"),
        (torch.tensor(0.5, device="meta"), "a Tensor of shape ()"),
        (torch.tensor(1j), "a Tensor of shape ()"),
        (np.array(0.5), "ndarray"),
        ([0.5], "list"),
        (0.5j, "complex"),
    ],
    ids=str,
)
def test_an_option_that_is_no_number_is_named(function: str, option: str, value: Any, came: str) -> None:
    with pytest.raises(TypeError) as caught:
        getattr(lossref, function)(*arguments(function), **{option: value})
    assert str(caught.value) == f"{option} must be a number, got {came}"


def dual(loss: Any, value: torch.Tensor) -> torch.Tensor:
    with torch.autograd.forward_ad.dual_level():
        return loss(torch.autograd.forward_ad.make_dual(value, ones()))


@each_number
@pytest.mark.parametrize(
    "transform",
    [
        lambda loss, value: torch.func.grad(loss)(value),
        lambda loss, value: torch.func.jvp(loss, (value,), (ones(),)),
        lambda loss, value: torch.func.vmap(loss)(value.expand(2)),
        dual,
    ],
    ids=["grad", "jvp", "vmap", "dual"],
)
def test_no_derivative_in_an_option_is_lost_in_silence(function: str, option: str, transform: Any) -> None:
    def loss(value: torch.Tensor) -> torch.Tensor:
        return getattr(lossref, function)(*arguments(function), **{option: value})

    with pytest.raises(TypeError, match=f"^{option} must be a number, got a Tensor"):
        transform(loss, torch.tensor(0.5))


@pytest.mark.filterwarnings("ignore:size_average and reduce:UserWarning")
@pytest.mark.parametrize("function", [f for f in ALL if f != CE])
def test_what_torch_takes_by_position_before_size_average_may_be_given_so(function: str) -> None:
    ours, theirs = getattr(lossref, function), getattr(F, function)
    x, y = torch.tensor([0.2, 0.9, 0.6]), torch.tensor([0.9, 0.1, 0.3])
    given = {HUBER: ("sum", 0.5, x), BCE: (x,), BCEL: (x,)}.get(function, ())
    torch.testing.assert_close(ours(x, y, *given), theirs(x, y, *given))
    if function == HUBER:
        return
    message = (
        rf"{function}\(\) takes {2 + len(given)} arguments by position, and got 'sum' after them, which torch "
        "takes for the deprecated size_average: anything true means 'mean' there. Say which it is: "
    )
    with pytest.raises(TypeError, match=message + r"reduction=\.\.\."):
        ours(x, y, *given, "sum")
    # When this fails, torch no longer takes the word for size_average, and the error can go.
    assert theirs(x, y, *given, "sum") == theirs(x, y, *given)


def test_complex_weights_are_refused() -> None:
    weight = ones(2, 3, dtype=C64)
    for function, name in (
        (L1, "weight"),
        (MSE, "weight"),
        (HUBER, "weight"),
        (BCE, "weight"),
        (BCEL, "pos_weight"),
    ):
        with pytest.raises(NotImplementedError, match=f"{name} must be real, got torch.complex64"):
            getattr(lossref, function)(X, Y, **{name: weight})


@pytest.mark.parametrize("function", REGRESSION)
def test_mismatched_shapes_warn_where_the_caller_stands(function: str) -> None:
    for module in (F, lossref):
        with pytest.warns(
            UserWarning,
            match=r"Using a target size \(torch.Size\(\[3\]\)\) that is different to the input size \(torch.Size\(\[2, 3\]\)\)",
        ) as caught:
            result = getattr(module, function)(X, 3 * ones(3), reduction="none")
        assert result.shape == (2, 3)
        assert [warning.filename for warning in caught] == [__file__]


def test_a_tensor_subclass_is_checked_too() -> None:
    class Image(torch.Tensor):
        pass

    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
        lossref.binary_cross_entropy(torch.tensor([2.0]).as_subclass(Image), torch.ones(1))


@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning")  # linearize's own
@pytest.mark.parametrize(
    "where",
    [
        "compile",
        "vmap",
        "grad",
        "meta",
        "fake",
        "linearize",
        "make_fx",
        "make_fx before dispatch",
    ],
)
def test_checks_of_values_step_aside_where_there_are_none(where: str) -> None:
    p, y = torch.tensor([2.0, 0.5]), torch.ones(2)

    def all_checks(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        losses = (lossref.binary_cross_entropy(p, y), lossref.binary_cross_entropy_with_logits(p, y))
        return sum(losses) + lossref.cross_entropy(p, index(0)[0]) + lossref.cross_entropy(p, y / 2)

    match where:
        case "linearize":
            value, slope = torch.func.linearize(lambda p: all_checks(p, y), p.sigmoid())
            assert slope(p).isfinite()
            assert value == all_checks(p.sigmoid(), y)
        case "make_fx" | "make_fx before dispatch":
            traced = make_fx(all_checks, pre_dispatch="before" in where)(p, y)
            assert traced(p.sigmoid(), y).isfinite()
        case "compile":
            torch._dynamo.reset()
            result = torch.compile(lossref.binary_cross_entropy, fullgraph=True, backend="eager")(p, y)
            assert result.isnan() or result.isfinite()
        case "vmap":
            assert torch.func.vmap(lossref.binary_cross_entropy)(p, y).shape == (2,)
        case "grad":
            assert torch.func.grad(lossref.binary_cross_entropy)(p, y).shape == (2,)
        case "meta":
            assert lossref.binary_cross_entropy(p.to("meta"), y.to("meta")).is_meta
            assert lossref.cross_entropy(ones(2, 3).to("meta"), index(0, 9).to("meta")).is_meta
        case "fake":
            from torch._subclasses.fake_tensor import FakeTensorMode

            with FakeTensorMode() as mode:
                assert lossref.binary_cross_entropy(mode.from_tensor(p), mode.from_tensor(y)).shape == ()


def test_an_index_out_of_range_is_never_silent() -> None:
    """Where values are not checked, gather itself refuses."""
    with pytest.raises((RuntimeError, IndexError), match="out of bounds"):
        torch.func.vmap(lossref.cross_entropy)(ones(2, 4, 3), torch.tensor([[0, 1, 2, 3]] * 2))
