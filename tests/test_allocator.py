from __future__ import annotations

import subprocess
import sys

import pytest

from rnan.engines.allocator import give_back, keep_freed_memory

PROGRAM = """
import re, pathlib, torch
from rnan import load_restorer
from rnan.engines.allocator import give_back

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])

restorer = load_restorer("denoise-color", engine="torch", dtype="float32")
picture = torch.rand(3, 512, 512)
first = restorer(picture, level=20)
kept = resident()
give_back()
left = resident()
assert torch.equal(restorer(picture, level=20), first)
print(kept, left)
"""


def test_freed_memory_stays_until_it_is_given_back() -> None:
    if not keep_freed_memory():
        pytest.skip("needs glibc")
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kept, left = map(int, done.stdout.split())
    assert kept - left > 50_000  # KiB: the maps of a tile
    give_back()
