"""A picture in memory: pixels and what has to come back with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.images.metadata import Metadata

Pixels = NDArray[Any]

_BAND = 256
"""Rows that are rounded at a time."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Pixels ``(H, W, C)`` with one or three channels, and what belongs to them."""

    pixels: Pixels
    """``(H, W, 1)`` gray or ``(H, W, 3)`` RGB: uint8, uint16 or float32 in [0, 1]."""

    alpha: Pixels | None = None
    """Opacity ``(H, W)`` of the same type as the pixels."""

    metadata: Metadata = field(default_factory=Metadata)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def is_gray(self) -> bool:
        """Whether there is one channel."""
        return bool(self.pixels.shape[2] == 1)


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


def samples(picture: Picture, dtype: np.dtype[Any]) -> Pixels:
    """Pixels and opacity as ``(H, W, 1-4)`` of the depth that a format holds."""
    planes = [picture.pixels]
    if picture.alpha is not None:
        planes.append(picture.alpha[:, :, None])
    values = np.concatenate(planes, axis=2) if len(planes) > 1 else picture.pixels
    return values if values.dtype == dtype else from_float(to_float(values), dtype)
