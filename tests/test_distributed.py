"""Several processes train as one would, and survive the loss of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import torch
import yaml
from safetensors.torch import load_file

from conftest import photo
from rnan.images import Picture, write
from rnan.training.distributed import unused_part

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not torch.distributed.is_available(), reason="this build of torch has no torch.distributed"
    ),
]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    for number in range(6):
        write(Picture(pixels=photo(48, 56, seed=number)), tmp_path / "pictures" / f"{number}.png")
    path = tmp_path / "recipe.yaml"
    values = {
        "task": "denoise-color",
        "dtype": "float64",  # Adam makes large differences of small ones
        "log_every": 2,
        "checkpoint_every": 5,
        "model": {"fields": {"features": 8, "inner": 4, "window": 8}},
        "data": {"folders": [str(tmp_path / "pictures")], "patch_size": 16, "batch_size": 4},
        "schedule": {"warmup": 4},
        "budget": {"steps": 20},
        "validation": {"every": 10, "crop": 32, "whole_at_end": True},
    }
    path.write_text(yaml.safe_dump(values))
    return path


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def torchrun(recipe: Path, run: Path, *more: str, restarts: int = 0) -> list[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launcher += ["--max-restarts", str(restarts), "--monitor-interval", "0.1"]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    return [*launcher, "-m", "rnan", "train", str(recipe), "-o", str(run), *more]


def alone(recipe: Path, run: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "rnan", "train", str(recipe), "-o", str(run), *more]


def finish(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stderr


def weights(run: Path, step: int) -> dict[str, torch.Tensor]:
    tensors = load_file(run / "checkpoints" / f"step-{step:09d}.safetensors")
    return {key: value for key, value in tensors.items() if key.startswith(("model", "average"))}


def furthest(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> float:
    assert one.keys() == two.keys()
    return max(float((one[key] - two[key]).abs().max()) for key in one)


@pytest.mark.parametrize("optimizer", [pytest.param("adamw", marks=pytest.mark.bars), "muon"])
def test_two_processes_learn_what_one_does(recipe: Path, tmp_path: Path, optimizer: str) -> None:
    chosen = f"optimizer.name={optimizer}"
    finish(alone(recipe, tmp_path / "one", chosen))
    finish(torchrun(recipe, tmp_path / "two", chosen))
    assert furthest(weights(tmp_path / "one", 20), weights(tmp_path / "two", 20)) < 1e-6
    scores = [
        json.loads((tmp_path / run / "result.json").read_text())["validation_mean"]
        for run in ("one", "two")
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    # The first process alone writes: no line stands twice.
    steps = (tmp_path / "two" / "steps.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in steps[1:]] == [str(step) for step in range(2, 21, 2)]


@pytest.mark.bars
def test_two_begin_and_one_goes_on(recipe: Path, tmp_path: Path) -> None:
    finish(alone(recipe, tmp_path / "one"))
    finish(torchrun(recipe, tmp_path / "both", "budget={steps: 10}", "schedule.decay_share=0"))
    finish(alone(recipe, tmp_path / "same", "budget={steps: 10}", "schedule.decay_share=0"))
    assert furthest(weights(tmp_path / "both", 10), weights(tmp_path / "same", 10)) < 1e-6
    more = ("--resume", "schedule.decay_share=0")
    for run in ("both", "same"):
        finish(alone(recipe, tmp_path / run, *more))
    assert furthest(weights(tmp_path / "both", 20), weights(tmp_path / "same", 20)) < 1e-6


def test_a_killed_process_costs_nothing(recipe: Path, tmp_path: Path) -> None:
    longer = "budget={steps: 200}"
    finish(torchrun(recipe, tmp_path / "undisturbed", longer))
    command = torchrun(recipe, tmp_path / "killed", longer, restarts=1)
    with (tmp_path / "stderr").open("w") as errors:
        launcher = subprocess.Popen(command, stderr=errors, env=environment())
        checkpoints = tmp_path / "killed" / "checkpoints"
        deadline = time.monotonic() + 120
        while not (checkpoints.exists() and len(list(checkpoints.glob("step-*"))) == 2):
            assert launcher.poll() is None, (tmp_path / "stderr").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        ranks = psutil.Process(launcher.pid).children()
        assert len(ranks) == 2
        ranks[-1].send_signal(signal.SIGKILL)
        assert launcher.wait(timeout=300) == 0, (tmp_path / "stderr").read_text()
    said = [line.split(",")[0] for line in (tmp_path / "stderr").read_text().splitlines()]
    assert len(said) > len(set(said)), "nothing was done again after the kill"
    assert (
        furthest(weights(tmp_path / "undisturbed", 200), weights(tmp_path / "killed", 200)) == 0.0
    )


def test_words_of_an_earlier_start_are_not_believed() -> None:
    """``torchrun`` keeps its store over restarts: what stands there may be of dead processes."""
    store = torch.distributed.HashStore()

    def start(number: int) -> list[torch.distributed.Store]:
        with ThreadPoolExecutor(number) as pool:
            parts = [pool.submit(unused_part, store, rank, number) for rank in range(number)]
            return [part.result(timeout=30) for part in parts]

    for attempt in ("first", "second"):
        parts = start(3)
        for rank, part in enumerate(parts):
            assert not part.check([f"address/{rank}"])
            part.set(f"address/{rank}", f"{attempt}-{rank}")
        read = [part.get(f"address/{rank}").decode() for part in parts for rank in range(3)]
        assert read == [f"{attempt}-{rank}" for rank in range(3)] * 3


def test_a_batch_that_cannot_be_shared(recipe: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        torchrun(recipe, tmp_path / "run", "data.batch_size=5"),
        capture_output=True,
        text=True,
        env=environment(),
        timeout=120,
    )
    assert done.returncode != 0
    assert "data.batch_size must be a multiple of the 2 processes, got 5" in done.stderr
