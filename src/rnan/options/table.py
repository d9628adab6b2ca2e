"""What can be asked for beside the picture: one table for the command line, the API and the page.

Only plain Python: ``rnan --help`` reads it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option."""

    name: str
    """In Python; on the command line with hyphens."""
    kind: type
    """``str``, ``int``, ``float`` or ``bool``."""
    help: str
    default: Any = None
    choices: tuple[str, ...] = ()
    low: float = -math.inf
    high: float = math.inf
    """Of a number."""
    unset: str = ""
    """What holds where nothing is said, in words, where there is no default."""
    show_default: bool = True

    @property
    def flag(self) -> str:
        """As it is typed."""
        return f"--{self.name.replace('_', '-')}"


SIGMA = Option(
    name="sigma",
    kind=str,
    default="auto",
    low=0.0,
    high=75.0,
    help="Standard deviation of the noise on the 0-255 scale, 0 to 75; auto estimates it.",
)
QUALITY = Option(
    name="quality",
    kind=str,
    default="auto",
    low=1.0,
    high=100.0,
    help="Quality that the picture was saved with, 1 to 100; auto reads it in the file, or "
    "estimates it from the pixels where the file is no JPEG any more.",
)
PATTERN = Option(
    name="pattern",
    kind=str,
    default="auto",
    choices=("auto", "grbg", "rggb", "bggr", "gbrg"),
    help="Colours of the first two rows, from the upper left corner; auto reads it in camera raw, "
    "or off a mosaic of three channels.",
)
SENSOR_SIGMA = Option(
    name="sigma",
    kind=float,
    default=0.0,
    low=0.0,
    high=15.0,
    help="Standard deviation of the sensor's noise on the 0-255 scale, 0 to 15.",
)
SCALE = Option(
    name="scale",
    kind=float,
    default=2.0,
    low=1.1,
    high=4.0,
    help="How many times wider and higher, 1.1 to 4. Between 2, 3 and 4 the next larger of them is "
    "restored and made smaller.",
)
KEEP_SAMPLES = Option(
    name="keep_samples",
    kind=bool,
    default=False,
    help="Leave what the sensor measured as it is; only the other two colours are restored.",
)

LEVELS: dict[str, tuple[Option, ...]] = {
    "auto": (),
    "denoise": (SIGMA,),
    "dejpeg": (QUALITY,),
    "demosaic": (PATTERN, SENSOR_SIGMA),
    "upscale": (SCALE,),
}
"""How much, for each restoration; the first is the level, another stands beside it."""

SPECIAL: dict[str, tuple[Option, ...]] = {"demosaic": (KEEP_SAMPLES,)}
"""How it is restored, where that is for one restoration alone."""

RESTORING = (
    Option(
        name="strength",
        kind=float,
        default=1.0,
        help="0 keeps the input, 1 takes the restored picture, between them a blend.",
    ),
    Option(
        name="self_ensemble",
        kind=bool,
        default=False,
        help='Mean over eight turns and flips (the paper\'s "+"): eight times slower.',
    ),
    Option(
        name="attention",
        kind=str,
        default="auto",
        choices=("auto", "window", "whole", "released"),
        help="How far non-local blocks see: windows, the whole picture, or the authors' quarters.",
    ),
)
"""How it is restored, whoever asks."""

FORMATS = ("png", "jpeg", "tiff", "webp", "avif", "bmp")

READING = (
    Option(
        name="frame",
        kind=int,
        help="Which picture of an animation or page, from 1.",
    ),
    Option(
        name="assume_cmyk",
        kind=bool,
        default=False,
        help="Convert CMYK pictures without a profile by plain arithmetic.",
    ),
    Option(
        name="salvage",
        kind=bool,
        default=False,
        help="Take what is there of JPEG and PNG files that are cut off.",
    ),
)
"""How a file is read, whoever asks."""

READING_AND_WRITING = (
    Option(
        name="format",
        kind=str,
        choices=FORMATS,
        unset="as the input",
        help="Format in a folder or of standard output.",
    ),
    Option(
        name="bit_depth",
        kind=str,
        choices=("8", "16", "32"),
        unset="as the input",
        help="Bits a channel of the outputs, 32 in floating point.",
    ),
    Option(
        name="jpeg_quality",
        kind=int,
        default=95,
        help="Of JPEG and AVIF outputs; chroma is kept whole.",
    ),
    Option(
        name="strip_metadata",
        kind=bool,
        default=False,
        help="Leave out EXIF, XMP, IPTC and resolution; the colour profile stays.",
    ),
    *READING,
)
"""How the file is read and the result written, whoever asks."""
