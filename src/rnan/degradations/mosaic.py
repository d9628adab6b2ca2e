"""Bayer mosaics: one colour at each pixel, the other two zero (Section 4.3)."""

import numpy as np
from numpy.typing import NDArray

PATTERNS = {"grbg": (0, 0), "rggb": (0, 1), "bggr": (1, 0), "gbrg": (1, 1)}
"""Rows and columns to put before a mosaic so that it reads GRBG from its first pixel on."""

_GRBG = np.array([[[0, 1], [0, 0]], [[1, 0], [0, 1]], [[0, 0], [1, 0]]], dtype=np.bool_)
"""Where R, G and B are measured in a cell."""


def measured(height: int, width: int, pattern: str = "grbg") -> NDArray[np.bool_]:
    """Which samples a sensor measures: ``(3, height, width)`` of truth values."""
    down, across = PATTERNS[pattern]
    cells = np.tile(_GRBG, (1, height // 2 + 1, width // 2 + 1))
    return cells[:, down : down + height, across : across + width]


def mosaic(gt: NDArray[np.float64], pattern: str) -> NDArray[np.float64]:
    """Keep the measured samples.

    Args:
        gt: ``(H, W, 3)`` on any scale.
        pattern: A key of :data:`PATTERNS`.

    Returns:
        The zero-filled mosaic ``(H, W, 3)``.
    """
    where = measured(gt.shape[0], gt.shape[1], pattern).transpose(1, 2, 0)
    return np.where(where, gt, 0.0)
