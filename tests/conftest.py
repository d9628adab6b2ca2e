"""Shared pieces: pictures made by code, the folder of real ones, a network that does nothing."""

from __future__ import annotations

import io
import logging
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from rnan.cli.main import cli, main
from rnan.engines.torch import TorchEngine
from rnan.images import Picture
from rnan.inference import RestoreOptions, Restorer
from rnan.models import RNAN, preset
from rnan.models.checkpoints import Checkpoint, to_bytes
from rnan.models.initialise import near_identity
from rnan.options.request import make_request
from rnan.pipeline.pipeline import Pipeline
from rnan.tasks import get_task

BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
"""The browser that pages are looked at with; none where none is installed."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "bars: only with `make bars`")
    # A shell that starts the tests in the background has it ignored, and what they start inherits
    # that: no test of Ctrl-C could pass.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:  # each has its share of the cores, and so have the programs it starts
        threads = max(1, (os.cpu_count() or 1) // workers)
        os.environ["OMP_NUM_THREADS"] = str(threads)
        torch.set_num_threads(threads)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "bars" in (config.option.markexpr or ""):
        return
    kept = [item for item in items if item.get_closest_marker("bars") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - hypothesis and libraries draw from it


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with ``train`` and ``test`` pictures."""
    folder = os.environ.get("RNAN_DATA")
    if not folder:
        pytest.skip("needs the pictures that RNAN_DATA names")
    return Path(folder).resolve()


def photo(height: int = 96, width: int = 128, *, seed: int = 0, channels: int = 3) -> np.ndarray:
    """A smooth picture with edges, ``(H, W, C)`` uint8."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / 64.0
    planes = []
    for _ in range(channels):
        a, b, c, d = rng.uniform(0.5, 3.0, 4)
        planes.append(np.sin(a * x + b * y) + np.cos(c * x - d * y) + (np.sin(2 * x * y) > 0.3))
    picture = np.stack(planes, axis=-1)
    picture = (picture - picture.min()) / max(np.ptp(picture), 1e-9)
    return np.rint(20 + 215 * picture).astype(np.uint8)


def small_model(**fields: object) -> RNAN:
    """A narrow network of the compact family with random weights."""
    config = preset("compact", **{"features": 8, "inner": 4, "window": 8, **fields})
    return RNAN(config).eval()


def small_weights(path: Path) -> Path:
    """A narrow network that does nothing, as a file."""
    model = small_model()
    near_identity(model)
    info = {"task": "denoise-color", "level_range": [0, 75], "training": []}
    path.write_bytes(to_bytes(Checkpoint(config=model.config, state=model.state_dict(), info=info)))
    return path


def restorer(model: RNAN | None = None, **options: object) -> Restorer:
    """A restorer around a narrow network in float32; by default one that does nothing."""
    if model is None:
        model = small_model()
        near_identity(model)
    engine = TorchEngine(model, device=torch.device("cpu"), dtype=torch.float32)
    return Restorer(get_task("denoise-color"), engine, RestoreOptions(**options))


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its code."""

    returncode: int
    stdout: str
    stderr: str


def rnan(*arguments: object) -> Ended:
    """The command line from its first line to its exit code, in this process: it starts sooner."""
    root = logging.getLogger()
    handlers, level, threads = root.handlers[:], root.level, torch.get_num_threads()
    root.handlers.clear()  # so that the program sets its own
    out, err = io.StringIO(), io.StringIO()
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        torch.set_num_threads(threads)
    assert isinstance(ended.value.code, int)
    return Ended(ended.value.code, out.getvalue(), err.getvalue())


def auto(picture: Picture, **options: object) -> tuple[Picture, list[str]]:
    """What ``rnan auto`` makes of a picture, and what it did."""
    result = Pipeline(make_request("auto", options)).restore(picture)
    return result.picture, [step.short for step in result.steps]


def invoke(*words: object) -> str:
    """The command line in this process, with its errors as exceptions; what it printed."""
    result = CliRunner().invoke(cli, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser without a window."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"]
        )
        yield started
        started.close()
