"""Bad input, as rows: of every loss here, of one loss in `ERRORS` of its page's tests."""

import inspect
from inspect import Parameter
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.fx.experimental.proxy_tensor import make_fx

import lossref
from lossref.testing.domains import DOMAINS
from tests.errors import ANY, Row, X, index, ones
from tests.losses import PAGES, calls
from tests.pages import own

REGRESSION = ("l1_loss", "mse_loss", "huber_loss", "smooth_l1_loss")


def of_every_loss():
    for call in {call.loss.name: call for call in calls(2, 3)}.values():
        name, input, target = call.loss.name, call.input, call.target
        parameters = inspect.signature(call.loss.ours).parameters
        first, second, *_ = parameters
        third = {
            key: value for key, value in call.options.items() if parameters[key].default is Parameter.empty
        }
        refused = ANY if call.loss.module else None
        for wrong in ("average", None):
            said = f"{wrong} is not a valid value for reduction"
            message = f"reduction must be 'none', 'mean' or 'sum': {said}"
            options = third | {"reduction": wrong}
            says = (ValueError, f"{wrong} is not") if wrong and refused else refused  # some add the word
            yield Row(f"reduction {wrong}", name, input, target, options, says, (ValueError, message))
        error = (TypeError, f"{first} must be a Tensor, got list")
        yield Row(f"a list as {first}", name, [1.0], target, third, refused, error)
        error = (TypeError, f"{second} must be a Tensor, got float")
        yield Row(f"a number as {second}", name, input, 1.0, third, refused, error)
        options = {key for domain in DOMAINS.get(name, ()) for row in domain.options for key in row}
        for key in sorted(key for key in options if key.endswith("weight")):
            error = (TypeError, f"{key} must be a Tensor, got float")
            yield Row(f"a number as {key}", name, input, target, {key: 2.0}, refused, error)


TABLE = [*of_every_loss(), *(row for page in PAGES for row in own(page, "ERRORS") or [])]


@pytest.mark.parametrize("page", PAGES)
def test_each_page_of_a_loss_has_errors(page: str) -> None:
    assert own(page, "ERRORS")


def outcome(function, row: Row) -> Any:
    try:
        return function(row.input, row.target, **row.options).item()
    except Exception as error:
        return error


@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.function}: {row.what}")
def test_row(row: Row) -> None:
    for module, expected in ((F, row.torch), (lossref, row.lossref)):
        if expected is None:
            continue
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


@pytest.mark.parametrize("function", REGRESSION)
def test_mismatched_shapes_warn_where_the_caller_stands(function: str) -> None:
    for module in (F, lossref):
        with pytest.warns(
            UserWarning,
            match=r"Using a target size \(.*\[3\]\)\) that is different to the input size \(.*\[2, 3\]\)\)",
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
