"""Training runs: they learn, they resume with the same bits, they survive what goes wrong."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from conftest import photo, small_model
from rnan.degradations.jpeg import compress
from rnan.errors import ConfigError, InputError, ResourceError, RnanError, WeightsError
from rnan.images import Picture, read, write
from rnan.models.checkpoints import from_bytes
from rnan.options.mapping import from_mapping
from rnan.tasks import TASKS, get_task
from rnan.training.config import TrainConfig
from rnan.training.folder import claim
from rnan.training.learner import Pairs
from rnan.training.trainer import Trainer
from rnan.weights import registry


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for number in range(6):
        write(Picture(pixels=photo(48, 56, seed=number)), folder / f"{number}.png")
    return folder


def settings(pictures: Path, **changes: object) -> dict[str, object]:
    values: dict[str, object] = {
        "task": "denoise-color",
        "dtype": "float32",
        "log_every": 4,
        "checkpoint_every": 8,
        "model": {"fields": {"features": 8, "inner": 4, "window": 8}},
        "data": {"folders": [str(pictures)], "patch_size": 16, "batch_size": 4},
        "schedule": {"warmup": 4},
        "budget": {"steps": 24},
        "validation": {"every": 12, "crop": 32, "whole_at_end": False},
    }
    for key, value in changes.items():
        section = values.get(key)
        both = isinstance(section, dict) and isinstance(value, dict)
        values[key] = {**section, **value} if both else value  # type: ignore[dict-item]
    return values


def config(pictures: Path, **changes: object) -> TrainConfig:
    return from_mapping(TrainConfig, settings(pictures, **changes))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.bars  # most of a minute in the compiler
@pytest.mark.skipif(" " in torch.__file__, reason="torch's compiler takes no blank in its path")
@pytest.mark.filterwarnings("ignore")  # of the compiler's own
def test_compiled_blocks_learn_as_plain_ones(pictures: Path, tmp_path: Path) -> None:
    plain, compiled = (
        Trainer(
            config(pictures, dtype="float64", budget={"steps": 3}, compile=how), tmp_path / str(how)
        )
        for how in (False, True)
    )
    for trainer in (plain, compiled):
        trainer.run()
    weights = compiled.learner.model.state_dict()
    assert list(weights) == list(plain.learner.model.state_dict())
    for name, expected in plain.learner.model.state_dict().items():
        torch.testing.assert_close(weights[name], expected, rtol=0, atol=1e-9, msg=name)


def test_a_run_learns_and_leaves_what_it_should(pictures: Path, tmp_path: Path) -> None:
    run = config(
        pictures,
        budget={"steps": 120},
        validation={"every": 40, "whole_at_end": True},
        optimizer={"learning_rate": 3e-3},
    )
    seen: list[int] = []
    result = Trainer(run, tmp_path / "run", report=lambda s: seen.append(s.step)).run()
    assert result.finished
    assert result.step == 120
    assert seen == list(range(4, 121, 4))

    validation = [row for row in rows(tmp_path / "run" / "validation.csv") if row["level"] == "50"]
    assert [int(row["step"]) for row in validation] == [40, 80, 120]
    # The do-nothing figure is 14.15 dB; from there it climbs.
    values = [float(row["psnr"]) for row in validation]
    assert values[0] < values[1] < values[2]
    assert values[2] > 17
    steps = rows(tmp_path / "run" / "steps.csv")
    assert len(steps) == 30
    assert all(row["skipped"] == "0" for row in steps)
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["loss"] == "l1"
    assert json.loads((tmp_path / "run" / "result.json").read_text())["validation_mean"] > 20
    assert len(list((tmp_path / "run" / "checkpoints").iterdir())) == 2

    weights = from_bytes(result.weights.read_bytes())
    assert weights.info["task"] == "denoise-color"
    (stretch,) = weights.info["training"]
    assert stretch["patches"] == 480
    assert stretch["recipe"]["data"]["folders"] == ["pictures"]
    assert str(tmp_path) not in result.weights.read_bytes().decode("latin-1")


def newest(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(sorted((folder / "checkpoints").glob("*.safetensors"))[-1])


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.slow
def test_a_killed_run_resumes_with_the_same_bits(pictures: Path, tmp_path: Path) -> None:
    values = settings(pictures, budget={"steps": 60}, dtype="auto")
    Trainer(from_mapping(TrainConfig, values), tmp_path / "whole").run()

    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(values))
    command = [sys.executable, "-m", "rnan", "train", str(recipe), "-o", str(tmp_path / "killed")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    checkpoints = tmp_path / "killed" / "checkpoints"
    deadline = time.monotonic() + 120
    while not (checkpoints.exists() and len(list(checkpoints.glob("step-*.safetensors"))) == 2):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL

    resumed = Trainer(from_mapping(TrainConfig, values), tmp_path / "killed", resume=True)
    assert 0 < resumed.step < 60
    resumed.run()
    assert same(newest(tmp_path / "whole"), newest(tmp_path / "killed"))
    logs = [rows(tmp_path / name / "steps.csv") for name in ("whole", "killed")]
    assert [row["loss"] for row in logs[0]] == [row["loss"] for row in logs[1]]


@pytest.mark.slow
def test_sigterm_and_max_time_end_with_a_checkpoint(pictures: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(settings(pictures, budget={"steps": 10**6})))
    command = [sys.executable, "-m", "rnan", "train", str(recipe), "-o", str(tmp_path / "run")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not list((tmp_path / "run").glob("checkpoints/*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stopped at step" in errors
    done = subprocess.run(
        [*command, "--resume", "--max-time", "0.01"], capture_output=True, text=True, check=True
    )
    assert "stopped at step" in done.stderr


def test_two_runs_in_one_folder_are_refused(pictures: Path, tmp_path: Path) -> None:
    run = config(pictures, budget={"steps": 2})
    with pytest.raises(ConfigError, match="no run to resume"):
        Trainer(run, tmp_path / "run", resume=True)
    Trainer(run, tmp_path / "run").run()
    with pytest.raises(ConfigError, match="holds a run already"):
        Trainer(run, tmp_path / "run")
    with pytest.raises(ConfigError, match="loss was l1 when the run began and is l2 now"):
        Trainer(config(pictures, budget={"steps": 2}, loss="l2"), tmp_path / "run", resume=True)


def test_a_finished_run_can_be_prolonged(pictures: Path, tmp_path: Path) -> None:
    Trainer(config(pictures, budget={"steps": 8}), tmp_path / "run").run()
    longer = Trainer(config(pictures, budget={"steps": 12}), tmp_path / "run", resume=True)
    assert longer.step == 8
    assert longer.run().step == 12


def test_a_start_that_failed_leaves_the_folder_free(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        Trainer(config(pictures / "none"), tmp_path / "run")
    Trainer(config(pictures), tmp_path / "run")


@pytest.mark.parametrize("memory", ["device", "disk"])
def test_validation_pictures_that_cannot_be_measured(
    tmp_path: Path, memory: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "pictures"
    for number in range(42):
        write(Picture(pixels=photo(40, 40, seed=number)), folder / f"{number:02}.png")
    kept = {"folders": [str(folder)], "memory": memory}
    measured = {"task": "super-resolution", "budget": {"steps": 1}, "data": kept}

    def validated() -> list[str]:
        run = tmp_path / f"run{len(list(tmp_path.iterdir()))}"
        trainer = Trainer(config(folder, **measured, level={"at": "x2"}), run)
        return [one.name for one in trainer._validation._pictures]

    assert validated() == ["00", "20", "40"]
    (folder / "00.png").write_bytes(b"damaged")
    write(Picture(pixels=photo(5, 40)), folder / "20.png", overwrite=True)
    assert validated() == ["40"]
    assert "left out of validation: 1 pictures smaller than 12" in caplog.text
    (folder / "40.png").write_bytes(b"damaged")
    with pytest.raises(InputError, match="no picture is left for validation"):
        validated()


def test_what_is_logged_after_a_resume_is_a_mean_too(pictures: Path, tmp_path: Path) -> None:
    run = config(pictures, checkpoint_every=3, budget={"steps": 6})
    Trainer(run, tmp_path / "whole").run()
    Trainer(config(pictures, checkpoint_every=3, budget={"steps": 3}), tmp_path / "parts").run()
    Trainer(run, tmp_path / "parts", resume=True).run()
    sampler = Trainer(run, tmp_path / "other")
    losses = [
        float(sampler.learner.learn(sampler.learner.pairs(batch), 0.0)[0])
        for batch in (sampler.sampler.batch(step) for step in range(4))
    ]
    (row,) = rows(tmp_path / "parts" / "steps.csv")
    # Only the fourth step was taken since: no quarter of it.
    assert float(row["loss"]) > max(losses) / 2


def test_one_level_is_one_level(pictures: Path, tmp_path: Path) -> None:
    level = {"at": 50, "small_share": 0.5}
    trainer = Trainer(config(pictures, level=level), tmp_path / "run")
    assert trainer.sampler.batch(0).levels.unique().tolist() == [50.0]
    assert trainer.run().step > 0
    assert registry.load(tmp_path / "run" / "weights.safetensors").info["level_range"] == [50, 50]
    with pytest.raises(ConfigError, match="small lies below"):
        config(pictures, level={"low": 10, "small_share": 0.5})


def test_weights_that_burst_are_not_kept(pictures: Path, tmp_path: Path) -> None:
    run = config(pictures, optimizer={"learning_rate": 1e30}, budget={"steps": 24})
    with pytest.raises(RnanError, match="not finite"):
        Trainer(run, tmp_path / "run").run()
    for file in (tmp_path / "run").rglob("*.safetensors"):
        assert all(tensor.isfinite().all() for tensor in load_file(file).values()), file


def test_the_only_picture_is_for_validation(tmp_path: Path) -> None:
    write(Picture(pixels=photo(48, 56)), tmp_path / "one" / "a.png")
    with pytest.raises(InputError, match="the only picture is kept for validation"):
        Trainer(config(tmp_path / "one"), tmp_path / "run")


def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    pictures: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = config(pictures)
    Trainer(run, tmp_path / "run").run()
    before, last = sorted((tmp_path / "run" / "checkpoints").iterdir())
    last.write_bytes(last.read_bytes()[:1000])
    assert Trainer(run, tmp_path / "run", resume=True).step == 16
    assert "is damaged" in caplog.text
    assert not last.exists()  # it would count as one of the two that are kept
    before.write_bytes(b"")
    with pytest.raises(ConfigError, match="no checkpoint in"):
        Trainer(run, tmp_path / "run", resume=True)


def test_steps_that_are_not_finite_are_skipped_and_counted(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(config(pictures), tmp_path / "run")
    batch = trainer.sampler.batch

    def sometimes_broken(step: int) -> object:
        made = batch(step)
        if step in (5, 6):
            made.draws[0, 0, 0, 0] = float("nan")
        return made

    monkeypatch.setattr(trainer.sampler, "batch", sometimes_broken)
    trainer.run()
    assert int(trainer.learner.skipped) == 2
    assert rows(tmp_path / "run" / "steps.csv")[-1]["skipped"] == "2"
    assert all(tensor.isfinite().all() for tensor in newest(tmp_path / "run").values())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_skipped_step_changes_nothing(pictures: Path, tmp_path: Path, optimizer: str) -> None:
    run = config(pictures, optimizer={"name": optimizer})
    learner = Trainer(run, tmp_path / "run").learner
    sampler = Trainer(run, tmp_path / "run").sampler
    good, bad = sampler.batch(0), sampler.batch(1)
    learner.learn(learner.pairs(good), 1.0)
    bad.draws.fill_(float("inf"))
    weights = {key: value.clone() for key, value in learner.model.state_dict().items()}
    remembered = {row[:2]: row[2].clone() for row in learner.optimizer.state()}
    assert {key for _, key in remembered} >= {"exp_avg", "exp_avg_sq", "step"}
    loss, _ = learner.learn(learner.pairs(bad), 1.0)
    assert float(loss) == 0.0
    assert int(learner.skipped) == 1
    assert same(weights, learner.model.state_dict())
    for name, key, value in learner.optimizer.state():
        assert torch.equal(value, remembered[name, key]), (name, key)


def test_steps_that_stay_broken_are_an_error(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(config(pictures, budget={"steps": 100}), tmp_path / "run")
    batch = trainer.sampler.batch

    def broken(step: int) -> object:
        made = batch(step)
        made.draws.fill_(float("nan"))
        return made

    monkeypatch.setattr(trainer.sampler, "batch", broken)
    with pytest.raises(RnanError, match="were not finite; lower"):
        trainer.run()


def test_a_full_disk_leaves_the_last_good_checkpoint(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = Trainer(config(pictures), tmp_path / "run")
    real = os.fdopen

    def full(handle: int, *rest: object) -> object:
        if trainer.step > 8:
            os.close(handle)
            raise OSError(28, "No space left on device")
        return real(handle, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(ResourceError, match="no space left"):
        trainer.run()
    monkeypatch.undo()
    assert Trainer(config(pictures), tmp_path / "run", resume=True).step == 8


def test_starting_from_weights(
    pictures: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = Trainer(config(pictures), tmp_path / "first").run()
    start = str(first.weights)
    same_shape = Trainer(config(pictures, init_from=start), tmp_path / "second")
    assert not caplog.records
    expected = from_bytes(first.weights.read_bytes()).state["head.weight"].float()
    assert torch.equal(same_shape.learner.model.head.weight.detach(), expected)
    result = same_shape.run()
    history = from_bytes(result.weights.read_bytes()).info["training"]
    assert [stretch["steps"] for stretch in history] == [24, 24]
    away = first.weights.rename(tmp_path / "away")  # not needed to go on
    longer = config(pictures, init_from=start, budget={"steps": 32})
    result = Trainer(longer, tmp_path / "second", resume=True).run()
    history = from_bytes(result.weights.read_bytes()).info["training"]
    assert [stretch["steps"] for stretch in history] == [24, 32]
    away.rename(first.weights)

    longer = {"fields": {"features": 8, "inner": 4, "window": 8, "plan": "NLL"}}
    Trainer(config(pictures, init_from=start, model=longer), tmp_path / "third")
    assert "tensors start as they were made (body.2." in caplog.text
    with pytest.raises(WeightsError, match="do not exist"):
        Trainer(config(pictures, init_from="none.safetensors"), tmp_path / "fourth")
    other = config(pictures, init_from=start, task="dejpeg-color")
    Trainer(other, tmp_path / "fifth")
    assert "these weights are of denoise-color" in caplog.text
    wider = {"fields": {"features": 12, "inner": 6, "window": 8, "channels_out": 1}}
    with pytest.raises(WeightsError, match="none of the weights fit"):
        Trainer(config(pictures, init_from=start, model=wider), tmp_path / "sixth")


def test_pictures_that_changed_stop_a_resume(pictures: Path, tmp_path: Path) -> None:
    Trainer(config(pictures), tmp_path / "run").run()
    write(Picture(pixels=photo(48, 56, seed=99)), pictures / "3.png", overwrite=True)
    with pytest.raises(ConfigError, match="pictures have changed"):
        Trainer(config(pictures), tmp_path / "run", resume=True)


@pytest.mark.parametrize("kind", ["l1", "l2", "psnr"])
def test_losses(pictures: Path, tmp_path: Path, kind: str) -> None:
    trainer = Trainer(config(pictures, loss=kind), tmp_path / "run")
    learner = trainer.learner
    pairs = learner.pairs(trainer.sampler.batch(0))
    with torch.no_grad():
        restored = learner.model(pairs.lq, pairs.level, 1)
    error = (restored - pairs.gt).double().numpy()
    squares = (error**2).mean(axis=(1, 2, 3))
    expected = {
        "l1": np.abs(error).mean(),
        "l2": squares.mean(),
        "psnr": np.mean([0.5 * np.log(one + 1e-6) for one in squares]),
    }
    loss, norm = learner.learn(pairs, 1.0)
    assert float(loss) == pytest.approx(expected[kind], rel=1e-4)
    assert float(norm) > 0


@pytest.mark.parametrize("task", ["denoise-color", "denoise-gray"])
def test_some_noise_goes_through_a_jpeg(pictures: Path, tmp_path: Path, task: str) -> None:
    def pairs(share: float) -> Pairs:
        data = {"jpeg_share": share, "batch_size": 32}
        trainer = Trainer(config(pictures, task=task, data=data), tmp_path / f"{share}")
        batch = trainer.sampler.batch(0)
        assert batch.quality is None or set(batch.quality.tolist()) <= {0, *range(50, 101)}
        saved.append([] if batch.quality is None else batch.quality.tolist())
        return trainer.learner.pairs(batch)

    saved: list[list[float]] = []
    plain, some = pairs(0.0), pairs(0.5)
    assert torch.equal(plain.gt, some.gt)
    assert plain.level is not None
    assert some.level is not None
    assert torch.equal(plain.level, some.level)
    assert 8 < sum(quality > 0 for quality in saved[1]) < 24
    for before, after, quality in zip(plain.lq, some.lq, saved[1], strict=True):
        if quality:
            values = np.clip(np.rint(before.permute(1, 2, 0).numpy() * 255.0), 0, 255)
            file = compress(values, quality).transpose(2, 0, 1) / 255.0
            torch.testing.assert_close(after, torch.from_numpy(file).float())
        else:
            assert torch.equal(before, after)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "dejpeg", "data": {"jpeg_share": 0.1}}, "jpeg_share is for denoising"),
        ({"data": {"jpeg_share": 0.1, "patch_size": 24}}, "patch_size must be a multiple of 16"),
    ],
)
def test_noise_that_no_jpeg_takes(
    pictures: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Trainer(config(pictures, **changes), tmp_path / "run")


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "l2", "optimizer": {"name": "adam", "clip": None}, "schedule": {"kind": "step"}},
        {"dtype": "float64", "ema": 0.0, "schedule": {"kind": "cosine"}},
        {"dtype": "bfloat16", "model": {"init": "default"}},
        {"model": {"preset": "released", "fields": {"features": 8, "inner": 4, "plan": "NLN"}}},
        {"data": {"memory": "disk"}, "loss": "psnr"},
    ],
    ids=["paper-like", "float64", "default-init", "released", "on-disk"],
)
def test_other_settings_run(pictures: Path, tmp_path: Path, changes: dict[str, object]) -> None:
    result = Trainer(config(pictures, budget={"steps": 6}, **changes), tmp_path / "run").run()
    assert result.step == 6
    from_bytes(result.weights.read_bytes()).build()


def test_time_is_a_budget_too(pictures: Path, tmp_path: Path) -> None:
    start = time.perf_counter()
    run = config(pictures, budget={"steps": None, "minutes": 0.05})
    result = Trainer(run, tmp_path / "run").run()
    assert result.finished
    assert 2.5 < time.perf_counter() - start < 20


@pytest.mark.parametrize("task", TASKS)
def test_every_task_learns(pictures: Path, tmp_path: Path, task: str) -> None:
    data: dict[str, object] = {"patch_size": 8 if task == "super-resolution" else 16}
    if task == "denoise-camera":
        data |= {"camera": True, "patch_size": 32}
    run = config(
        pictures,
        task=task,
        data={**data, "halved": True},
        budget={"steps": 60},
        validation={"every": 60, "whole_at_end": True},
        optimizer={"learning_rate": 3e-3},
    )
    result = Trainer(run, tmp_path / "run").run()
    names = [score.level.name for score in result.scores]
    assert names == list(get_task(task).table_levels)
    losses = [float(row["loss"]) for row in rows(tmp_path / "run" / "steps.csv")]
    assert sum(losses[-3:]) < sum(losses[:3])
    checkpoint = from_bytes(result.weights.read_bytes())
    assert checkpoint.info["task"] == task
    assert checkpoint.config.scales == get_task(task).scales


def test_sensors_teach(pictures: Path, tmp_path: Path) -> None:
    run = config(
        pictures,
        task="demosaic",
        data={"patch_size": 16, "sensor": True},
        budget={"steps": 60},
        validation={"every": 0, "whole_at_end": False},
        optimizer={"learning_rate": 3e-3},
    )
    Trainer(run, tmp_path / "run").run()
    losses = [float(row["loss"]) for row in rows(tmp_path / "run" / "steps.csv")]
    assert sum(losses[-3:]) < sum(losses[:3])


def test_patches_fit_the_blocks_of_jpeg(pictures: Path, tmp_path: Path) -> None:
    run = config(pictures, task="dejpeg-color", data={"patch_size": 24})
    with pytest.raises(ConfigError, match="multiple of 16 for dejpeg-color"):
        Trainer(run, tmp_path / "run")


def test_masks_learn_at_their_own_rate(pictures: Path, tmp_path: Path) -> None:
    frozen = config(pictures, optimizer={"mask_rate": 0.0})
    trainer = Trainer(frozen, tmp_path / "run")
    before = {name: value.clone() for name, value in trainer.learner.model.state_dict().items()}
    trainer.run()
    after = trainer.learner.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if ".mask." in name)
    assert not torch.equal(before["head.weight"], after["head.weight"])


def test_a_part_may_start_anew(pictures: Path, tmp_path: Path) -> None:
    first = Trainer(config(pictures), tmp_path / "first").run()
    changes = {"init_from": str(first.weights), "seed": 1}
    whole = Trainer(config(pictures, **changes), tmp_path / "whole").learner.model.state_dict()
    part = config(pictures, **changes, init_without=["body.0.mask"])
    anew = Trainer(part, tmp_path / "anew").learner.model.state_dict()
    differ = {name for name in whole if not torch.equal(whole[name], anew[name])}
    assert differ
    assert all(name.startswith("body.0.mask") for name in differ)
    wrong = config(pictures, **changes, init_without=["body.0.msk"])
    with pytest.raises(ConfigError, match=r"no tensor of .* begins with body.0.msk"):
        Trainer(wrong, tmp_path / "wrong")
    with pytest.raises(ConfigError, match="init_without is of init_from"):
        config(pictures, init_without=["body.0.mask"])


def pairs_of(pictures: Path, folder: Path, scale: int = 1) -> Path:
    for file in pictures.iterdir():
        pixels = read(file).pixels.astype(np.int16)[::scale, ::scale]
        write(Picture(pixels=np.clip(pixels - 40, 0, 255).astype(np.uint8)), folder / file.name)
    return folder


def test_lq_pictures_of_ones_own(pictures: Path, tmp_path: Path) -> None:
    dark = pairs_of(pictures, tmp_path / "dark")
    run = config(
        pictures,
        data={"lq_folders": [str(dark)]},
        level={"at": "25"},
        budget={"steps": 150},
        optimizer={"learning_rate": 3e-3},
        validation={"every": 0, "whole_at_end": True},
    )
    trainer = Trainer(run, tmp_path / "run")
    batch = trainer.sampler.batch(0)
    assert batch.lq is not None
    # The same places, turned alike.
    assert torch.allclose((batch.gt - 40 / 255).clamp(min=0), batch.lq, atol=1e-6)
    (score,) = trainer.run().scores
    assert score.level.name == "25"
    assert score.psnr > 25  # 16.1 dB without training


def test_lq_pictures_of_another_size(pictures: Path, tmp_path: Path) -> None:
    small = pairs_of(pictures, tmp_path / "small", scale=2)
    run = config(
        pictures,
        task="super-resolution",
        data={"lq_folders": [str(small)], "patch_size": 8},
        level={"at": "x2"},
        budget={"steps": 2},
    )
    trainer = Trainer(run, tmp_path / "run")
    batch = trainer.sampler.batch(3)
    assert batch.lq is not None
    assert (batch.gt.shape[2:], batch.lq.shape[2:]) == ((16, 16), (8, 8))
    dark = (batch.gt - 40 / 255).clamp(min=0)
    corners = [dark[:, :, y::2, x::2] for y in (0, 1) for x in (0, 1)]  # by how it was turned
    nearest = torch.stack([(corner - batch.lq).abs().amax((1, 2, 3)) for corner in corners])
    assert float(nearest.amin(0).max()) < 1e-6
    assert trainer.run().step == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "need one sigma"),
        ({"task": "demosaic", "level": {"at": "grbg"}}, "makes its mosaics itself"),
        ({"task": "super-resolution", "data": {"patch_size": 8}}, "have one scale"),
    ],
)
def test_lq_pictures_that_cannot_be_learnt_from(
    pictures: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    data = {"lq_folders": [str(pictures)], **changes.pop("data", {})}  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match=message):
        Trainer(config(pictures, data=data, **changes), tmp_path / "run")


def test_lq_pictures_without_partners(pictures: Path, tmp_path: Path) -> None:
    dark = pairs_of(pictures, tmp_path / "dark")
    (dark / "3.png").unlink()
    run = config(pictures, data={"lq_folders": [str(dark)]}, level={"at": "25"})
    with pytest.raises(InputError, match=r"holds no picture for 3\.png"):
        Trainer(run, tmp_path / "run")
    write(Picture(pixels=photo(48, 55)), dark / "3.png")
    with pytest.raises(InputError, match=r"3\.png is 55x48, its reference asks for 56x48"):
        Trainer(run, tmp_path / "run")


@pytest.mark.parametrize("init", ["near-identity", "default"])
def test_a_nonlocal_block_that_is_added_changes_nothing_at_first(
    pictures: Path, tmp_path: Path, init: str
) -> None:
    fields = {"features": 8, "inner": 4, "window": 8}
    local = config(pictures, model={"init": init, "fields": {**fields, "plan": "LL"}})
    start = Trainer(local, tmp_path / "local").run().weights
    more = config(
        pictures, init_from=str(start), model={"init": init, "fields": {**fields, "plan": "NL"}}
    )
    before = from_bytes(start.read_bytes()).build()
    after = Trainer(more, tmp_path / "nonlocal").learner.model
    x, level = torch.rand(1, 3, 20, 24), torch.tensor([0.1])
    with torch.inference_mode():
        assert torch.allclose(before(x, level), after(x, level), atol=1e-6)


def test_two_runs_at_once_in_one_folder(pictures: Path, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    one = Trainer(config(pictures), tmp_path / "run")
    other = Trainer(config(pictures), tmp_path / "run")
    with claim(tmp_path / "run"), pytest.raises(ConfigError, match="another process trains in"):
        one.run()
    assert other.run().finished


@pytest.mark.slow
def test_a_dry_run_says_what_it_would_cost(pictures: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(settings(pictures / "not-there-yet")))
    done = subprocess.run(
        [sys.executable, "-m", "rnan", "train", str(recipe), "--dry-run"],
        capture_output=True,
        text=True,
        check=True,
    )
    parameters = sum(p.numel() for p in small_model().parameters())
    assert f"parameters       {parameters:,}\n" in done.stdout
    assert "GFLOP, 4 patches" in done.stdout
    assert "24 steps, 96 patches, about 0." in done.stdout
    assert list(tmp_path.iterdir()) == [recipe] or not (tmp_path / "run").exists()


def test_only_some_pictures(pictures: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("2\n4\n0\nelsewhere\n")  # 0 is kept for validation
    run = config(pictures, data={"only": [str(names)]})
    assert len(Trainer(run, tmp_path / "run").cache) == 2
    names.write_text("elsewhere\n")
    with pytest.raises(ConfigError, match="names no training picture"):
        Trainer(run, tmp_path / "run")


def test_gray_patches_have_no_colours(pictures: Path, tmp_path: Path) -> None:
    run = config(pictures, task="denoise-gray", data={"vivid_share": 0.5})
    with pytest.raises(ConfigError, match="does not go with denoise-gray, which is gray"):
        Trainer(run, tmp_path / "run")


@pytest.mark.slow
def test_started_detached_from_a_bare_tree(pictures: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(settings(pictures, budget={}, log_every=1)))
    script = Path(__file__).parent.parent / "scripts" / "start_training.py"
    command = [sys.executable, str(script), str(recipe), str(tmp_path / "run")]
    started = subprocess.run(
        [*command, "--minutes", "0.03", "seed=4"], capture_output=True, text=True, check=True
    )
    assert "started, process" in started.stdout
    result = tmp_path / "run" / "weights.safetensors"
    deadline = time.monotonic() + 120
    log = tmp_path / "run" / "train.log"
    while str(result) not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    gathered = tmp_path / "gathered"
    again = subprocess.run(
        [*command, "--gather", str(gathered)], capture_output=True, text=True, check=True
    )
    assert "patches/s" in again.stdout
    assert (gathered / "weights.safetensors").read_bytes() == result.read_bytes()
    assert (gathered / "train.log").exists()
    assert yaml.safe_load((gathered / "config.yaml").read_text())["seed"] == 4
