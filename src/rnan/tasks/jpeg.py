"""Repair of JPEG compression (Section 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnan.degradations import jpeg
from rnan.errors import ConfigError
from rnan.estimation import Traces
from rnan.options.levels import JpegLevel, LevelOptions
from rnan.tasks.condition import Condition
from rnan.tasks.level import Level, LevelLike, number
from rnan.tasks.task import Array, Look, Protocol, Restoration, Task

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class JpegTask(Task):
    """JPEG repair, of luma or colour."""

    table_levels: tuple[str, ...] = ("10", "20", "30", "40")
    asks = JpegLevel
    level_name = "quality"
    level_scale = 100.0
    padding = "edge"
    whole_levels = True
    done = "repaired from quality"
    how_estimated = "found"

    def level(self, text: str) -> Level:
        """A whole number from 1 to 100: libjpeg's quality."""
        value = number(text.strip(), text, "a quality")
        if not (1 <= value <= 100 and value == int(value)):
            raise ConfigError(f"quality must be a whole number from 1 to 100, got {value:g}")
        return Level(name=f"{value:g}", value=value, arguments={"quality": value})

    def estimate(self, plane: NDArray[np.float32], traces: Traces) -> LevelLike:
        """The quality, in the file or read off the pixels."""
        return traces.quality

    def condition(self, asked: LevelOptions, look: Look) -> Condition:
        """The grid of the blocks is looked for in any case."""
        return replace(super().condition(asked, look), grid=look.traces().grid)

    def degrade(self, gt: Array, level: Level, *, name: str, seed: int) -> Array:
        return jpeg.compress(gt, level.value)

    def degrade_batch(self, gt: Tensor, values: Tensor, draws: Tensor, scale: int) -> Tensor:
        from rnan.degradations.batched.jpeg import compress_batch

        return compress_batch(gt, values)

    def degraded_file(self, gt: NDArray[np.uint8], level: Level) -> bytes | None:
        """The very file of that quality."""
        return jpeg.encode(gt, int(level.value))


LUMA = JpegTask(
    name="dejpeg",
    title="JPEG repair, gray and luma",
    test_sets=("classic5", "live1"),
    plane="luma",
    patch_multiple=8,
    protocol=Protocol(name="luma"),
)
COLOUR = JpegTask(
    name="dejpeg-color",
    title="JPEG repair, colour",
    test_sets=("kodak24",),
    patch_multiple=16,
    protocol=Protocol(name="rgb"),
)
DEJPEG = Restoration(name="dejpeg", tasks={1: LUMA, 3: COLOUR})
