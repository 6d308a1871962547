"""The post lost its minus signs: one choice of signs, and only one, gives its results.

Its function sums `y_train * log(y_pred)`, both softmaxed; the minus in front of the sum was lost as well.
"""

import pytest
import torch

ONE = [[7.4, 2.8, 0.6]], [[3.9, 5.1, 9.3]]  # y_pred and y_train, as they stand in the copy
TWO = [[7.4, 2.8, 0.6], [1.3, 0.0, 4.2]], [[3.9, 5.1, 9.3], [5.3, 7.2, 8.4]]


def every_sign(numbers):
    """Return `numbers` with every choice of signs, one after the other; a zero has no sign."""
    numbers = torch.tensor(numbers, dtype=torch.float64)
    signs = [torch.tensor([1.0, -1.0] if number else [1.0]) for number in numbers.flatten()]
    return torch.cartesian_prod(*signs).reshape(-1, *numbers.shape) * numbers


def results(y_pred, y_train):
    """Return the post's sum for each y_pred (down) with each y_train (across)."""
    return y_pred.softmax(-1).log().flatten(1) @ y_train.softmax(-1).flatten(1).T


def choices_that_print(printed, y_pred, y_train, divisor):
    """Return (minus in front, y_pred, y_train) of every choice whose result prints as `printed`."""
    result = results(y_pred, y_train) / divisor
    either = torch.stack([result, -result])
    found = ((either * 1e4).round() == round(printed * 1e4)).nonzero().tolist()
    return [(minus == 1, y_pred[i].tolist(), y_train[j].tolist()) for minus, i, j in found]


def test_one_of_64_choices_gives_the_result_in_1d():
    y_pred, y_train = map(every_sign, ONE)
    assert len(y_pred) * len(y_train) == 64
    assert choices_that_print(7.9744, y_pred, y_train, divisor=1) == [
        (True, [[7.4, 2.8, -0.6]], [[3.9, -5.1, 9.3]]),
    ]


@pytest.mark.parametrize(("printed", "divisor"), [(12.2420, 1), (6.1210, 2)], ids=["sum", "mean"])
def test_one_of_64_x_32_choices_gives_the_results_in_2d(printed, divisor):
    y_pred, y_train = map(every_sign, TWO)
    assert (len(y_train), len(y_pred)) == (64, 32)
    assert choices_that_print(printed, y_pred, y_train, divisor) == [
        (True, [[7.4, 2.8, -0.6], [1.3, 0.0, 4.2]], [[3.9, -5.1, 9.3], [-5.3, 7.2, -8.4]]),
    ]


@pytest.mark.parametrize(("pair", "printed"), [(ONE, -6.7486), (TWO, -7.8530)], ids=["1D", "2D"])
def test_the_numbers_as_they_stand_give_none_of_the_results(pair, printed):
    y_pred, y_train = (torch.tensor([numbers], dtype=torch.float64) for numbers in pair)
    assert round(results(y_pred, y_train).item(), 4) == printed
