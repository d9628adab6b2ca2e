"""Camera raw in memory: samples, and what is needed to make a picture of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.images.metadata import Metadata
from rnan.images.raw.noise import SensorNoise

BAYER = ("grbg", "rggb", "bggr", "gbrg")
"""The patterns of Bayer sensors."""

Box = tuple[int, int, int, int]
"""Top, left, bottom and right."""


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What a sensor measured."""

    samples: NDArray[np.float32]
    """``(H, W)``, a mosaic, or ``(H, W, 3)`` where each pixel has all colours: black at 0, the
    level at which the sensor is full at 1. Noise goes below 0; highlights of a file in floating
    point go beyond 1."""
    pattern: str
    """``grbg``, ``rggb``, ``bggr`` or ``gbrg``; empty where each pixel has all colours."""
    crop: Box
    """The part that the maker of the camera shows."""
    white_balance: tuple[float, float, float]
    """Factors of red, green and blue, the smallest 1."""
    xyz_to_camera: NDArray[np.float64] | None
    """``(3, 3)``, for daylight (D65), up to a factor for each row; none for an unknown camera."""
    orientation: int
    """As EXIF says it; 1 is upright."""
    exposure: float = 0.0
    """Stops by which the maker wants the picture brightened (DNG's BaselineExposure)."""
    profile: SensorNoise | None = None
    """Noise, as the file says it."""
    shading: NDArray[np.float32] | None = None
    """Factors that the samples were multiplied with, of the same shape: so was their noise."""
    interpolated: str = ""
    """What gave each pixel all colours, where that was not the camera: ``LibRaw``."""
    left_out: tuple[str, ...] = ()
    """What the file asks for and was not done."""
    camera: str = ""
    iso: int = 0
    """0 where the file does not say it."""
    metadata: Metadata = field(default_factory=Metadata)
    dng: Mapping[int, tuple[int, Any]] = field(default_factory=dict)
    """Tags about colours of a DNG, by number: type and value."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the samples."""
        return self.samples.shape[0], self.samples.shape[1]

    @property
    def is_mosaic(self) -> bool:
        """Whether each pixel has one colour."""
        return self.samples.ndim == 2

    @property
    def goes_beyond_white(self) -> bool:
        """Whether highlights go beyond white, as files in floating point have them."""
        return float(self.samples.max(initial=0.0)) > 1.0

    def gains(self) -> NDArray[np.float32]:
        """White balance for the samples: ``(2, 2)`` for a cell of the mosaic, or ``(3,)``."""
        balance = np.array(self.white_balance, np.float32)
        if not self.is_mosaic:
            return balance
        return balance[["rgb".index(letter) for letter in self.pattern]].reshape(2, 2)
