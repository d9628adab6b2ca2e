"""The wheel that people install: built, put into an empty environment, and used."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

from conftest import photo
from rnan.images import Picture, read, write

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_the_built_wheel_restores_a_picture(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("rnan-*.whl")

    venv.create(tmp_path / "empty env", with_pip=True)
    python = tmp_path / "empty env" / "bin" / "python"
    index = os.environ.get("TORCH_INDEX")
    subprocess.run(
        [
            *(python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"),
            *("--constraint", ROOT / "constraints.txt"),
            *(("--extra-index-url", index) if index else ()),
            wheel,
        ],
        check=True,
    )
    noisy = photo(100, 120) + np.random.default_rng(0).normal(0, 25, (100, 120, 3))
    write(Picture(pixels=np.clip(noisy, 0, 255).astype(np.uint8)), tmp_path / "in.png")
    command = [tmp_path / "empty env" / "bin" / "rnan", "denoise", "in.png", "-o", "out.png"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("out.png (sigma ")
    error = [
        float(np.abs(read(tmp_path / name).pixels.astype(float) - photo(100, 120)).mean())
        for name in ("in.png", "out.png")
    ]
    assert error[1] < error[0] / 2
