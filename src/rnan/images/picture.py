"""A picture in memory: pixels and what has to come back with them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError
from rnan.images.colour import is_gray
from rnan.images.metadata import Metadata

Pixels = NDArray[Any]

_BAND = 256
"""Rows that are rounded at a time."""
_TYPES = (np.uint8, np.uint16, np.float16, np.float32, np.float64)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Pixels ``(H, W, C)`` with one or three channels, and what belongs to them.

    Raises:
        InputError: They are of another shape or type.
    """

    pixels: Pixels
    """``(H, W, 1)`` gray or ``(H, W, 3)`` RGB: uint8, uint16 or float32 in [0, 1]."""
    alpha: Pixels | None = None
    """Opacity ``(H, W)`` of the same type as the pixels."""
    metadata: Metadata = field(default_factory=Metadata)

    def __post_init__(self) -> None:
        for plane in (self.pixels,) if self.alpha is None else (self.pixels, self.alpha):
            if plane.dtype.type not in _TYPES:
                raise InputError(f"pixels are uint8, uint16 or float, not {plane.dtype}")
        if self.pixels.ndim != 3 or self.pixels.shape[2] not in (1, 3):
            raise InputError(f"pixels are (H, W, 1) or (H, W, 3), not {self.pixels.shape}")
        if self.alpha is not None and self.alpha.shape != self.size:
            raise InputError(f"opacity is (H, W) as the pixels, not {self.alpha.shape}")

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def is_gray(self) -> bool:
        """Whether there is one channel."""
        return bool(self.pixels.shape[2] == 1)

    @property
    def looks_gray(self) -> bool:
        """Whether there is one channel, or three that say the same wherever something is seen."""
        seen = self.pixels if self.alpha is None else self.pixels[self.alpha > 0][:, None]
        return is_gray(seen)


def white(dtype: np.dtype[Any]) -> float:
    """The value of white: 255, 65535, or 1 for floating point."""
    return float(np.iinfo(dtype).max) if np.issubdtype(dtype, np.integer) else 1.0


def to_float(pixels: Pixels) -> NDArray[np.float32]:
    """Pixels of any depth as float32 with white at 1."""
    if np.issubdtype(pixels.dtype, np.floating):
        return pixels.astype(np.float32, copy=False)
    values = pixels.astype(np.float32)
    values /= np.float32(white(pixels.dtype))
    return values


def from_float(pixels: NDArray[np.float32], dtype: np.dtype[Any]) -> Pixels:
    """The inverse of :func:`to_float`; integers are clipped and rounded, floats are neither."""
    if np.issubdtype(dtype, np.floating):
        return pixels.astype(dtype, copy=False)
    top = white(dtype)
    out = np.empty(pixels.shape, dtype)
    for first in range(0, len(pixels), _BAND):  # float64 for the whole picture is eight times it
        band = slice(first, first + _BAND)
        out[band] = np.rint(np.clip(pixels[band].astype(np.float64) * top, 0.0, top))
    return out


def of_full_range(pixels: Pixels, bits: int) -> Pixels:
    """Samples of 9 to 15 bits, kept as uint16, with white at 65535; others as they are."""
    if pixels.dtype != np.uint16 or not 8 < bits < 16:
        return pixels
    most = 2**bits - 1
    scaled: Pixels = (pixels.astype(np.uint32) * 65535 + most // 2) // most
    return scaled.astype(np.uint16)


def samples(picture: Picture, dtype: np.dtype[Any]) -> Pixels:
    """Pixels and opacity as ``(H, W, 1-4)`` of the depth that a format holds."""
    planes = [picture.pixels]
    if picture.alpha is not None:
        planes.append(picture.alpha[:, :, None])
    values = np.concatenate(planes, axis=2) if len(planes) > 1 else picture.pixels
    return values if values.dtype == dtype else from_float(to_float(values), dtype)
