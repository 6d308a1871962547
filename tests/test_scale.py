"""The equations of "Scale", and what its page leaves to a compiler."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd.profiler import profile

DTYPES = {2: torch.bfloat16, 4: torch.float32}
NUMBERS = {"V": 7, "b": 4, "r": 5, "R": 3, "n": torch.tensor([5.0, 4.0, 3.0]).double()}


def three(rows: int, classes: int, size: int) -> torch.Tensor:
    return torch.tensor(float(torch.empty(3, rows, classes, dtype=DTYPES[size]).nbytes)).double()


TWINS = {
    "eq-scale-peak": lambda N, V, b: three(N, V, b),
    "eq-scale-parts": lambda r, V, b: three(r, V, b),
    "eq-scale-factor": lambda n, R: n / n.mean(),
}


def most_held(step) -> int:
    with profile(profile_memory=True) as recorded:
        step()
    held = most = 0
    for event in recorded.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


def test_compiled_the_logits_are_held_once() -> None:
    generator = torch.Generator().manual_seed(0)
    x, layer = (torch.randn(n, 16, generator=generator).requires_grad_() for n in (256, 4096))
    y = torch.arange(256)

    def plain() -> torch.Tensor:
        return F.cross_entropy(F.linear(x, layer), y)

    for loss, times in ((plain, 3), (torch.compile(plain), 1)):
        loss().backward()  # compiled here
        x.grad = layer.grad = None
        held = most_held(lambda loss=loss: loss().backward())
        logits, slopes = 4 * 256 * 4096, x.nbytes + layer.nbytes
        assert abs((held - slopes) / logits - times) < 0.1


def test_compiled_a_second_derivative_is_refused() -> None:
    generator = torch.Generator().manual_seed(0)
    x, layer = (torch.randn(n, 3, generator=generator).requires_grad_() for n in (6, 5))

    def plain(x: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(F.linear(x, layer), torch.arange(6) % 5)

    def second(loss) -> torch.Tensor:
        (slope,) = torch.autograd.grad(loss(x), x, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), x)[0]

    assert second(plain).any()
    with pytest.raises(RuntimeError, match="does not currently support double backward"):
        second(torch.compile(plain, backend="aot_eager"))
