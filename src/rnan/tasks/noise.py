"""Denoising: white Gaussian noise (Section 4.2)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from rnan.degradations import noise
from rnan.estimation import Traces
from rnan.options.levels import NoiseLevel
from rnan.tasks.condition import Condition
from rnan.tasks.level import Level, LevelLike, sigma
from rnan.tasks.task import Array, Protocol, Task

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class NoiseCondition(Condition):
    """A condition whose level is the picture's own noise."""

    @property
    def noise(self) -> float:
        return 0.0 if self.level is None else float(self.level.max())

    def exposed(self, span: float) -> Self:
        """Noise is divided with the picture."""
        return self if self.level is None else replace(self, level=self.level / np.float32(span))

    def for_equal_planes(self, highest: float) -> Self:
        """Equal noise in three planes is as bright as independent noise that is √3 as strong."""
        if self.level is None:
            return self
        stronger = np.minimum(np.float32(math.sqrt(3.0)) * self.level, np.float32(highest))
        return replace(self, level=stronger)


@dataclass(frozen=True, kw_only=True)
class NoiseTask(Task):
    """Denoising, in colour or gray."""

    table_levels: tuple[str, ...] = ("10", "30", "50", "70")
    more_levels: tuple[str, ...] = ("15", "25")
    asks = NoiseLevel
    level_name = "sigma"
    level_scale = 255.0
    padding = "reflect"
    conditions = NoiseCondition
    done = "denoised at sigma"
    digits = 1
    noisy = True
    training_extras = frozenset({"jpeg_share"})

    def level(self, text: str) -> Level:
        """A number: σ on the 0-255 scale."""
        value = sigma(text.strip(), text, "a sigma")
        return Level(name=f"{value:g}", value=value, arguments={"sigma": value})

    def estimate(self, plane: NDArray[np.float32], traces: Traces) -> LevelLike:
        """σ, or a map of it where it depends on the brightness."""
        low, high = self.level_range
        noise_level = traces.noise
        return (
            min(max(noise_level, low), high)
            if isinstance(noise_level, float)
            else noise_level.clip(low, high)
        )

    def scaled(self, level: LevelLike, noise_scale: float) -> LevelLike:
        """As strong as somebody wants it to be."""
        if noise_scale == 1.0 or isinstance(level, str):
            return level
        scaled = np.minimum(math.sqrt(noise_scale) * np.asarray(level), self.level_range[1])
        return float(scaled) if scaled.ndim == 0 else scaled.astype(np.float32)

    def degrade(self, gt: Array, level: Level, *, name: str, seed: int) -> Array:
        return noise.noisy(gt, level.value, name=name, seed=seed)

    def degrade_batch(self, gt: Tensor, values: Tensor, draws: Tensor, scale: int) -> Tensor:
        from rnan.degradations.batched.noise import add_noise

        return add_noise(gt, values, draws)


COLOUR = NoiseTask(
    name="denoise-color",
    title="colour denoising",
    test_sets=("kodak24", "cbsd68", "urban100"),
    protocol=Protocol(name="rgb"),
)
GRAY = NoiseTask(
    name="denoise-gray",
    title="gray denoising",
    test_sets=("kodak24", "bsd68", "urban100"),
    plane="gray",
    protocol=Protocol(name="gray"),
)
