"""Every recipe that is shipped can be read, describes the experiment it names, and runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import photo
from rnan.images import Picture, write
from rnan.models import PRESETS
from rnan.tasks import TASKS, get_task
from rnan.training.config import TrainConfig
from rnan.training.preparation import levels_of, shape_of
from rnan.training.recipe import load_config
from rnan.training.trainer import Trainer

ROOT = Path(__file__).parent.parent
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
PAPER = [path for path in RECIPES if path.stem.startswith("paper-")]


def load(path: Path, *overrides: str) -> TrainConfig:
    config = load_config(path, overrides)
    task = get_task(config.task)
    shape_of(config, task)
    assert levels_of(config, task)
    return config


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_valid(path: Path) -> None:
    load(path)


def test_each_bundled_network_has_its_recipe() -> None:
    for task in TASKS.values():
        config = load(ROOT / "recipes" / f"{task.name}.yaml")
        assert config.task == task.name
        assert shape_of(config, task).plan == PRESETS["compact"].plan


def test_the_papers_experiments() -> None:
    tasks = {load(path).task: path for path in PAPER}
    assert tasks.keys() == TASKS.keys() - {"dejpeg-color", "denoise-camera"}
    for name, path in tasks.items():
        task = get_task(name)
        for level in task.table_levels:
            config = load(path, f"level.at={level}", "data.folders=[DIV2K]", "data.only=[]")
            (only,) = levels_of(config, task)
            assert only.name == level
            shape = shape_of(config, task)
            assert (shape.plan, shape.level_channel) == ("NLLLLLLLLN", False)
            assert shape.scales == (only.scale,)
            assert (config.data.batch_size, config.data.patch_size) == (16, 48)
            optimizer = config.optimizer
            assert (optimizer.name, optimizer.betas) == ("adam", (0.9, 0.999))
            assert (optimizer.learning_rate, optimizer.eps) == (1e-4, 1e-8)
            # Halved every 2·10⁵ steps.
            assert config.budget.steps == 200_000 * config.schedule.halvings


@pytest.mark.parametrize("case", range(1, 9))
def test_the_ablation(case: int) -> None:
    path = ROOT / "recipes" / "ablation.yaml"
    config = load(path, f"model.preset=ablation-{case}", "model.fields.keep_input=false")
    shape = shape_of(config, get_task(config.task))
    assert shape.plan == PRESETS[f"ablation-{case}"].plan
    assert not shape.keep_input


def test_the_queue_names_recipes_that_can_be_read() -> None:
    queue = (ROOT / "docs" / "lab" / "training-queue.md").read_text(encoding="utf-8")
    commands = re.findall(r"rnan train (recipes/\S+) -o \S+ ([^`]*)`", queue)
    assert len(commands) >= len(TASKS)
    for recipe, overrides in commands:
        words = re.findall(r'(?:"[^"]*"|\S)+', overrides)
        load(ROOT / recipe, *(word.strip('"') for word in words))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_run(path: Path, tmp_path: Path) -> None:
    """A few steps on small pictures with a narrow network."""
    folder = tmp_path / "pictures"
    for number in range(3):
        write(Picture(pixels=photo(200, 216, seed=number)), folder / f"{number}.png")
    fields = "{features: 8, inner: 4}"
    config = load(
        path,
        f"model.fields={fields}",
        f"data.folders=[{folder}]",
        "data.only=[]",
        "data.batch_size=2",
        "budget={steps: 2}",
        "init_from=null",
        "validation.crop=64",
        "validation.pictures=1",
        "validation.whole_at_end=false",
    )
    assert Trainer(config, tmp_path / "run").run().step == 2
