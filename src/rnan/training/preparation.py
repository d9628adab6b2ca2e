"""What a run begins with, from its settings: pictures, a network and a stream of patches."""

import logging
from pathlib import Path
from typing import Any

import torch

from rnan.errors import ConfigError
from rnan.models import RNAN, RNANConfig, preset
from rnan.models.checkpoints import load_fitting
from rnan.models.initialise import near_identity
from rnan.tasks import Task
from rnan.tasks.level import Level
from rnan.training.cache import PictureCache, Pictures, load_pictures, open_pictures
from rnan.training.config import TrainConfig
from rnan.training.sampler import Levels, Part, PatchSampler
from rnan.training.sources import check_pairs, open_folder
from rnan.weights import registry

_log = logging.getLogger(__name__)


def check_suits(config: TrainConfig, task: Task) -> None:
    """Refuse settings that do not go with a task."""
    data = config.data
    levels_of(config, task)  # refuses a level that the task does not spell
    if data.patch_size % task.patch_multiple:
        raise ConfigError(
            f"data.patch_size must be a multiple of {task.patch_multiple} for {task.name}"
        )
    if data.vivid_share and task.channels != 3:
        raise ConfigError(f"data.vivid_share does not go with {task.name}, which is gray")
    if data.jpeg_share and "jpeg_share" not in task.training_extras:
        raise ConfigError(f"data.jpeg_share is for denoising, not for {task.name}")
    if data.jpeg_share and data.patch_size % 16:
        raise ConfigError("data.patch_size must be a multiple of 16 with data.jpeg_share")
    if data.camera and "camera" not in task.training_extras:
        raise ConfigError(f"data.camera is for denoise-camera, not for {task.name}")
    if data.sensor and "sensor" not in task.training_extras:
        raise ConfigError(f"data.sensor is for demosaicing, not for {task.name}")
    if data.lq_folders:
        check_pairs(task, shape_of(config, task).scales, one_level=config.level.at is not None)


def levels_of(config: TrainConfig, task: Task) -> list[Level]:
    """The levels that a run is measured at: those of the task's table, or the only one."""
    at = config.level.at
    if at is None:
        return [task.level(name) for name in task.table_levels]
    return [task.level(at if isinstance(at, str) else f"{at:g}")]


def shape_of(config: TrainConfig, task: Task) -> RNANConfig:
    """The network that a run trains: preset, what the task needs, what the recipe changes."""
    section = config.model
    needed: dict[str, Any] = {"channels_in": task.channels, "channels_out": task.channels}
    if task.scales != (1,):
        alone = config.level.at is not None
        needed["scales"] = (levels_of(config, task)[0].scale,) if alone else task.scales
    return preset(section.preset, **{**needed, **section.fields})


def training_pictures(
    config: TrainConfig, task: Task, shape: RNANConfig, device: torch.device, folder: Path
) -> Pictures:
    """The pictures of the folders, or those that were prepared.

    Args:
        config: Says which.
        task: What is trained.
        shape: Of the network: the largest scale says how large a patch is.
        device: That they may stay on.
        folder: Of the run.

    Raises:
        ConfigError: They do not suit the settings.
        InputError: A folder cannot be read.
        ResourceError: The disk is full.
    """
    data = config.data
    scale = max(shape.scales)
    if data.prepared is not None:
        side = data.patch_size * scale
        return open_pictures(data.prepared, task=task, side=side, halved=data.halved)
    nothing = (None,) * len(data.folders)
    return load_pictures(
        [
            open_folder(one, only=only, lq_folder=lq_folder)
            for one, only, lq_folder in zip(
                data.folders, data.only or nothing, data.lq_folders or nothing, strict=True
            )
        ],
        task=task,
        scale=scale,
        patch_size=data.patch_size,
        halved=data.halved,
        device=device,
        memory=data.memory,
        folder=data.cache or folder / "cache",
    )


def new_model(config: TrainConfig, shape: RNANConfig) -> RNAN:
    """A network as it is before training; the seed says which."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = RNAN(shape)
    if config.model.init == "near-identity":
        near_identity(model, branch_scale=config.model.branch_scale)
    return model


def starting_model(
    config: TrainConfig, task: Task, shape: RNANConfig, *, going_on: bool
) -> tuple[RNAN, list[dict[str, Any]]]:
    """The network that the first step changes, and the stretches that its weights went through.

    Args:
        config: Says where it starts from.
        task: What is trained.
        shape: Of the network.
        going_on: Whether a checkpoint of the run takes the place of ``init_from``.

    Raises:
        WeightsError: ``init_from`` cannot be read.
        ConfigError: ``init_without`` names nothing in it.
    """
    model = new_model(config, shape)
    if config.init_from is None or going_on:
        return model, []
    start = registry.load(config.init_from)
    for prefix in config.init_without:
        if not any(name.startswith(prefix) for name in start.state):
            raise ConfigError(f"init_without: no tensor of {config.init_from} begins with {prefix}")
    kept = {
        name: tensor
        for name, tensor in start.state.items()
        if not name.startswith(config.init_without)
    }
    for line in load_fitting(model, kept):
        _log.warning("init_from: %s", line)
    its_task = start.info.get("task", task.name)
    if its_task != task.name:
        _log.warning("init_from: these weights are of %s", its_task)
    return model, list(start.info.get("training", []))


def patch_sampler(
    config: TrainConfig,
    task: Task,
    shape: RNANConfig,
    cache: PictureCache,
    device: torch.device,
    part: Part,
) -> PatchSampler:
    """The stream of patches.

    Args:
        config: Says how they are drawn.
        task: How they are degraded.
        shape: Of the network, which has the scales.
        cache: Where they are cut.
        device: That they go to.
        part: Which of them this process cuts.
    """
    rule, data = config.level, config.data
    low, high = task.level_range
    if rule.at is not None:
        low = high = levels_of(config, task)[0].value
    return PatchSampler(
        cache,
        patch_size=data.patch_size,
        batch_size=data.batch_size,
        levels=Levels(
            low=task.check_level(low if rule.low is None else rule.low),
            high=task.check_level(high if rule.high is None else rule.high),
            small_share=0.0 if rule.at is not None else rule.small_share,
            small=rule.small,
            whole=task.whole_levels,
        ),
        seed=config.seed,
        device=device,
        scales=shape.scales,
        margin=0 if data.lq_folders else task.margin,
        noise=task.noisy,
        vivid_share=data.vivid_share,
        grating_share=data.grating_share,
        jpeg_share=data.jpeg_share,
        multiple=task.patch_multiple,
        part=part,
    )
