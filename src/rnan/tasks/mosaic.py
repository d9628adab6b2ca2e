"""Demosaicing: colour pictures from Bayer mosaics (Section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnan.degradations import mosaic, noise
from rnan.errors import ConfigError, InputError, OptionRef
from rnan.estimation import Traces
from rnan.estimation.mosaic import in_words, mosaic_pattern
from rnan.options.levels import LevelOptions, MosaicLevel
from rnan.options.mapping import nearest
from rnan.options.restoring import RestoreOptions
from rnan.tasks.condition import Condition
from rnan.tasks.level import Level, LevelLike, sigma
from rnan.tasks.task import Array, Look, Protocol, Restoration, Task

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class MosaicTask(Task):
    """Demosaicing, with or without noise of the sensor."""

    table_levels: tuple[str, ...] = ("grbg",)
    more_levels: tuple[str, ...] = ("grbg-5", "grbg-10")
    asks = MosaicLevel
    level_name = "sigma"
    level_scale = 255.0
    takes = "mosaic"
    padding = "reflect"
    noisy = True
    training_extras = frozenset({"sensor"})

    def level(self, text: str) -> Level:
        """A Bayer pattern, perhaps with σ behind it: ``grbg-5``."""
        pattern, dash, noise_text = text.strip().lower().partition("-")
        pattern = check_pattern(pattern)
        value = sigma(noise_text, text, "a pattern with noise such as grbg-5") if dash else 0.0
        return Level(
            name=f"{pattern}-{value:g}" if value else pattern,
            value=value,
            pattern=pattern,
            arguments={"pattern": pattern, "sigma": value},
        )

    def check_asked(self, asked: LevelOptions, *, takes_level: bool, model: object) -> None:
        """Every network takes every pattern."""

    def check_options(self, options: RestoreOptions) -> None:
        """Mosaics take all options."""

    def estimate(self, plane: NDArray[np.float32], traces: Traces) -> LevelLike:
        """The pattern of a mosaic of three channels."""
        pattern = mosaic_pattern(plane.transpose(1, 2, 0))
        if pattern is None or " " in pattern:
            seen = "looks like no mosaic" if pattern is None else f"may be {in_words(pattern)}"
            raise InputError(f"the picture {seen}: say its pattern with ", OptionRef("pattern"))
        return pattern

    def condition(self, asked: LevelOptions, look: Look) -> Condition:
        """The pattern, and σ of the sensor's noise."""
        assert isinstance(asked, MosaicLevel)
        pattern: Any = asked.pattern
        if pattern == "auto":
            pattern = self.estimate(look.plane, look.traces())
        channel = (
            self._level_channel(asked.sigma, look.plane.shape[-2:]) if look.takes_level else None
        )
        pattern = check_pattern(pattern)
        return Condition(
            level=channel, taken=pattern, estimated=asked.pattern == "auto", pattern=pattern
        )

    def describe(self, condition: Condition) -> str:
        """``GRBG, sigma 0``."""
        sigma = 0.0 if condition.level is None else self.level_scale * float(condition.level[0])
        return f"{condition.pattern.upper()}, sigma {sigma:g}"

    def describe_step(self, level: LevelLike) -> str:
        """``demosaiced from GRBG``."""
        return f"demosaiced from {str(level).upper()}"

    def degrade(self, gt: Array, level: Level, *, name: str, seed: int) -> Array:
        """See :func:`rnan.degradations.mosaic.mosaic`; noise comes first, so that zeros stay."""
        colour = np.repeat(gt, 3, axis=2) if gt.shape[2] == 1 else gt
        if level.value:
            colour = noise.noisy(colour, level.value, name=name, seed=seed)
        return mosaic.mosaic(colour, level.pattern)

    def degrade_batch(self, gt: Tensor, values: Tensor, draws: Tensor, scale: int) -> Tensor:
        from rnan.degradations.batched.mosaic import mosaic_batch
        from rnan.degradations.batched.noise import add_noise

        return mosaic_batch(add_noise(gt, values, draws))

    def given_lq(self, lq: Array, level: Level) -> Array:
        """Zero-filled, where the picture has one sample a pixel."""
        if lq.shape[2] == 3:
            return lq
        return mosaic.mosaic(np.repeat(lq, 3, axis=2), level.pattern)

    def check_pairs(self, *, one_level: bool) -> None:
        """There are none for mosaics."""
        raise ConfigError("demosaic makes its mosaics itself; leave data.lq_folders out")


def check_pattern(pattern: object) -> str:
    """``pattern`` in lower case, if there is such a one."""
    name = pattern.lower() if isinstance(pattern, str) else ""
    if name not in mosaic.PATTERNS:
        raise ConfigError(
            f"unknown Bayer pattern {pattern!r}{nearest(name, mosaic.PATTERNS)}; "
            f"known are {', '.join(mosaic.PATTERNS)}",
            value=pattern,
        )
    return name


DEMOSAIC_TASK = MosaicTask(
    name="demosaic",
    title="demosaicing",
    test_sets=("mcmaster18", "kodak24", "cbsd68", "urban100"),
    protocol=Protocol(name="rgb"),
)
DEMOSAIC = Restoration(name="demosaic", tasks={1: DEMOSAIC_TASK, 3: DEMOSAIC_TASK})
