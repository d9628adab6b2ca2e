"""Nothing is fetched, installed or reported while pictures are restored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import photo, small_weights
from raws import dng
from rnan.images import Picture, write

WATCHED = """
import runpy, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"):
        print("network:", event, arguments, file=sys.stderr)
    if event == "subprocess.Popen" and "pip" in str(arguments):
        print("installs:", arguments, file=sys.stderr)

sys.addaudithook(watch)
sys.argv[:1] = ["rnan"]
runpy.run_module("rnan", run_name="__main__", alter_sys=False)
"""


def watched(*words: object) -> str:
    command = [sys.executable, "-c", WATCHED, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_the_watch_sees_what_is_sent() -> None:
    code = WATCHED.partition("sys.argv")[0] + (
        "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9))\n"
        "except OSError:\n    pass"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "network: socket.connect" in done.stderr


@pytest.mark.slow
def test_restoring_asks_nobody(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    write(Picture(pixels=photo(64, 64)), picture)
    raw = dng(tmp_path / "b.dng", photo(64, 64))
    out = tmp_path / "out"
    for words in (
        ("denoise", picture, "-o", out / "1.png"),
        ("denoise", picture, "-o", out / "2.png", "--engine", "mnn", "--dtype", "float32"),
        ("denoise", picture, "-o", out / "3.png", "--engine", "torch"),
        ("auto", picture, "-o", out / "4.png"),
        ("upscale", picture, "-o", out / "5.png"),
        ("demosaic", raw, "-o", out / "6.tif"),
        ("inspect", picture, raw),
        ("models", "list"),
    ):
        said = watched(*words)
        assert "network:" not in said, words
        assert "installs:" not in said, words


@pytest.mark.slow
def test_exporting_asks_nobody(tmp_path: Path) -> None:
    """MNN's own converter would install a package and report to its makers."""
    weights = small_weights(tmp_path / "w.safetensors")
    for name in ("a.onnx", "a.mnn"):
        said = watched("export", weights, "-o", tmp_path / name)
        assert "network:" not in said
        assert "installs:" not in said
    picture = tmp_path / "a.png"
    write(Picture(pixels=photo(64, 64)), picture)
    words = ("--engine", "openvino", "--model", weights, "--sigma", 9)
    assert "network:" not in watched("denoise", picture, "-o", tmp_path / "b.png", *words)
