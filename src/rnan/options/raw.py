"""How camera raw is read and developed."""

from dataclasses import dataclass
from typing import Any, Literal

from rnan.errors import ConfigError
from rnan.options.option import check, option

RAW_RESTORATIONS = ("auto", "denoise", "demosaic")
"""What takes camera raw."""

Rendering = Literal["srgb", "neutral", "linear"]


def parse_noise(text: str) -> tuple[float, float]:
    """``A,B``: variance of the noise for each unit of signal, and in the dark.

    Raises:
        ConfigError: It is not two numbers from 0 to 1.
    """
    try:
        photon, reading = (float(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(f"two numbers such as 4e-4,4e-6, or auto, got {text!r}") from None
    if not (0.0 <= photon <= 1.0 and 0.0 <= reading <= 1.0):  # nan neither
        raise ConfigError(f"variances lie between 0 and 1 of white, got {text}")
    return photon, reading


@dataclass(frozen=True, kw_only=True)
class RawOptions:
    """How camera raw is read and developed.

    Raises:
        ConfigError: A value is out of range.
    """

    noise: Literal["auto"] | Any = option(
        "auto",
        "Noise of the sensor as A,B: a sample x between black (0) and white (1) has noise of "
        "variance A x + B; 0,0 is none. auto takes what the file says, or measures it.",
        group="raw",
        only=RAW_RESTORATIONS,
        parse=parse_noise,
        kind=str,
    )
    rendering: Rendering = option(
        "srgb",
        "srgb as measured, neutral with a tone curve as cameras have it, or linear light in the "
        "wide colours of Rec. 2020, to go on with in an editor. Not for DNG, which stays raw.",
        group="raw",
        only=RAW_RESTORATIONS,
    )
    full: bool = option(
        False,
        "All of the sensor's picture, not only what the maker of the camera shows of it.",
        group="raw",
        only=RAW_RESTORATIONS,
    )

    def __post_init__(self) -> None:
        check(self)
