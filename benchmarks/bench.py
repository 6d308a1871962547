"""Measure every loss against torch.nn.functional: forward and backward, eager and compiled.

All contestants run in turn, in one process and on the same data, so that a busy machine slows them
alike; the best round of each counts. Time is that of the processor, of all threads together: waiting
for other programs is not counted. Times and memory are ratios to torch.nn.functional in eager mode.
Memory is the most that torch holds during one call, the input, the target and the gradient included.

    python -m benchmarks.bench --sizes 1e3 1e6 --no-compile
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.profiler import profile

import lossref
from lossref.testing.domains import class_list
from tests.losses import LOSSES, Loss, to

CLASSES = 100
Function = Callable[[Tensor, Tensor], Tensor]


def problems(size: int) -> Iterator[tuple[Loss, Tensor, Tensor, dict[str, Any]]]:
    """Yield each loss with an input and a target of `size` numbers, in rows of 100, and its first options."""
    generator = torch.Generator().manual_seed(0)
    for loss in LOSSES:
        if not loss.module or loss.domain.target is class_list:
            continue  # torch has none; or each class meets each: below, with fewer of them
        shape = max(1, size // CLASSES), CLASSES
        input, target, (options, *_) = loss.domain.draw(*shape, generator)
        options = {key: to(value, torch.float32) for key, value in options.items()}
        yield loss, input.float(), to(target, torch.float32), options


def problems_of_other_shapes() -> Iterator[tuple[str, list[Function], Tensor, Tensor]]:
    """Yield what each of the other losses is for, torch's function and ours, an input and a target."""
    generator = torch.Generator().manual_seed(0)

    def labels(classes: int, *shape: int) -> Tensor:
        return torch.randint(1, classes, shape, generator=generator)

    rows, classes = 50_000, 20
    functions: list[Function] = [F.multilabel_margin_loss, lossref.multilabel_margin_loss]
    target = class_list(rows, classes, generator=generator)
    input = torch.randn(rows, classes, generator=generator)
    yield f"`multilabel_margin_loss`, {rows} rows, {classes} classes", functions, input, target

    for frames, rows, classes, length in ((50, 16, 20, 20), (200, 16, 20, 40), (1000, 4, 20, 60)):
        lengths = torch.full((rows,), frames), torch.full((rows,), length)
        functions = [
            lambda x, y, loss=loss, lengths=lengths: loss(x.log_softmax(2), y, *lengths)  # type: ignore[misc]
            for loss in (F.ctc_loss, lossref.ctc_loss)
        ]
        input = torch.randn(frames, rows, classes, generator=generator)
        yield f"`ctc_loss`, {frames} frames, {length} labels", functions, input, labels(classes, rows, length)

    rows, classes, features = 2048, 32768, 64
    layer = torch.randn(classes, features, generator=generator).div(8).requires_grad_()
    functions = [
        lambda x, y, loss=loss: loss(x, layer, y)  # type: ignore[misc]
        for loss in (F.linear_cross_entropy, lossref.linear_cross_entropy)
    ]
    input = torch.randn(rows, features, generator=generator)
    yield f"`linear_cross_entropy`, {rows} rows, {classes} classes", functions, input, labels(classes, rows)

    rows, classes, features = 512, 20_000, 128
    module = torch.nn.AdaptiveLogSoftmaxWithLoss(features, classes, [500, 4000])
    weights = module.head.weight, [(narrow.weight, rare.weight) for narrow, rare in module.tail]
    functions = [
        lambda x, y: module(x, y).loss,
        lambda x, y: lossref.adaptive_log_softmax_with_loss(x, y, *weights),
    ]
    often = 1 / torch.arange(1.0, classes + 1)
    target = torch.multinomial(often, rows, replacement=True, generator=generator)
    input = torch.randn(rows, features, generator=generator)
    yield f"`adaptive_log_softmax_with_loss`, {rows} rows, {classes} classes", functions, input, target


def seconds(function: Function, input: Tensor, target: Tensor) -> float:
    """Return the processor time of one forward and backward pass."""
    input.grad = None
    start = time.process_time()
    function(input, target).backward()  # type: ignore[no-untyped-call]
    return time.process_time() - start


def best_of(functions: list[Function], input: Tensor, target: Tensor, budget: float) -> list[float]:
    """Return the best time of each function; at least 5 rounds, then as many as fit in `budget` seconds."""
    for function in functions:
        seconds(function, input, target)  # compiles, and warms the caches
    rounds: list[list[float]] = []
    deadline = time.perf_counter() + budget
    while len(rounds) < 5 or time.perf_counter() < deadline:
        rounds.append([seconds(function, input, target) for function in functions])
    return [min(times) for times in zip(*rounds, strict=True)]


def peak_bytes(function: Function, input: Tensor, target: Tensor) -> int:
    """Return the most memory held during one forward and backward pass."""
    input.grad = None
    with profile(profile_memory=True) as recorded:
        seconds(function, input, target)
    held = peak = input.nbytes + target.nbytes
    for event in recorded.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def mean(ratios: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios))


def measure(size: int, compiled: bool, budget: float) -> None:
    """Print the table for one size."""
    columns = [
        "eager",
        "memory",
        *(["torch compiled", "compiled", "compiled to compiled"] if compiled else []),
    ]
    print(f"\n### {size:,} elements\n")
    print("| loss (target) | torch eager, ms |", " | ".join(columns), "|")
    print("|---|" + "---:|" * (len(columns) + 1))
    table: list[list[float]] = []
    for loss, values, target, options in problems(size):
        input = values.clone().requires_grad_()
        functions: list[Function] = [partial(each, **options) for each in (loss.theirs, loss.ours)]
        memory = [peak_bytes(function, input, target) for function in functions]
        if compiled:
            torch._dynamo.reset()
            functions += [torch.compile(function) for function in functions]
        torchs, ours, *others = best_of(functions, input, target, budget)
        row = [ours / torchs, memory[1] / memory[0], *(other / torchs for other in others)]
        if compiled:
            row.append(others[1] / others[0])
        table.append(row)
        print(
            f"| `{loss.name}` ({loss.domain.target.__name__.replace('_', ' ')}) | {torchs * 1e3:.3f} |",
            " | ".join(f"{ratio:.2f}" for ratio in row),
            "|",
            flush=True,
        )
    means = (f"{mean(list(column)):.2f}" for column in zip(*table, strict=True))
    print("| *geometric mean* | |", " | ".join(means), "|\n")
    versions = f"torch {torch.__version__}, lossref {lossref.__version__}"
    print(f"float32, {torch.get_num_threads()} thread(s), {versions}.")


def measure_other_shapes(budget: float) -> None:
    """Print the table of the losses that are not of an input and a target of one size."""
    print("\n### Of other shapes\n")
    print("| loss | torch eager, ms | eager | memory |\n|---|---:|---:|---:|")
    for name, functions, values, target in problems_of_other_shapes():
        input = values.requires_grad_()
        memory = [peak_bytes(function, input, target) for function in functions]
        torchs, ours = best_of(functions, input, target, budget)
        ratios = f"{ours / torchs:.2f} | {memory[1] / memory[0]:.2f}"
        print(f"| {name} | {torchs * 1e3:.1f} | {ratios} |", flush=True)


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--sizes", nargs="+", type=float, default=[1e3, 1e5, 4e6], help="numbers in the input"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads that torch may use")
    parser.add_argument("--budget", type=float, default=1.0, help="seconds for each loss and size")
    parser.add_argument(
        "--no-compile", dest="compiled", action="store_false", help="measure eager mode alone"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for size in options.sizes:
        measure(int(size), options.compiled, options.budget)
    measure_other_shapes(options.budget)


if __name__ == "__main__":
    main()
