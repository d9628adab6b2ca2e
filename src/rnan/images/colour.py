"""Gray and luma of colour pictures, as MATLAB has them; the scale of the values is kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_GRAY = np.array([0.298936021293776, 0.587043074451121, 0.114020904255103])
_LUMA = np.array([65.481, 128.553, 24.966]) / 255.0
_LUMA_OF_BLACK = 16.0

CHROMA_KEPT = 255.0 / 219.0
"""Adding this times a difference in luma to R, G and B changes luma by it and no chroma."""


def to_gray(rgb: Array) -> Array:
    """``rgb2gray``: ``(H, W, 3)`` to ``(H, W, 1)``, not rounded; a gray picture as it is."""
    return rgb if rgb.shape[2] == 1 else (rgb @ _GRAY)[:, :, None]


def to_luma(rgb: Array) -> Array:
    """Y of ``rgb2ycbcr``, 16 to 235, not rounded.

    ``(H, W, 3)`` on the 0-255 scale to ``(H, W, 1)``. A gray picture comes back as it
    is, as the field measures it.
    """
    return rgb if rgb.shape[2] == 1 else (rgb @ _LUMA + _LUMA_OF_BLACK)[:, :, None]
