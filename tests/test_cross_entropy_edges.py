"""Cross entropy at its edges: ignored rows, infinite logits, bytes as indices, half precision."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from lossref import cross_entropy
from tests.strategies import gradient

IGNORED = -100


@pytest.mark.parametrize("ignore_index", [-100, -1, 0, 2, 99])
def test_any_index_can_be_ignored_also_one_of_a_class(ignore_index):
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([0, 1, 2, 1, ignore_index])
    ours = cross_entropy(x, target, ignore_index=ignore_index)
    assert_close(ours, F.cross_entropy(x, target, ignore_index=ignore_index))


def test_a_row_can_be_ignored_where_there_is_one_class():
    x, target = torch.tensor([[2.0], [3.0]]), torch.tensor([0, IGNORED])
    assert cross_entropy(x, target) == F.cross_entropy(x, target) == 0


@pytest.mark.parametrize("ignore_index", [-100, 156, 2])
def test_bytes_as_indices_do_not_wrap(ignore_index):
    """-100 as a byte would be 156: no row is ignored by accident."""
    x = torch.randn(2, 200, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([156, 2], dtype=torch.uint8)
    expected = cross_entropy(x, target.long(), ignore_index=ignore_index)
    assert_close(cross_entropy(x, target, ignore_index=ignore_index), expected)


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0, 3.0])])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_all_ignored_has_value_nan_and_gradient_zero(weight, smoothing):
    x, target = (
        torch.randn(2, 3, generator=torch.Generator().manual_seed(0)),
        torch.tensor([IGNORED, IGNORED]),
    )
    options = {"weight": weight, "label_smoothing": smoothing}
    assert cross_entropy(x, target, **options).isnan()
    assert cross_entropy(x, target, reduction="sum", **options) == 0
    assert_close(cross_entropy(x, target, reduction="none", **options), torch.zeros(2))
    for loss in (cross_entropy, F.cross_entropy):
        assert_close(gradient(lambda x, loss=loss: loss(x, target, **options), x), torch.zeros(2, 3))


@pytest.mark.parametrize("poison", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 2.0, 3.0])])
def test_an_ignored_row_cannot_poison_the_gradient(poison, weight):
    x = torch.tensor([[1.0, 2.0, 3.0], [poison, 0.0, poison]])
    target = torch.tensor([1, IGNORED])
    for smoothing in (0.0, 0.1):
        loss = lambda x, s=smoothing: cross_entropy(x, target, weight, label_smoothing=s)  # noqa: E731
        assert_close(loss(x), cross_entropy(x[:1], target[:1], weight, label_smoothing=smoothing))
        expected = gradient(
            lambda x, s=smoothing: cross_entropy(x, target[:1], weight, label_smoothing=s), x[:1]
        )
        assert_close(gradient(loss, x), torch.cat([expected, torch.zeros(1, 3)]))
    theirs = gradient(lambda x: F.cross_entropy(x, target, weight), x)
    assert theirs.isnan().any() == (poison != -math.inf)  # torch's own is poisoned


def test_a_logit_of_minus_infinity_is_an_excluded_class():
    x, target = torch.tensor([[1.0, -math.inf, 3.0]]), torch.tensor([0])
    assert_close(cross_entropy(x, target), cross_entropy(x[:, [0, 2]], target))
    assert cross_entropy(x, torch.tensor([1])) == math.inf
    assert cross_entropy(x, torch.tensor([[0.2, 0.3, 0.5]])) == math.inf
    assert cross_entropy(x, target, label_smoothing=0.1) == math.inf
    one_hot = torch.tensor([[1.0, 0.0, 0.0]])
    assert cross_entropy(x, one_hot).isnan()  # 0 times infinity, in torch too
    assert F.cross_entropy(x, one_hot).isnan()


def test_many_rows_in_half_precision():
    """In float16, torch's count of 70 000 rows is infinite."""
    for dtype in (torch.float16, torch.bfloat16):
        x, target = torch.zeros(70_000, 3, dtype=dtype), torch.zeros(70_000, dtype=torch.int64)
        loss = cross_entropy(x, target)
        assert loss.dtype == dtype
        assert_close(loss.float(), torch.tensor(math.log(3)), rtol=torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("wide", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("which", ["logits", "probabilities"])
def test_one_in_half_precision_is_computed_in_the_dtype_of_the_other(which, half, wide, smoothing):
    x, q = torch.randn(2, 50, 100, generator=torch.Generator().manual_seed(0))
    weight = torch.linspace(0.1, 3, 100)
    x, q = (x.to(half), q.softmax(1).to(wide)) if which == "logits" else (x.to(wide), q.softmax(1).to(half))
    leaf, truth = x.clone().requires_grad_(), x.double().requires_grad_()
    loss = cross_entropy(leaf, q, weight, label_smoothing=smoothing)
    assert loss.dtype == wide
    expected = F.cross_entropy(truth, q.double(), weight.double(), label_smoothing=smoothing)
    assert_close(loss.double(), expected, rtol=1e-6, atol=0)
    (slope,) = torch.autograd.grad(loss, leaf)
    assert_close(slope, torch.autograd.grad(expected, truth)[0].to(x.dtype))


def test_weight_may_be_given_by_position_and_in_any_dtype():
    x, target, weight = torch.zeros(2, 3), torch.tensor([0, 1]), torch.tensor([1, 3, 5])
    assert_close(cross_entropy(x, target, weight), F.cross_entropy(x, target, weight.float()))
    assert cross_entropy(x, target, weight.double()).dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64])
def test_256_classes_fit_in_a_byte(dtype):
    x = torch.randn(2, 256, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([0, 255], dtype=dtype)
    assert_close(cross_entropy(x, target), F.cross_entropy(x, target))


@pytest.mark.parametrize("ignore_index", [np.int64(1), np.int8(1), torch.tensor(1)])
def test_an_ignored_index_may_come_from_numpy_or_a_tensor(ignore_index):
    x, target = torch.tensor([[1.0, 2.0], [0.0, 5.0]]), torch.tensor([0, 1])
    assert cross_entropy(x, target, ignore_index=ignore_index) == cross_entropy(x, target, ignore_index=1)


@pytest.mark.parametrize("ignore_index", [1.0, "1", None, torch.tensor([1, 2]), torch.tensor(1.0)])
def test_an_ignored_index_is_a_whole_number(ignore_index):
    with pytest.raises(TypeError, match="ignore_index must be an int, got "):
        cross_entropy(torch.zeros(1, 2), torch.tensor([0]), ignore_index=ignore_index)
