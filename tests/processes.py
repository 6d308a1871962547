"""Real processes, which talk over gloo on the loopback interface and meet in a file."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

SECONDS = 200
# Processes are forked from one that has imported what takes its seconds.
mp.get_context("forkserver").set_forkserver_preload(["tests.test_sharded"])


def needs_gloo(test: Callable[..., None]) -> Callable[..., None]:
    missing = not (dist.is_available() and dist.is_gloo_available())
    test = pytest.mark.skipif(missing, reason="this torch has no gloo")(test)
    return pytest.mark.skipif(sys.platform == "win32", reason="gloo's loopback interface has another name")(
        test
    )


def _process(rank: int, work: Callable[[int], Any], processes: int, folder: str) -> None:
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo0" if sys.platform == "darwin" else "lo"
    store = dist.FileStore(f"{folder}/store", processes)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=processes)
    Path(f"{folder}/{rank}.json").write_text(json.dumps(work(processes)))
    dist.destroy_process_group()


def results(work: Callable[[int], Any], processes: int, folder: Path) -> list[Any]:
    """Return what `work`, given the number of processes, returns in each of them."""
    arguments = (work, processes, str(folder))
    context = mp.start_processes(_process, arguments, processes, join=False, start_method="forkserver")
    deadline = time.monotonic() + SECONDS
    try:
        while not context.join(timeout=1):  # raises when a process fails, returns whenever one ends
            assert time.monotonic() < deadline, f"the processes were not done after {SECONDS} seconds"
    finally:
        for child in context.processes:
            child.kill()
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(processes)]
