"""Peak memory of a contender, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import torch

from rnan.errors import ResourceError

if TYPE_CHECKING:
    from rnan.bench.speed import Contender

_PROGRAM = """
import json, resource, sys
import torch
from rnan.bench.speed import Contender, runner
preset, attention, dtype, height, width, device, threads = json.loads(sys.argv[1])
torch.set_num_threads(threads)
device = torch.device(device)
one = Contender(preset=preset, attention=attention, dtype=dtype)
run = runner(one, device)
if device.type == "cuda":
    run(torch.rand(1, 3, 64, 64))
    torch.cuda.reset_peak_memory_stats(device)
    run(torch.rand(1, 3, height, width))
    print(torch.cuda.max_memory_allocated(device))
else:
    peak = lambda: 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    before = peak()
    run(torch.rand(1, 3, height, width))
    print(peak() - before)
"""


def rise(one: Contender, height: int, width: int, device: torch.device) -> float:
    """MiB by which the peak memory rises above that of the loaded network.

    Raises:
        ResourceError: The process died.
    """
    what = [one.preset, one.attention, one.dtype, height, width, str(device)]
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps([*what, torch.get_num_threads()])],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ResourceError(f"{one.name} at {height}x{width} died: {done.stderr[-200:]}")
    return int(done.stdout) / 2**20
