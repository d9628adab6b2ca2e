"""Bayer mosaics: one colour at each pixel, the other two zero (Section 4.3)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PATTERNS = {"grbg": (0, 0), "rggb": (0, 1), "bggr": (1, 0), "gbrg": (1, 1)}
"""Rows and columns to put before a mosaic so that it reads GRBG from its first pixel on."""

_GRBG = torch.tensor(
    [[[0, 1], [0, 0]], [[1, 0], [0, 1]], [[0, 0], [1, 0]]], dtype=torch.bool, device="cpu"
)
"""Where R, G and B are measured in a cell."""


def measured(height: int, width: int, pattern: str = "grbg") -> Tensor:
    """Which samples a sensor measures: ``(3, height, width)`` of truth values."""
    down, across = PATTERNS[pattern]
    cells = _GRBG.repeat(1, height // 2 + 1, width // 2 + 1)
    return cells[:, down : down + height, across : across + width]


def mosaic(gt: NDArray[np.float64], pattern: str) -> NDArray[np.float64]:
    """Keep the measured samples.

    Args:
        gt: ``(H, W, 3)`` on any scale.
        pattern: A key of :data:`PATTERNS`.

    Returns:
        The zero-filled mosaic ``(H, W, 3)``.
    """
    where = measured(gt.shape[0], gt.shape[1], pattern).permute(1, 2, 0).numpy()
    return np.where(where, gt, 0.0)


def mosaic_batch(gt: Tensor) -> Tensor:
    """The GRBG mosaic on the device of the batch: ``(B, 3, H, W)`` to the same, zero-filled."""
    return gt * _measured(gt.shape[-2], gt.shape[-1], gt.device)


@lru_cache(maxsize=8)
def _measured(height: int, width: int, device: torch.device) -> Tensor:
    """Kept on the device: to copy it for each batch would make the processor wait for a GPU."""
    return measured(height, width).to(device)
