"""Denoising of photographs: noise that a camera has processed and saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from rnan.errors import ConfigError, OptionRef
from rnan.estimation import Traces
from rnan.tasks.condition import Condition
from rnan.tasks.level import Level, LevelLike
from rnan.tasks.noise import NoiseCondition, NoiseTask
from rnan.tasks.task import Array, Protocol, Task

if TYPE_CHECKING:
    from torch import Tensor

PHOTON = {"weak": 5e-4, "medium": 2.5e-3, "strong": 1.2e-2}
"""Photon noise of the synthetic cameras by level: variance for each unit of light, white being
1."""
_NONE = 0.5
"""Level that parts of a picture without noise are given as, since 0 stands for not known."""


@dataclass(frozen=True, kw_only=True)
class CameraCondition(NoiseCondition):
    """A condition whose level is the noise of all channels together, gray or not."""

    def for_equal_planes(self, highest: float) -> Self:
        """The network was trained on gray photographs too."""
        return self


@dataclass(frozen=True, kw_only=True)
class CameraTask(NoiseTask):
    """The level is the standard deviation that the noise has in the photograph as it was saved."""

    table_levels: tuple[str, ...] = tuple(PHOTON)
    more_levels: tuple[str, ...] = ()
    conditions = CameraCondition
    training_extras = frozenset({"camera"})
    done = "camera noise removed at sigma"

    def level(self, text: str) -> Level:
        """``weak``, ``medium`` or ``strong`` noise of synthetic cameras."""
        word = text.strip().lower()
        if word not in PHOTON:
            raise ConfigError(f"{text!r} is no level; expected {', '.join(PHOTON)}")
        return Level(name=word, arguments={"sigma": "auto"})

    def nearest_known(self, level: Level) -> Level:
        """Nobody knows it: it is estimated."""
        return level

    def suits(self, traces: Traces) -> bool:
        """Where the noise of a camera is seen."""
        return traces.camera_sigma > 0.0

    def estimate(self, plane: NDArray[np.float32], traces: Traces) -> LevelLike:
        """The standard deviation, or a map of it where a part of the picture is no photograph."""
        sigma = traces.of_camera
        _, high = self.level_range
        if isinstance(sigma, float):
            return min(max(sigma, _NONE), high)
        return sigma.clip(_NONE, high)

    def describe(self, condition: Condition) -> str:
        """``camera noise, sigma 4.5 estimated``."""
        return f"camera noise, {super().describe(condition)}"

    def degrade(self, gt: Array, level: Level, *, name: str, seed: int) -> Array:
        """What a camera of its own makes of the picture."""
        from rnan.degradations.batched import camera

        return camera.photographed(gt, PHOTON[level.name], name=name, seed=seed)

    def degrade_batch(self, gt: Tensor, values: Tensor, draws: Tensor, scale: int) -> Tensor:
        """Photographs are taken by the trainer, with ``data.camera``."""
        raise ConfigError("denoise-camera is trained with data.camera")


@dataclass(frozen=True, kw_only=True)
class PhotographTask(NoiseTask):
    """Photographs and their truths, which cameras took: only measured, with given inputs."""

    table_levels: tuple[str, ...] = ("given",)
    more_levels: tuple[str, ...] = ()
    networks = "denoise"
    default_models = (
        *("none", "classical:nlm", "classical:wavelet"),
        *("denoise-color", "denoise-camera"),
    )
    tried_levels = ("1", "2", "3", "4", "5", "6", "8", "10", "12", "15")
    untold = ("denoise-camera",)

    def level(self, text: str) -> Level:
        """``given``, where noise is estimated, or a σ that methods are told."""
        if text.strip().lower() == "given":
            return Level(name="given", arguments={"sigma": "auto"})
        return super().level(text)

    def takes_networks_of(self, other: Task) -> bool:
        """Whether they take away noise."""
        return isinstance(other, NoiseTask)

    def degrade(self, gt: Array, level: Level, *, name: str, seed: int) -> Array:
        """Nothing is degraded."""
        raise ConfigError("photographs of cameras are given with ", OptionRef("lq"))


CAMERA = CameraTask(
    name="denoise-camera",
    title="denoising photographs",
    test_sets=(),
    protocol=Protocol(name="rgb"),
)
PHOTOGRAPHS = PhotographTask(
    name="camera", title="photographs", test_sets=("camera16",), protocol=Protocol(name="rgb")
)
