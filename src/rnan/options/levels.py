"""How much is restored: one dataclass for each restoration, whose first option is the level."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from rnan.options.option import option

Pattern = Literal["auto", "grbg", "rggb", "bggr", "gbrg"]
"""A Bayer pattern, named by the colours of its first two rows."""


@dataclass(frozen=True, kw_only=True)
class LevelOptions:
    """What can be asked for beside the picture, for one restoration."""

    name: ClassVar[str] = ""
    """The option that is the level: what ``level=`` stands for in Python."""

    @property
    def is_estimated(self) -> bool:
        """Whether the level is left to the program."""
        level = getattr(self, self.name, None)
        return isinstance(level, str) and level == "auto"

    @property
    def enlargement(self) -> float:
        """How many times wider and higher the result is to be."""
        return 1.0


@dataclass(frozen=True, kw_only=True)
class NoiseLevel(LevelOptions):
    """The level of denoising."""

    name = "sigma"
    sigma: float | Literal["auto"] | Any = option(
        "auto",
        "Standard deviation of the noise on the 0-255 scale, 0 to 75; auto estimates it.",
        low=0.0,
        high=75.0,
        unit="of 255",
        kind=float,
        takes_map=True,
    )


@dataclass(frozen=True, kw_only=True)
class JpegLevel(LevelOptions):
    """The level of JPEG repair."""

    name = "quality"
    quality: float | Literal["auto"] | Any = option(
        "auto",
        "Quality that the picture was saved with, 1 to 100; auto reads it in the file, or "
        "estimates it from the pixels where the file is no JPEG any more.",
        low=1.0,
        high=100.0,
        kind=float,
        takes_map=True,
    )


@dataclass(frozen=True, kw_only=True)
class MosaicLevel(LevelOptions):
    """The pattern of a mosaic, and its noise."""

    name = "pattern"
    pattern: Pattern = option(
        "auto",
        "Colours of the first two rows, from the upper left corner; auto reads it in camera raw, "
        "or off a mosaic of three channels.",
    )
    sigma: float = option(
        0.0,
        "Standard deviation of the sensor's noise on the 0-255 scale, 0 to 15.",
        low=0.0,
        high=15.0,
        unit="of 255",
    )
    strict: bool = option(False, "Refuse camera raw of sensors that are not of the Bayer kind.")


@dataclass(frozen=True, kw_only=True)
class ScaleLevel(LevelOptions):
    """The level of enlargement."""

    name = "scale"
    scale: float | Any = option(
        2.0,
        "How many times wider and higher, 1.1 to 4. Between 2, 3 and 4 the next larger of them is "
        "restored and made smaller.",
        low=1.1,
        high=4.0,
        unit="times",
        kind=float,
    )

    @property
    def enlargement(self) -> float:
        """As asked for."""
        return float(self.scale)


@dataclass(frozen=True, kw_only=True)
class NoLevel(LevelOptions):
    """No level: ``auto`` finds them by itself."""


LEVELS: dict[str, type[LevelOptions]] = {
    "auto": NoLevel,
    "denoise": NoiseLevel,
    "dejpeg": JpegLevel,
    "demosaic": MosaicLevel,
    "upscale": ScaleLevel,
}
"""By restoration."""
