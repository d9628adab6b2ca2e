"""Settings, pictures and patches of a training run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import photo
from rnan.errors import ConfigError, InputError
from rnan.evaluation.datasets import halved, references, split
from rnan.images import Picture, write
from rnan.tasks import get_task
from rnan.training.cache import PictureCache, load_pictures
from rnan.training.config import BudgetSection, ScheduleSection
from rnan.training.gratings import DRAWS, with_gratings
from rnan.training.recipe import load_config
from rnan.training.sampler import Levels, Part, PatchSampler
from rnan.training.schedule import rate, share_spent
from rnan.training.sources import Source, decoded

CPU = torch.device("cpu")
RECIPE = Path(__file__).parent.parent / "recipes" / "dejpeg-color.yaml"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimiser.name=adam", r"unknown setting optimiser \(did you mean optimizer\?\)"),
        ("optimizer.learnig_rate=1", r"optimizer.learnig_rate \(did you mean learning_rate\?\)"),
        ("data.patch_size=47", "data.patch_size must be even"),
        ("data.folders=[]", "data.folders names no folder"),
        ("data.prepared=x", "data needs either folders or prepared"),
        ("data.lq_folders=[a, b, c]", "data.lq_folders must name a folder for each"),
        ("data.only=[a, b, c]", "data.only needs an entry for each"),
        ("data.vivid_share=2", "data.vivid_share must be a share"),
        ("data={folders: [a], lq_folders: [b], vivid_share: 0.5}", "does not go with LQ pictures"),
        ("data={folders: [a], lq_folders: [b], grating_share: 1}", "does not go with LQ pictures"),
        ("data.jpeg_share=-1", "data.jpeg_share must be a share"),
        ("level.at=10", "level.at leaves no room for level.low"),
        ("budget={steps: 5, minutes: 1}", "budget needs either steps or minutes"),
        ("budget.minutes=-1", "budget must be positive"),
        ("optimizer.betas=[2,3]", "optimizer.betas must be 0 to 1"),
        ("optimizer.clip=-1", "optimizer.clip must be positive"),
        ("schedule.halvings=-1", "schedule.halvings must not be negative"),
        ("level={low: 50, high: 10}", "level.low must not exceed level.high"),
        ("data.folders=[a, a]", "names a folder twice"),
        ("validation.every=-1", "validation.every must not be negative"),
        ("ema=1", "ema must be at least 0 and below 1"),
        ("loss=l3", "loss: 'l3' is not one of l1, l2, psnr"),
        ("seed", "write key=value"),
        ("seed.x=1", "seed is not a section"),
    ],
)
def test_settings_that_cannot_be(override: str, message: str) -> None:
    overrides = ["seed=0", override] if override == "seed.x=1" else [override]
    with pytest.raises(ConfigError, match=message):
        load_config(RECIPE, overrides)


def test_a_budget_takes_the_place_of_the_other_kind() -> None:
    assert load_config(RECIPE).budget.steps is None
    assert load_config(RECIPE, ["budget.steps=5"]).budget == BudgetSection(steps=5)
    paper = RECIPE.with_name("paper-dejpeg.yaml")
    assert load_config(paper).budget.steps
    assert load_config(paper, ["budget.minutes=2"]).budget == BudgetSection(minutes=2)


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


def test_a_recipe_extends_another(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        "task: denoise-color\ndata: {folders: [a], patch_size: 32}\nbudget: {steps: 5}\n"
    )
    (tmp_path / "child.yaml").write_text("extends: base.yaml\nseed: 4\ndata: {folders: [b]}\n")
    config = load_config(tmp_path / "child.yaml", ["data.batch_size=2"])
    assert (config.seed, config.data.patch_size, config.data.batch_size) == (4, 32, 2)
    assert config.data.folders == (Path("b"),)
    (tmp_path / "base.yaml").write_text("extends: child.yaml\n")
    with pytest.raises(ConfigError, match="extends itself"):
        load_config(tmp_path / "child.yaml")
    (tmp_path / "child.yaml").write_text("extends: nowhere.yaml\n")
    with pytest.raises(ConfigError, match=r"nowhere\.yaml cannot be read"):
        load_config(tmp_path / "child.yaml")


def pictures(folder: Path) -> list[Path]:
    sizes = [(40, 50), (64, 33), (32, 32), (20, 90)]
    files = []
    for number, (height, width) in enumerate(sizes):
        files.append(folder / f"{number}.png")
        if not files[-1].exists():
            write(Picture(pixels=photo(height, width, seed=number)), files[-1])
    return files


def cache(folder: Path, memory: str = "device", side: int = 32) -> PictureCache:
    files = pictures(folder)
    return load_pictures(
        [Source(training=files, validation=files[:1])],
        task=get_task("denoise-color"),
        scale=1,
        patch_size=side,
        halved=False,
        device=CPU,
        memory=memory,
        folder=folder / "cache",
    ).training


def test_small_pictures_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert len(cache(tmp_path)) == 3
    assert "1 pictures are smaller than 32 pixels: left out" in caplog.text
    with pytest.raises(InputError, match="no picture has sides of at least 100"):
        cache(tmp_path, side=100)


def test_a_picture_that_cannot_be_read_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = pictures(tmp_path)
    files[1].write_bytes(files[1].read_bytes()[:100])
    assert len(cache(tmp_path)) == 2
    assert "left out:" in caplog.text
    for file in files:
        file.write_bytes(b"")
    with pytest.raises(InputError, match="no picture can be read"):
        cache(tmp_path)


def test_a_memory_mapped_cache_holds_the_same(tmp_path: Path) -> None:
    # On disk the small picture is kept, for runs with smaller patches.
    in_memory, on_disk = cache(tmp_path), cache(tmp_path, "disk")
    assert in_memory.sha256 == on_disk.sha256
    assert cache(tmp_path, "disk").sha256 == on_disk.sha256
    samplers = [
        PatchSampler(
            one, patch_size=24, batch_size=16, levels=Levels(low=0, high=9), seed=3, device=CPU
        )
        for one in (in_memory, on_disk)
    ]
    assert torch.equal(samplers[0].batch(0).gt, samplers[1].batch(0).gt)
    assert len(cache(tmp_path, "disk", side=16)) == 4


ALONE = Part()


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


def test_a_patch_depends_on_its_number_alone(tmp_path: Path) -> None:
    def of(batch_size: int, part: Part = ALONE) -> PatchSampler:
        levels = Levels(low=0.0, high=75.0)
        return PatchSampler(
            cache(tmp_path),
            patch_size=24,
            batch_size=batch_size,
            levels=levels,
            seed=3,
            device=CPU,
            part=part,
        )

    whole = of(12).batch(3)
    halves = [of(12, Part(rank=rank, of=2)) for rank in range(2)]
    numbers = torch.cat([half.indices(3) for half in halves])
    assert numbers.tolist() == list(range(36, 48))
    for name in ("gt", "levels", "draws"):
        parts = torch.cat([getattr(half.batch(3), name) for half in halves])
        assert torch.equal(parts, getattr(whole, name))
    other = [of(4).batch(step) for step in (9, 10, 11)]
    assert torch.equal(torch.cat([batch.gt for batch in other]), whole.gt)
    assert torch.equal(torch.cat([batch.draws for batch in other]), whole.draws)


def test_some_patches_have_stronger_colours(tmp_path: Path) -> None:
    def batch(share: float) -> torch.Tensor:
        return (
            PatchSampler(
                cache(tmp_path),
                patch_size=24,
                batch_size=64,
                levels=Levels(low=0.0, high=0.0),
                seed=3,
                device=CPU,
                vivid_share=share,
            )
            .batch(0)
            .gt
        )

    plain, some, every = batch(0.0), batch(0.4), batch(1.0)
    same = [torch.equal(a, b) for a, b in zip(plain, some, strict=True)]
    assert 25 < sum(same) < 50
    for a, b, c, changed in zip(plain, some, every, (not one for one in same), strict=True):
        assert not changed or torch.equal(b, c)  # as the patch's number has it
        away_before, away = (x - x.mean(0, keepdim=True) for x in (a, c))
        inside = ((c > 0) & (c < 1)).all(0)
        before, after = away_before.sort(0).values[:, inside], away.sort(0).values[:, inside]
        # The channels in another order, everywhere the same number of times further from gray.
        times = (after * before).sum() / before.square().sum()
        assert 1.0 - 1e-4 <= times <= 3.0
        torch.testing.assert_close(after, times * before, atol=1e-4, rtol=0)
        torch.testing.assert_close(a.mean(0)[inside], c.mean(0)[inside], atol=1e-5, rtol=0)
    assert some.is_contiguous(memory_format=torch.channels_last)


def test_gratings_are_pieces_of_zone_plates() -> None:
    torch.manual_seed(0)
    gt = torch.rand(64, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    draws = torch.rand(64, DRAWS, dtype=torch.float64)
    draws[:, 3] = torch.arange(64) % 4 / 4  # along the axes
    draws[:, 4] = 0.0  # the same frequency everywhere
    drawn = with_gratings(gt, draws, share=0.5)
    chosen = draws[:, 0] < 0.5
    assert 20 < int(chosen.sum()) < 44
    assert torch.equal(drawn[~chosen], gt[~chosen])
    stripes = drawn[chosen]
    assert torch.equal(stripes[:, :1].expand(-1, 3, -1, -1), stripes)
    assert float(stripes.min()) >= -1e-6
    assert float(stripes.max()) <= 1 + 1e-6
    assert drawn.is_contiguous(memory_format=torch.channels_last)
    # A wave is given back by its neighbours: f(x-1) + f(x+1) = 2 cos(2 pi cycles) f(x).
    for patch, (cycles, direction, contrast, mean) in zip(
        stripes[:, 0].double(), draws[chosen][:, [2, 3, 5, 6]], strict=True
    ):
        along = patch if direction in (0.0, 0.5) else patch.T
        wave = along - (0.5 * contrast + (1 - contrast) * mean)
        times = 2 * torch.cos(torch.pi * cycles)
        torch.testing.assert_close(
            wave[:, :-2] + wave[:, 2:], times * wave[:, 1:-1], atol=1e-4, rtol=0
        )
        torch.testing.assert_close(along[0], along[-1], atol=1e-5, rtol=0)
    assert torch.equal(with_gratings(gt, draws, share=0.0), gt)


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


def test_halved_references_are_as_those_for_training(tmp_path: Path) -> None:
    (file,) = pictures(tmp_path)[1:2]
    task = get_task("denoise-gray")
    (whole,) = references([file], task)
    *_, (row, half) = decoded([file], task.plane, halved=True)
    assert row.half
    assert half.shape == (32, 16, 1)
    assert np.array_equal(halved(whole).gt, half)


def test_schedules() -> None:
    constant = ScheduleSection(kind="constant", warmup=10, decay_share=0.2)
    assert rate(constant, step=4, spent=0.0) == pytest.approx(0.5)
    assert rate(constant, step=99, spent=0.5) == 1.0
    assert rate(constant, step=99, spent=0.9) == pytest.approx(0.5)
    assert rate(constant, step=99, spent=1.0) == 0.0
    cosine = ScheduleSection(kind="cosine", warmup=0)
    assert rate(cosine, step=0, spent=0.0) == 1.0
    assert rate(cosine, step=0, spent=0.5) == pytest.approx(0.5)
    step = ScheduleSection(kind="step", warmup=0, halvings=6.5)
    assert [rate(step, step=9, spent=at) for at in (0.15, 0.16, 0.4, 1.0)] == [1, 0.5, 0.25, 2**-6]
    assert share_spent(BudgetSection(steps=200), step=50, seconds=9e9) == 0.25
    assert share_spent(BudgetSection(minutes=2.0), step=9, seconds=30) == 0.25


def test_a_name_that_stands_twice(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("level:\n  low: 1\nseed: 3\nlevel:\n  high: 9\n")
    with pytest.raises(ConfigError, match="level stands twice"):
        load_config(tmp_path / "x.yaml")
