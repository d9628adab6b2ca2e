"""A contender in a process of its own: its peak memory, and its time as a plain program has it."""

import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch

from rnan.bench.contender import Contender
from rnan.errors import ResourceError

_PROGRAM = """
import json, sys, time
import torch
from rnan.bench.alone import peak
from rnan.bench.contender import Contender, runner
contender, height, width, device, threads = json.loads(sys.argv[1])
torch.set_num_threads(threads)
device = torch.device(device)
run = runner(Contender(**contender), device)
picture = torch.rand(1, 3, height, width)
if device.type == "cuda":
    run(torch.rand(1, 3, 64, 64))
    torch.cuda.reset_peak_memory_stats(device)
before = peak(device)
start = time.perf_counter()
run(picture)
print(json.dumps([time.perf_counter() - start, peak(device) - before]))
"""


class Alone(NamedTuple):
    """What one run took."""

    seconds: float
    mib: float
    """Rise of the peak memory above that of the loaded network."""


def alone(one: Contender, height: int, width: int, device: torch.device) -> Alone:
    """Run once in a new process."""
    what = [asdict(one), height, width, str(device)]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps([*what, torch.get_num_threads()])],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ResourceError(f"{one.name} at {height}x{width} died: {done.stderr[-200:]}")
    seconds, taken = json.loads(done.stdout)
    return Alone(seconds, taken / 2**20)


def peak(device: torch.device) -> int:
    """Bytes that this process has held at most."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would tell the peak of the parent too
        match = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if match:
            return 1024 * int(match[1])
    import resource

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
