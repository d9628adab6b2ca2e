"""Pictures larger than most, within a stated memory; slow, so for `make check` only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import photo
from rnan.images import Picture, read, write
from rnan.images.read import size_of

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


@pytest.mark.bars
@pytest.mark.parametrize(("height", "width", "gib"), [(4000, 6000, 6), (8660, 11_548, 12)])
def test_large_pictures_within_memory(tmp_path: Path, height: int, width: int, gib: int) -> None:
    """24 and 100 megapixels through the command line, estimate and files included."""
    assert peak_of(tmp_path, height, width, "denoise") < gib * 2**30
    assert read(tmp_path / "out.tif").size == (height, width)


@pytest.mark.bars
def test_enlarging_twelve_megapixels_four_times(tmp_path: Path) -> None:
    """192 megapixels of result."""
    assert peak_of(tmp_path, 3000, 4000, "upscale", "--scale", "4") < 10 * 2**30
    assert size_of(tmp_path / "out.tif") == (12_000, 16_000)


def peak_of(folder: Path, height: int, width: int, *words: str) -> int:
    """Bytes that the command took at most for a picture of that size."""
    tile = photo(500, 500)
    pixels = np.tile(tile, (-(-height // 500), -(-width // 500), 1))[:height, :width]
    source, target = folder / "large.tif", folder / "out.tif"
    write(Picture(pixels=pixels), source)
    command = [sys.executable, "-c", PROGRAM, *words, str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split("peak ")[1])
