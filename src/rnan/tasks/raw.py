"""Camera raw with noise that is known: measured, and restored by the networks for mosaics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnan.degradations import sensor
from rnan.errors import ConfigError
from rnan.options.levels import MosaicLevel
from rnan.tasks.level import Level
from rnan.tasks.task import Array, Protocol, Task

if TYPE_CHECKING:
    from torch import Tensor

NOISE = {
    "iso100": (2e-5, 1e-7),
    "iso1600": (4e-4, 4e-6),
    "iso6400": (1.6e-3, 4e-5),
    "iso25600": (6.4e-3, 5e-4),
    "iso51200": (1.28e-2, 1.8e-3),
}
"""Photon and reading noise of the levels, about those of a full-frame camera at these ISOs."""


@dataclass(frozen=True, kw_only=True)
class RawTask(Task):
    """A sensor of RGGB whose colours are those of sRGB behind a white balance."""

    table_levels: tuple[str, ...] = tuple(NOISE)
    asks = MosaicLevel
    takes = "mosaic"
    noisy = True
    networks = "demosaic"
    default_models = ("demosaic-raw",)

    def level(self, text: str) -> Level:
        """``iso6400``, or photon and reading noise themselves: ``1.6e-3/4e-5``."""
        word = text.strip().lower()
        if word in NOISE:
            return Level(name=word, pattern="rggb", arguments={"noise": NOISE[word]})
        try:
            photon, reading = (float(one) for one in word.split("/"))
        except ValueError:
            known = ", ".join(NOISE)
            raise ConfigError(
                f"{text!r} is no level; expected {known}, or two numbers such as 1.6e-3/4e-5"
            ) from None
        if not (0.0 <= photon <= 1.0 and 0.0 <= reading <= 1.0):
            raise ConfigError(f"variances lie between 0 and 1 of white, got {text}")
        return Level(name=word, pattern="rggb", arguments={"noise": (photon, reading)})

    def degrade(self, gt: Array, level: Level, *, name: str, seed: int) -> Array:
        """See :func:`rnan.degradations.sensor.sensed`: zero-filled, linear, 255 at white."""
        photon, reading = level.arguments["noise"]
        return sensor.sensed(gt, photon, reading, pattern=level.pattern, name=name, seed=seed)

    def degrade_batch(self, gt: Tensor, values: Tensor, draws: Tensor, scale: int) -> Tensor:
        """Networks are trained for it as demosaic, with ``data.sensor``."""
        raise ConfigError("raw is trained as demosaic with data.sensor")


RAW = RawTask(
    name="raw",
    title="camera raw",
    test_sets=("kodak24", "mcmaster18"),
    protocol=Protocol(name="rgb, border of 8", crop_border=8),
)
