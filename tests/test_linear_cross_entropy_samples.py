"""Linear cross entropy on what torch tests its own with: with and without parts, and in its module."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close
from torch.testing._internal.common_methods_invocations import op_db
from torch.testing._internal.common_modules import module_db

from lossref import linear_cross_entropy
from tests.losses import FUNCTIONS

# Torch's parts take no probabilities, and say so.
pytestmark = pytest.mark.filterwarnings("ignore:linear_cross_entropy. ``options`` ignored:UserWarning")


@pytest.mark.parametrize("variant", ["", "chunked", "chunked_none"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_samples_of_torch_in_parts(variant: str, dtype: torch.dtype, record_property) -> None:
    """Those that its modules and the table of losses do not hold: gradients of the layer too."""
    name = "nn.functional.linear_cross_entropy"
    info = next(op for op in op_db if (op.name, op.variant_test_name) == (name, variant))
    number = 0
    for number, sample in enumerate(info.sample_inputs("cpu", dtype, requires_grad=True), 1):  # noqa: B007
        found = []
        for loss in (linear_cross_entropy, F.linear_cross_entropy):
            x, layer, target = (each.detach().clone() for each in (sample.input, *sample.args))
            leaves = [x.requires_grad_(), layer.requires_grad_()]
            if sample.kwargs.get("linear_bias") is not None:
                leaves.append(sample.kwargs["linear_bias"])
            value = loss(x, layer, target, **sample.kwargs)
            found.append([value, *torch.autograd.grad(value.sum(), leaves)])
        assert_close(*found)
    assert number
    record_property("cases", (f"samples of torch in parts, {dtype}, with 1 derivative", number))


def test_modules_of_torch(monkeypatch: pytest.MonkeyPatch, record_property) -> None:
    (info,) = (info for info in module_db if info.module_cls is torch.nn.LinearCrossEntropyLoss)
    number = 0
    for sample in info.module_inputs_func(info, "cpu", torch.float64, requires_grad=True, training=True):
        if "aspect" in str(getattr(sample.constructor_input.kwargs["options"], "chunking_method", "")):
            continue  # another way to say how many rows, which are given in others
        made = sample.constructor_input
        module = torch.nn.LinearCrossEntropyLoss(*made.args, **made.kwargs)
        input, target = (each.detach() for each in sample.forward_input.args)
        leaves = [input.requires_grad_(), *module.parameters()]

        def run(module=module, leaves=leaves, target=target) -> list[Tensor]:
            result = module(leaves[0], target)
            return [result, *torch.autograd.grad(result.sum(), leaves)]

        theirs = run()
        with monkeypatch.context() as patch:
            patch.setattr(F, "linear_cross_entropy", linear_cross_entropy)
            assert_close(run(), theirs, equal_nan=True)
        number += 1
    assert number
    record_property("cases", ("samples of torch's modules, torch.float64", number))


def test_errors_of_torch(record_property) -> None:
    errors = list(FUNCTIONS["linear_cross_entropy"].op_info.error_inputs("cpu"))
    for error in errors:
        sample = error.sample_input
        with pytest.raises(error.error_type, match=error.error_regex):
            linear_cross_entropy(sample.input, *sample.args, **sample.kwargs)
    record_property("cases", ("error inputs of torch", len(errors)))
