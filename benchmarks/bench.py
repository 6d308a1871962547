"""Measure every loss against torch.nn.functional: forward and backward, eager and compiled.

All contestants run in turn, in one process and on the same data, so that a busy machine slows them
alike; the best round of each counts. Time is that of the processor, of all threads together: waiting
for other programs is not counted. On another device it is that of the clock, until the device is done.
Times and memory are ratios to torch.nn.functional in eager mode; "inf" did not fit the memory. Memory is
the most that torch holds during one call, the input, the target and the gradient included.

    python -m benchmarks.bench --sizes 1e3 1e6 --no-compile
    python -m benchmarks.bench --device cuda
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.profiler import profile

import lossref
from lossref.testing.domains import box, class_list
from tests.losses import LOSSES, Loss, to

CLASSES = 100
Function = Callable[[Tensor, Tensor], Tensor]
Problem = tuple[str, list[Function], Tensor, Tensor]  # what it is, who solves it, an input and a target


def behind(layer: Tensor, loss: Callable[..., Tensor], autocast: bool = False) -> Function:
    """Return a loss of what a linear layer makes of its input."""

    def function(x: Tensor, y: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=autocast):
            return loss(x, layer, y)

    return function


def draw(loss: Loss, size: int, device: torch.device) -> tuple[str, dict[str, Any], Tensor, Tensor]:
    """Return the name of a loss, its first options, and tensors of `size` numbers, in rows of 100."""
    generator = torch.Generator().manual_seed(0)
    shape = max(1, size // CLASSES), CLASSES
    input, target, (options, *_) = loss.domain.draw(*shape, generator)
    input, target, *values = (
        to(to(value, torch.float32), device) for value in (input, target, *options.values())
    )
    name = f"`{loss.name}` ({loss.domain.target.__name__.replace('_', ' ')})"
    return name, dict(zip(options, values, strict=True)), input, target


def alike(size: int, device: torch.device) -> Iterator[Problem]:
    """Yield torch's losses of an input and a target of one size, or of a class for each row."""
    for loss in LOSSES:
        if loss.module and loss.domain.target is not class_list:  # there each class meets each
            name, options, input, target = draw(loss, size, device)
            yield name, [partial(each, **options) for each in (loss.theirs, loss.ours)], input, target


def of_other_shapes(device: torch.device) -> Iterator[Problem]:
    """Yield torch's other losses."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator).to(device)

    def labels(classes: int, *shape: int) -> Tensor:
        return torch.randint(1, classes, shape, generator=generator).to(device)

    rows, classes = 50_000, 20
    functions: list[Function] = [F.multilabel_margin_loss, lossref.multilabel_margin_loss]
    target = class_list(rows, classes, generator=generator).to(device)
    input = normal(rows, classes)
    yield f"`multilabel_margin_loss`, {rows} rows, {classes} classes", functions, input, target

    for frames, rows, classes, length in ((50, 16, 20, 20), (200, 16, 20, 40), (1000, 4, 20, 60)):
        lengths = [torch.full((rows,), size, device=device) for size in (frames, length)]
        functions = [
            lambda x, y, loss=loss, lengths=lengths: loss(x.log_softmax(2), y, *lengths)  # type: ignore[misc]
            for loss in (F.ctc_loss, lossref.ctc_loss)
        ]
        input = normal(frames, rows, classes)
        yield f"`ctc_loss`, {frames} frames, {length} labels", functions, input, labels(classes, rows, length)

    rows, classes, features = 2048, 32768, 64
    layer = normal(classes, features).div(8).requires_grad_()
    functions = [behind(layer, loss) for loss in (F.linear_cross_entropy, lossref.linear_cross_entropy)]
    input = normal(rows, features)
    yield f"`linear_cross_entropy`, {rows} rows, {classes} classes", functions, input, labels(classes, rows)

    rows, classes, features = 512, 20_000, 128
    module = torch.nn.AdaptiveLogSoftmaxWithLoss(features, classes, [500, 4000]).to(device)
    weights = module.head.weight, [(narrow.weight, rare.weight) for narrow, rare in module.tail]
    functions = [
        lambda x, y: module(x, y).loss,
        lambda x, y: lossref.adaptive_log_softmax_with_loss(x, y, *weights),
    ]
    often = 1 / torch.arange(1.0, classes + 1)
    target = torch.multinomial(often, rows, replacement=True, generator=generator).to(device)
    input = normal(rows, features)
    yield f"`adaptive_log_softmax_with_loss`, {rows} rows, {classes} classes", functions, input, target


def of_language_models(
    device: torch.device, rows: int = 8192, classes: int = 128_256, features: int = 4096
) -> Iterator[Problem]:
    """Yield cross entropy for a step of 8192 tokens and the vocabulary of Llama 3."""
    size = f"{rows} rows, {classes} classes"
    target = torch.randint(classes, (rows,), device=device)
    input = torch.randn(rows, classes, device=device, dtype=torch.bfloat16)
    yield f"`cross_entropy`, {size}, bfloat16", [F.cross_entropy, lossref.cross_entropy], input, target
    del input

    in_parts = torch.nn.LinearCrossEntropyOptions()
    for how, dtype in (("bfloat16", torch.bfloat16), ("autocast", torch.float32)):
        input = torch.randn(rows, features, device=device, dtype=dtype)
        layer = torch.randn(classes, features, device=device, dtype=dtype)
        layer = layer.mul_(features**-0.5).requires_grad_()
        ours = behind(layer, lossref.linear_cross_entropy, how == "autocast")
        for beside, options in (("", None), (", torch in parts", in_parts)):
            theirs = behind(layer, partial(F.linear_cross_entropy, options=options), how == "autocast")
            name = f"`linear_cross_entropy`, {size}, {features} features, {how}{beside}"
            yield name, [theirs, ours], input, target


def without_a_twin(size: int, device: torch.device) -> Iterator[Problem]:
    """Yield the losses that torch lacks."""
    for loss in LOSSES:
        if not loss.module:
            name, options, input, target = draw(loss, size, device)
            yield name, [partial(loss.ours, **options)], input, target

    generator = torch.Generator().manual_seed(0)
    boxes = [box(size // CLASSES, generator=generator).float().to(device) for _ in range(2)]
    yield "`complete_box_iou_loss` (box)", [lossref.complete_box_iou_loss], *boxes

    rows, features = 1024, 128
    views = [torch.randn(rows, features, generator=generator).to(device) for _ in range(2)]
    for function in (lossref.info_nce_loss, lossref.nt_xent_loss):
        yield f"`{function.__name__}`, {rows} rows, {features} features", [function], *views
    function = lossref.supervised_contrastive_loss
    labels = torch.randint(10, (rows,), generator=generator).to(device)
    yield f"`{function.__name__}`, {rows} rows, {features} features", [function], views[0], labels


def seconds(function: Function, input: Tensor, target: Tensor) -> float:
    """Return the time of one forward and backward pass; infinite where the memory is not enough."""
    input.grad = None
    wait, clock = (lambda _: None), time.process_time
    if input.device.type != "cpu":  # it works on while Python goes on
        wait, clock = torch.get_device_module(input.device).synchronize, time.perf_counter
    wait(input.device)
    start = clock()
    try:
        function(input, target).backward()  # type: ignore[no-untyped-call]
    except torch.OutOfMemoryError:
        return math.inf
    wait(input.device)
    return clock() - start


def best_of(functions: list[Function], input: Tensor, target: Tensor, budget: float) -> list[float]:
    """Return the best time of each function; at least 5 rounds, then as many as fit in `budget` seconds."""
    for function in functions:
        seconds(function, input, target)  # compiles, and warms the caches
    rounds: list[list[float]] = []
    deadline = time.perf_counter() + budget
    while len(rounds) < 5 or time.perf_counter() < deadline:
        rounds.append([seconds(function, input, target) for function in functions])
    return [min(times) for times in zip(*rounds, strict=True)]


def peak_bytes(function: Function, input: Tensor, target: Tensor) -> float:
    """Return the most memory held during one forward and backward pass."""
    held = input.nbytes + target.nbytes
    if input.device.type != "cpu":
        seconds(function, input, target)  # what libraries take at first, they keep
        memory, input.grad = torch.get_device_module(input.device), None
        memory.reset_peak_memory_stats(input.device)
        before = memory.memory_allocated(input.device)
        fits = seconds(function, input, target) < math.inf
        return held + memory.max_memory_allocated(input.device) - before if fits else math.inf
    input.grad = None
    with profile(profile_memory=True) as recorded:
        seconds(function, input, target)
    peak = held
    for event in recorded.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def measure(
    functions: list[Function], values: Tensor, target: Tensor, compiled: bool, budget: float
) -> tuple[list[float], list[float]]:
    """Return the best time of each function, eager and perhaps compiled, and its memory in eager mode."""
    input = values.detach().requires_grad_()
    memory = [peak_bytes(function, input, target) for function in functions]
    if compiled:
        torch._dynamo.reset()
        functions = functions + [torch.compile(function) for function in functions]
    return best_of(functions, input, target, budget), memory


def line(*cells: str | float) -> None:
    """Print a line of a table."""
    print("|", *(f"{cell:.2f} |" if isinstance(cell, float) else f"{cell} |" for cell in cells), flush=True)


def table(title: str, *columns: str) -> None:
    """Print the head of a table."""
    print(f"\n### {title}\n")
    line(*columns)
    print("|---|" + "---:|" * (len(columns) - 1))


def beside_torch(title: str, problems: Iterator[Problem], compiled: bool, budget: float) -> list[list[float]]:
    """Print a table of ratios, and return it."""
    more = ("torch compiled", "compiled", "compiled to compiled") if compiled else ()
    table(title, "loss", "torch eager, ms", "eager", "memory", *more)
    ratios = []
    for name, functions, input, target in problems:
        (torchs, ours, *others), (theirs, held) = measure(functions, input, target, compiled, budget)
        ratios.append([ours / torchs, held / theirs, *(other / torchs for other in others)])
        if compiled:
            ratios[-1].append(others[1] / others[0])
        line(name, f"{torchs * 1e3:.3f}", *ratios[-1])
    return ratios


def alone(title: str, problems: Iterator[Problem], compiled: bool, budget: float) -> None:
    """Print a table of the losses that have no twin: their memory as a multiple of input and target."""
    table(
        title,
        "loss",
        "eager, ms",
        "memory over input and target",
        *(["compiled over eager"] if compiled else []),
    )
    for name, functions, input, target in problems:
        (ours, *others), (held,) = measure(functions, input, target, compiled, budget)
        given = held / (input.nbytes + target.nbytes)
        line(name, f"{ours * 1e3:.3f}", given, *(other / ours for other in others))


def mean(ratios: Sequence[float]) -> float:
    """Return the geometric mean."""
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios))


def usable(name: str) -> torch.device:
    """Return the device of that name, if torch can use it and says what memory is taken there."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
        if device.type != "cpu":
            torch.get_device_module(device).max_memory_allocated(device)
    except (AssertionError, AttributeError, ImportError, RuntimeError) as error:
        found = torch.accelerator.current_accelerator() or "none"
        raise argparse.ArgumentTypeError(
            f"DEVICE must be cpu, or an accelerator that torch {torch.__version__} can use here "
            f"(it finds {found}), such as cuda or cuda:1; got {name!r}: {str(error).splitlines()[0]}"
        ) from None
    return device


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", type=usable, default="cpu", help="where the tensors are")
    parser.add_argument(
        "--sizes", nargs="+", type=float, default=[1e3, 1e5, 4e6], help="numbers in the input"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads that torch may use")
    parser.add_argument("--budget", type=float, default=1.0, help="seconds for each loss and size")
    parser.add_argument(
        "--no-compile", dest="compiled", action="store_false", help="measure eager mode alone"
    )
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    where, how = options.device, (options.compiled, options.budget)
    if where.type == "cpu":
        machine = f"{torch.get_num_threads()} thread(s)"
    else:
        machine = torch.get_device_module(where).get_device_name(where)
    for size in map(int, options.sizes):
        ratios = beside_torch(f"{size:,} elements", alike(size, where), *how)
        line("*geometric mean*", "", *map(mean, zip(*ratios, strict=True)))
        print(f"\nfloat32, {machine}, torch {torch.__version__}, lossref {lossref.__version__}.")
    beside_torch("Of other shapes", of_other_shapes(where), False, options.budget)
    if where.type != "cpu":
        beside_torch("Of language models", of_language_models(where), *how)
    alone(f"Without a twin in torch, {size:,} elements", without_a_twin(size, where), *how)


if __name__ == "__main__":
    main()
