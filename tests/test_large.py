"""Pictures larger than most, within a stated memory; slow, so for `make check` only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import photo
from rnan.images import Picture, read, write

PROGRAM = """
import sys
import torch
from rnan.bench.alone import peak
from rnan.cli.main import main
try:
    main()
finally:
    print("peak", peak(torch.device("cpu")))
"""


@pytest.mark.check
@pytest.mark.parametrize(("height", "width", "gib"), [(4000, 6000, 6), (8660, 11_548, 12)])
def test_large_pictures_within_memory(tmp_path: Path, height: int, width: int, gib: int) -> None:
    """24 and 100 megapixels through the command line, estimate and files included."""
    tile = photo(500, 500)
    pixels = np.tile(tile, (-(-height // 500), -(-width // 500), 1))[:height, :width]
    source, target = tmp_path / "large.tif", tmp_path / "out.tif"
    write(Picture(pixels=pixels), source)
    command = [sys.executable, "-c", PROGRAM, "denoise", str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout.split("peak ")[1])
    assert peak < gib * 2**30
    assert read(target).size == (height, width)
