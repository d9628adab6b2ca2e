"""Commands in a real terminal, where they draw a bar."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import photo, small_weights
from rnan.images import Picture, write

TRAIN = """
task: denoise-color
model: {preset: compact, fields: {features: 8, inner: 4, window: 8}}
data: {folders: [pictures], patch_size: 32, batch_size: 2}
budget: {steps: 3}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with pictures, a narrow network and a recipe."""
    (tmp_path / "pictures").mkdir()
    for number in range(6):
        write(Picture(pixels=photo(64, 80, seed=number)), tmp_path / f"pictures/{number}.png")
    small_weights(tmp_path / "small.safetensors")
    (tmp_path / "recipe.yaml").write_text(TRAIN)
    return tmp_path


def in_terminal(place: Path, *words: str) -> tuple[int, str]:
    """Exit code, and what a person would see."""
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(
        [sys.executable, "-m", "rnan", *words],
        cwd=place,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    seen = b""
    while True:
        try:
            piece = os.read(controller, 65536)
        except OSError:  # Linux says so at the end
            break
        if not piece:
            break
        seen += piece
    os.close(controller)
    return process.wait(), seen.decode()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("pictures", "denoise pictures -o out --model small.safetensors --sigma 20"),
        ("measuring", "evaluate denoise-color pictures --model none --level 50"),
        ("decoding", "data prepare pictures -o prepared"),
        ("training", "train recipe.yaml -o run"),
    ],
)
def test_bars_are_drawn(place: Path, row: str, words: str) -> None:
    code, seen = in_terminal(place, *words.split())
    assert code == 0, seen
    assert row in seen
    assert "left" in seen
    assert "error" not in seen, seen
