"""Settings, pictures and patches of a training run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import photo
from rnan.errors import ConfigError, InputError
from rnan.evaluation.datasets import split
from rnan.images import Picture, write
from rnan.tasks import get_task
from rnan.training.cache import PictureCache, build_cache
from rnan.training.config import BudgetSection, ScheduleSection, load_config
from rnan.training.sampler import Levels, PatchSampler
from rnan.training.schedule import rate, share_spent

CPU = torch.device("cpu")
RECIPES = sorted((Path(__file__).parent.parent / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_valid(path: Path) -> None:
    assert load_config(path).task


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimiser.name=adam", r"unknown setting optimiser \(did you mean optimizer\?\)"),
        ("optimizer.learnig_rate=1", r"optimizer.learnig_rate \(did you mean learning_rate\?\)"),
        ("data.patch_size=47", "data.patch_size must be even"),
        ("data.folders=[]", "data.folders names no folder"),
        ("budget.steps=5", "budget needs either steps or minutes"),
        ("budget.minutes=-1", "budget must be positive"),
        ("optimizer.betas=[2,3]", "optimizer.betas must be 0 to 1"),
        ("optimizer.clip=-1", "optimizer.clip must be positive"),
        ("schedule.halve_every=0", "schedule.halve_every must be at least 1"),
        ("level={low: 50, high: 10}", "level.low must not exceed level.high"),
        ("data.folders=[a, a]", "names a folder twice"),
        ("validation.every=-1", "validation.every must not be negative"),
        ("ema=1", "ema must be at least 0 and below 1"),
        ("loss=l3", "loss: 'l3' is not one of l1, l2"),
        ("seed", "write key=value"),
        ("seed.x=1", "seed is not a section"),
    ],
)
def test_settings_that_cannot_be(override: str, message: str) -> None:
    overrides = ["seed=0", override] if override == "seed.x=1" else [override]
    with pytest.raises(ConfigError, match=message):
        load_config(RECIPES[0], overrides)


def test_files_that_are_no_settings(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(path)
    path.write_text("a: [1\n")
    with pytest.raises(ConfigError, match="is not YAML"):
        load_config(path)
    path.write_text("- 1\n")
    with pytest.raises(ConfigError, match="must hold names and values"):
        load_config(path)


def pictures(folder: Path) -> list[Path]:
    sizes = [(40, 50), (64, 33), (32, 32), (20, 90)]
    files = []
    for number, (height, width) in enumerate(sizes):
        files.append(folder / f"{number}.png")
        if not files[-1].exists():
            write(Picture(pixels=photo(height, width, seed=number)), files[-1])
    return files


def cache(folder: Path, memory: str = "device") -> PictureCache:
    return build_cache(
        pictures(folder),
        task=get_task("denoise-color"),
        smallest_side=32,
        device=CPU,
        memory=memory,
        folder=folder / "cache",
    )


def test_small_pictures_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert len(cache(tmp_path)) == 3
    assert "1 pictures are smaller than 32 pixels: left out" in caplog.text
    with pytest.raises(InputError, match="no picture has sides of at least 100"):
        build_cache(
            pictures(tmp_path),
            task=get_task("denoise-color"),
            smallest_side=100,
            device=CPU,
            memory="device",
            folder=tmp_path,
        )


def test_a_memory_mapped_cache_holds_the_same(tmp_path: Path) -> None:
    in_memory, on_disk = cache(tmp_path), cache(tmp_path, "disk")
    assert torch.equal(in_memory.pixels, on_disk.pixels)
    assert in_memory.sha256 == on_disk.sha256
    again = cache(tmp_path, "disk")
    assert torch.equal(again.pixels, on_disk.pixels)
    pixels = next((tmp_path / "cache").glob("*.pixels"))
    pixels.write_bytes(pixels.read_bytes()[:-1])
    with pytest.raises(ConfigError, match="cut short"):
        cache(tmp_path, "disk")


def sampler(folder: Path, **fields: object) -> PatchSampler:
    levels = Levels(**{"low": 0.0, "high": 75.0, "small_share": 0.0, "small": 2.0, **fields})
    return PatchSampler(
        cache(folder), patch_size=24, batch_size=64, levels=levels, seed=3, device=CPU
    )


def test_patches_are_crops_turned_or_flipped(tmp_path: Path) -> None:
    files = pictures(tmp_path)
    wholes = [photo(*size, seed=i) for i, size in enumerate([(40, 50), (64, 33), (32, 32)])]
    assert files
    batch = sampler(tmp_path).batch(0)
    turns_seen = set()
    for patch in (batch.gt * 255).round().byte().permute(0, 2, 3, 1).numpy():
        found = [
            (turns, flip)
            for turns in range(4)
            for flip in (False, True)
            if is_crop(np.rot90(patch[:, ::-1] if flip else patch, turns), wholes)
        ]
        assert found
        turns_seen |= set(found)
    assert len(turns_seen) == 8


def is_crop(patch: np.ndarray, wholes: list[np.ndarray]) -> bool:
    side = patch.shape[0]
    for whole in wholes:
        windows = np.lib.stride_tricks.sliding_window_view(whole, (side, side), axis=(0, 1))
        if (windows.transpose(0, 1, 3, 4, 2) == patch).all(axis=(2, 3, 4)).any():
            return True
    return False


def test_the_stream_is_a_function_of_seed_and_step(tmp_path: Path) -> None:
    one, two = sampler(tmp_path), sampler(tmp_path)
    stream = one.stream(5)
    for step in (5, 6):
        there, here = next(stream), two.batch(step)
        assert torch.equal(there.gt, here.gt)
        assert torch.equal(there.levels, here.levels)
        assert torch.equal(there.draws, here.draws)
    assert not torch.equal(two.batch(5).gt, two.batch(6).gt)
    other = PatchSampler(
        cache(tmp_path), patch_size=24, batch_size=64, levels=one.levels, seed=4, device=CPU
    )
    assert not torch.equal(other.batch(5).gt, two.batch(5).gt)


def test_levels_cover_their_range(tmp_path: Path) -> None:
    many = [sampler(tmp_path, small_share=0.25).batch(step).levels for step in range(20)]
    levels = torch.cat(many)
    assert float(levels.min()) >= 0
    assert 70 < float(levels.max()) <= 75
    small = float((levels <= 2).float().mean())
    assert 0.2 < small < 0.34  # a quarter, and what the rest has there
    assert torch.cat([sampler(tmp_path, low=50.0, high=50.0).batch(0).levels]).eq(50).all()


def test_validation_is_every_twentieth() -> None:
    files = [Path(f"{number:03}.jpg") for number in range(398)]
    training, validation = split(files)
    assert [int(file.stem) for file in validation] == list(range(0, 398, 20))
    assert len(validation) == 20
    assert not set(training) & set(validation)
    assert len(training) + len(validation) == 398


def test_schedules() -> None:
    constant = ScheduleSection(kind="constant", warmup=10, decay_share=0.2)
    assert rate(constant, step=4, spent=0.0) == pytest.approx(0.5)
    assert rate(constant, step=99, spent=0.5) == 1.0
    assert rate(constant, step=99, spent=0.9) == pytest.approx(0.5)
    assert rate(constant, step=99, spent=1.0) == 0.0
    cosine = ScheduleSection(kind="cosine", warmup=0)
    assert rate(cosine, step=0, spent=0.0) == 1.0
    assert rate(cosine, step=0, spent=0.5) == pytest.approx(0.5)
    step = ScheduleSection(kind="step", warmup=0, halve_every=100)
    assert [rate(step, step=at, spent=0.0) for at in (99, 100, 250)] == [1.0, 0.5, 0.25]
    assert share_spent(BudgetSection(steps=200), step=50, seconds=9e9) == 0.25
    assert share_spent(BudgetSection(minutes=2.0), step=9, seconds=30) == 0.25
