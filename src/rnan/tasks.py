"""The tasks, as one table that everything else reads.

Adding a task is one entry here, one degradation and one recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rnan.degradations import noise
from rnan.errors import ConfigError
from rnan.metrics import Protocol
from rnan.settings import nearest


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a task is: how pictures get worse, how bad they get, how the result is measured."""

    name: str
    """Name of the task and of its bundled network."""

    title: str
    """In a few words, for people."""

    channels: int
    """Channels of the pictures."""

    level_name: str
    """What the level is, for messages."""

    level_range: tuple[float, float]
    """Levels the bundled network covers."""

    level_scale: float
    """The network is told level / level_scale."""

    table_levels: tuple[str, ...]
    """Levels of the paper's table, as ``published.csv`` spells them."""

    protocol: Protocol
    """How results are measured."""

    degrade: Callable[..., NDArray[np.float64]]
    """For measurements: ``(gt, level, *, name, seed)``, a picture ``(H, W, C)`` on the 0-255 scale;
    repeatable by the picture's name, the level and the seed."""

    degrade_batch: Callable[[Tensor, Tensor, Tensor], Tensor]
    """For training: ``(gt, levels, draws)`` to ``lq``; batches ``(B, C, H, W)`` in [0, 1] on any
    device, levels ``(B,)``, standard normal draws shaped like ``gt``."""

    def check_level(self, level: float) -> float:
        """``level`` itself, if it can be.

        Raises:
            ConfigError: It lies outside :attr:`level_range` or is not a number.
        """
        low, high = self.level_range
        if not low <= level <= high:
            raise ConfigError(
                f"{self.level_name} must lie between {low:g} and {high:g}, got {level:g}"
            )
        return float(level)


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="denoise-color",
            title="colour denoising",
            channels=3,
            level_name="sigma",
            level_range=(0.0, 75.0),
            level_scale=255.0,
            table_levels=("10", "30", "50", "70"),
            protocol=Protocol(name="rgb"),
            degrade=noise.noisy,
            degrade_batch=noise.add_noise,
        ),
    )
}


def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in TASKS:
        raise ConfigError(f"unknown task {name}{nearest(name, TASKS)}")
    return TASKS[name]
