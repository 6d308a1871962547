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
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.autograd.profiler import profile

import lossref
from benchmarks.problems import (
    Function,
    Problem,
    alike,
    of_language_models,
    of_other_shapes,
    without_a_twin,
)


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
