"""The tasks, as one table that everything else reads.

Adding a task is one entry here, one degradation and one recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rnan.degradations import jpeg, mosaic, noise, resize
from rnan.errors import ConfigError
from rnan.images.colour import to_gray, to_luma
from rnan.levels import Kind, Level, parse_level
from rnan.metrics import Protocol
from rnan.settings import nearest

Array = NDArray[np.float64]

Plane = Literal["rgb", "gray", "luma"]
"""What of a picture is restored; gray and luma are one channel."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a task is: how pictures get worse, how bad they get, how the result is measured."""

    name: str
    """Name of the task and of its bundled network."""

    title: str
    """In a few words, for people."""

    plane: Plane = "rgb"
    """What of a picture is restored."""

    kind: Kind
    """What the level is."""

    level_range: tuple[float, float] = (0.0, 0.0)
    """Values of the level that the bundled network covers (σ, quality)."""

    level_scale: float = 1.0
    """The network is told the value over this."""

    table_levels: tuple[str, ...]
    """Levels of the paper's table, as ``published.csv`` spells them."""

    more_levels: tuple[str, ...] = ()
    """Levels that are reported beside those of the table."""

    test_sets: tuple[str, ...]
    """The paper's test sets, by the names of their folders."""

    scales: tuple[int, ...] = (1,)
    """Enlargements."""

    margin: int = 0
    """LQ pixels around a training patch that its degradation reaches for."""

    patch_multiple: int = 2
    """What the side of a training patch must be a multiple of."""

    beyond: Literal["reflect", "replicate"] | None = None
    """How a picture goes on below and to the right where its sides do not suit the network: noise
    and mosaics as in a mirror, JPEG as its encoder does it. Enlargement is best left as it is."""

    protocol: Protocol
    """How results are measured."""

    degrade: Callable[..., Array]
    """For measurements: ``(gt, level, *, name, seed)``, whole numbers ``(H, W, C)`` on the 0-255
    scale to the LQ picture; repeatable by the picture's name, the level and the seed."""

    degrade_batch: Callable[[Tensor, Tensor, Tensor, int], Tensor]
    """For training: ``(gt, values, draws, scale)`` to ``lq``; batches ``(B, C, H, W)`` in [0, 1] on
    any device, values of the level ``(B,)``, standard normal draws shaped like ``gt`` (empty where
    the task is not :attr:`noisy`)."""

    @property
    def channels(self) -> int:
        """Channels of the restored pictures."""
        return 3 if self.plane == "rgb" else 1

    @property
    def noisy(self) -> bool:
        """Whether the degradation draws noise."""
        return self.kind in ("sigma", "pattern")

    @property
    def level_name(self) -> str:
        """What the number is that the network is told, for messages."""
        return "quality" if self.kind == "quality" else "sigma"

    def level(self, text: str) -> Level:
        """The level that a word spells.

        Raises:
            ConfigError: It spells none of this task.
        """
        return parse_level(self.kind, text)

    def check_level(self, value: float) -> float:
        """``value`` itself, if the bundled network covers it.

        Raises:
            ConfigError: It lies outside :attr:`level_range` or is not a number.
        """
        low, high = self.level_range
        if not low <= value <= high:
            raise ConfigError(
                f"{self.level_name} must lie between {low:g} and {high:g}, got {value:g}"
            )
        return float(value)

    def nearest_known(self, level: Level) -> Level:
        """``level``, or the nearest to it that the bundled network covers."""
        low, high = self.level_range
        return replace(level, value=min(max(level.value, low), high))

    def reference(self, picture: NDArray[Any]) -> Array:
        """The reference that a clean picture gives.

        Args:
            picture: ``(H, W, 1)`` or ``(H, W, 3)`` on the 0-255 scale.

        Returns:
            Whole numbers ``(H, W, C)`` from 0 to 255; gray stays one plane in a colour task.
        """
        values = picture.astype(np.float64)
        if self.plane == "gray":
            values = to_gray(values)
        elif self.plane == "luma":
            values = to_luma(values)
        return np.clip(np.floor(values + 0.5), 0.0, 255.0)


def _noise(gt: Array, level: Level, *, name: str, seed: int) -> Array:
    return noise.noisy(gt, level.value, name=name, seed=seed)


def _noise_batch(gt: Tensor, sigma: Tensor, draws: Tensor, scale: int) -> Tensor:
    return noise.add_noise(gt, sigma, draws)


def _mosaic(gt: Array, level: Level, *, name: str, seed: int) -> Array:
    colour = np.repeat(gt, 3, axis=2) if gt.shape[2] == 1 else gt
    if level.value:
        # Before the mosaic, so that the zeros between the samples stay zeros.
        colour = noise.noisy(colour, level.value, name=name, seed=seed)
    return mosaic.mosaic(colour, level.pattern)


def _mosaic_batch(gt: Tensor, sigma: Tensor, draws: Tensor, scale: int) -> Tensor:
    return mosaic.mosaic_batch(noise.add_noise(gt, sigma, draws))


def _jpeg(gt: Array, level: Level, *, name: str, seed: int) -> Array:
    return jpeg.compress(gt, level.value)


def _jpeg_batch(gt: Tensor, quality: Tensor, draws: Tensor, scale: int) -> Tensor:
    return jpeg.compress_batch(gt, quality)


def _downscale(gt: Array, level: Level, *, name: str, seed: int) -> Array:
    return resize.downscale(gt, level.scale)


def _downscale_batch(gt: Tensor, values: Tensor, draws: Tensor, scale: int) -> Tensor:
    return resize.downscale_batch(gt, scale)


_DENOISE: dict[str, Any] = {
    "kind": "sigma",
    "level_range": (0.0, 75.0),
    "level_scale": 255.0,
    "beyond": "reflect",
    "table_levels": ("10", "30", "50", "70"),
    "more_levels": ("15", "25"),
    "degrade": _noise,
    "degrade_batch": _noise_batch,
}
_JPEG: dict[str, Any] = {
    "kind": "quality",
    "level_range": (1.0, 100.0),
    "level_scale": 100.0,
    "beyond": "replicate",
    "table_levels": ("10", "20", "30", "40"),
    "degrade": _jpeg,
    "degrade_batch": _jpeg_batch,
}

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="denoise-color",
            title="colour denoising",
            test_sets=("kodak24", "cbsd68", "urban100"),
            protocol=Protocol(name="rgb"),
            **_DENOISE,
        ),
        Task(
            name="denoise-gray",
            title="gray denoising",
            test_sets=("kodak24", "bsd68", "urban100"),
            plane="gray",
            protocol=Protocol(name="gray"),
            **_DENOISE,
        ),
        Task(
            name="demosaic",
            title="demosaicing",
            test_sets=("mcmaster18", "kodak24", "cbsd68", "urban100"),
            kind="pattern",
            level_range=(0.0, 15.0),
            level_scale=255.0,
            beyond="reflect",
            table_levels=("grbg",),
            more_levels=("grbg-5", "grbg-10"),
            protocol=Protocol(name="rgb"),
            degrade=_mosaic,
            degrade_batch=_mosaic_batch,
        ),
        Task(
            name="dejpeg",
            title="JPEG repair, gray and luma",
            test_sets=("classic5", "live1"),
            plane="luma",
            patch_multiple=8,
            protocol=Protocol(name="luma"),
            **_JPEG,
        ),
        Task(
            name="dejpeg-color",
            title="JPEG repair, colour",
            test_sets=("kodak24",),
            patch_multiple=16,
            protocol=Protocol(name="rgb"),
            **_JPEG,
        ),
        Task(
            name="super-resolution",
            title="super-resolution",
            test_sets=("set5", "set14", "b100", "urban100", "manga109"),
            kind="scale",
            table_levels=("x2", "x3", "x4"),
            scales=(2, 3, 4),
            margin=4,
            protocol=Protocol(name="luma, border cut", luma=True, crop_border=1),
            degrade=_downscale,
            degrade_batch=_downscale_batch,
        ),
    )
}


RESTORATIONS: dict[str, dict[int, str]] = {
    "denoise": {1: "denoise-gray", 3: "denoise-color"},
    "dejpeg": {1: "dejpeg", 3: "dejpeg-color"},
    "demosaic": {1: "demosaic", 3: "demosaic"},
    "upscale": {1: "super-resolution", 3: "super-resolution"},
}
"""What people ask for, and the task that it is for a picture of so many channels."""


def restoration_of(task: Task) -> str:
    """What people ask for where a task is meant; nothing for tasks of others."""
    return next((name for name, by in RESTORATIONS.items() if task.name in by.values()), "")


def get_task(name: str) -> Task:
    """The task of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in TASKS:
        raise ConfigError(
            f"unknown task {name}{nearest(name, TASKS)}; known are {', '.join(TASKS)}"
        )
    return TASKS[name]
