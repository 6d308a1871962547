"""The benchmark: it has every loss, and measures on another device too. How fast a loss is, no test says."""

import math
import re
from types import SimpleNamespace

import pytest
import torch

from benchmarks import bench, problems
from tests.losses import FUNCTIONS
from tests.pages import ROOT

CPU = torch.device("cpu")


def names(problems):
    return {re.match(r"`(\w+)`", name)[1] for name, *_ in problems}


def test_every_loss_of_torch_stands_beside_it_and_every_other_alone():
    beside = names(problems.alike(1000, CPU)) | names(problems.of_other_shapes(CPU))
    assert beside == {name for name, loss in FUNCTIONS.items() if loss.module}
    assert beside | names(problems.without_a_twin(1000, CPU)) == FUNCTIONS.keys()


def test_at_the_sizes_of_language_models_both_compute_the_same():
    torch.manual_seed(0)
    found = list(problems.of_language_models(CPU, rows=8, classes=50, features=4))
    assert names(found) == {"cross_entropy", "linear_cross_entropy"}
    for name, functions, input, target in found:
        assert (input.dtype == torch.float32) == ("autocast" in name)
        theirs, ours = (function(input, target) for function in functions)
        torch.testing.assert_close(ours.float(), theirs.float(), rtol=0.01, atol=0)


def test_a_table_has_a_row_for_each_problem(capsys):
    def double(x, y):
        return 2 * (x - y).abs().sum()

    def once(x, y):
        return (x - y).abs().sum()

    x = torch.ones(1000)
    (ratios,) = bench.beside_torch("Title", iter([("name", [once, double], x, 0 * x)]), False, 0.0)
    assert ratios[0] > 0
    assert ratios[1] >= 1
    bench.alone("Other", iter([("name", [once], x, 0 * x)]), False, 0.0)
    lines = capsys.readouterr().out.splitlines()
    assert lines[3] == "| loss | torch eager, ms | eager | memory |"
    assert re.fullmatch(r"\| name \| \d+\.\d{3} \| \d+\.\d\d \| \d+\.\d\d \|", lines[5])
    assert re.fullmatch(r"\| name \| \d+\.\d{3} \| \d+\.\d\d \|", lines[-1])


class Device:
    """An accelerator that says how often it was waited for, and that a call takes 700 bytes above 1000."""

    def __init__(self):
        self.done, self.peak = [], 5000

    def synchronize(self, device):
        self.done.append(device)

    def reset_peak_memory_stats(self, device):
        self.peak = 1700

    def memory_allocated(self, device):
        return 1000

    def max_memory_allocated(self, device):
        return self.peak


@pytest.fixture
def device(monkeypatch):
    device = Device()
    monkeypatch.setattr(torch, "get_device_module", lambda _: device)
    return device


def input_there(backward=lambda: None):
    """Return a tensor on a device that is not the processor, and the loss of it."""
    input = SimpleNamespace(device=torch.device("cuda"), nbytes=40, grad="of the last call")
    return (lambda x, y: SimpleNamespace(backward=backward)), input, SimpleNamespace(nbytes=8)


def test_on_a_device_the_clock_stops_when_that_is_done(device):
    waited = []
    call = input_there(lambda: waited.append(len(device.done)))
    assert 0 < bench.seconds(*call) < 1
    assert waited == [1]
    assert len(device.done) == 2


def test_on_a_device_memory_counts_from_what_was_held(device):
    assert bench.peak_bytes(*input_there()) == 40 + 8 + 700


def test_what_does_not_fit_is_infinite(device):
    def backward():
        raise torch.OutOfMemoryError

    assert bench.seconds(*input_there(backward)) == bench.peak_bytes(*input_there(backward)) == math.inf


@pytest.mark.parametrize(
    ("name", "why"),
    [("gpu", "Expected one of cpu, cuda"), ("meta", "meta tensors"), ("hpu", "torch.hpu"), ("cuda:99", "")],
)
def test_a_device_that_is_not_there_is_refused(name, why, capsys):
    with pytest.raises(SystemExit):
        bench.main(["--device", name])
    said = capsys.readouterr().err
    assert "DEVICE must be cpu, or an accelerator that torch" in said
    assert re.search(rf"got '{name}': .*{why}", said)


def test_the_table_that_the_book_shows_has_every_loss():
    text = (ROOT / "benchmarks" / "results.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)`", text, re.M)) == FUNCTIONS.keys()
