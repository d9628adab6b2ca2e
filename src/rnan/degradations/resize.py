"""Bicubic resizing as MATLAB's ``imresize`` had it when the benchmarks were made.

Cubic with a = -0.5, widened where it shrinks; indices clamped at the border; height first; 8- and
16-bit pictures rounded (halves up) between the two passes and at the end.
"""

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError

_BAND = 64
"""Rows that are made at a time."""


def resize(picture: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Resize a picture.

    Args:
        picture: ``(H, W)`` or ``(H, W, C)``: uint8, uint16 or float.
        height: Wanted, at least 1.
        width: Wanted, at least 1.

    Returns:
        The resized picture of the same type; integers are rounded and clipped, floats are not.
    """
    if min(height, width, *picture.shape[:2]) < 1:
        raise InputError(f"cannot resize {picture.shape[:2]} to {(height, width)}")
    rows = _pass(picture, height)
    return _pass(rows.swapaxes(0, 1), width).swapaxes(0, 1)


def at_half_size(picture: NDArray[Any]) -> NDArray[Any]:
    """A picture of half the sides, rounded down: see :func:`resize`."""
    return resize(picture, picture.shape[0] // 2, picture.shape[1] // 2)


def downscale(gt: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """The LQ picture of super-resolution.

    Args:
        gt: ``(H, W, C)``, whole numbers on the 0-255 scale; sides that are multiples of ``scale``.
        scale: 1 or more.
    """
    eight_bit = np.rint(gt).astype(np.uint8)
    small = resize(eight_bit, gt.shape[0] // scale, gt.shape[1] // scale)
    return small.astype(np.float64)


def _pass(picture: NDArray[Any], length: int) -> NDArray[Any]:
    """Resize the first axis."""
    indices, weights = taps(picture.shape[0], length)
    out = np.empty((length, *picture.shape[1:]), picture.dtype)
    for first in range(0, length, _BAND):  # float64 for a whole large picture is too much memory
        band = slice(first, first + _BAND)
        total = np.zeros(out[band].shape)
        for index, weight in zip(indices[band].T, weights[band].T, strict=True):
            total += weight.reshape(-1, *[1] * (picture.ndim - 1)) * picture[index]
        if not np.issubdtype(picture.dtype, np.floating):
            total = np.clip(np.floor(total + 0.5), 0, np.iinfo(picture.dtype).max)
        out[band] = total
    return out


@lru_cache(maxsize=64)
def taps(before: int, after: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Which samples make each new one, and with what weights: both ``(after, taps)``."""
    scale = Fraction(after, before)
    shrink = float(min(scale, Fraction(1)))
    width = 4.0 / shrink
    centre = (np.arange(after) + 0.5) / float(scale) - 0.5
    left = np.floor(centre - width / 2.0)
    indices = (left[:, None] + np.arange(math.ceil(width) + 2)).astype(np.intp)
    weights = shrink * _cubic(shrink * (centre[:, None] - indices))
    weights /= weights.sum(axis=1, keepdims=True)
    used = weights.any(axis=0)
    return np.clip(indices[:, used], 0, before - 1), weights[:, used]


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1.0
    far = -0.5 * x**3 + 2.5 * x**2 - 4.0 * x + 2.0
    return np.where(x <= 1.0, near, np.where(x <= 2.0, far, 0.0))
