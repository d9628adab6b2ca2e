"""Gray and luma of colour pictures, as MATLAB has them; the scale of the values is kept.

And pictures that are gray though they have three channels, as most scans and many saved pictures.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_GRAY = np.array([0.298936021293776, 0.587043074451121, 0.114020904255103])
_LUMA = np.array([65.481, 128.553, 24.966]) / 255.0
_LUMA_OF_BLACK = 16.0

CHROMA_KEPT = 255.0 / 219.0
"""Adding this times a difference in luma to R, G and B changes luma by it and no chroma."""


_MOST_APART, _MEAN_APART = 2.0, 0.5
"""Steps of 8 bits between the channels of a gray picture that was compressed: at most anywhere, and
in the mean, below which no toning can be."""
_SAME, _LOOKED_AT = 0.995, 256
"""Correlation of steps between pixels from which on they are the same in two channels, and rows
that are looked at."""
_FINE, _WEAK = 4.0, 0.25
"""The largest step, over the median step; the weakest channel that counts, over the strongest."""
_JPEG_LUMA = np.array([0.299, 0.587, 0.114])


def is_gray(pixels: NDArray[Any], *, step: float | None = None) -> bool:
    """Whether the channels of a picture say the same.

    Args:
        pixels: ``(H, W, 1)`` or ``(H, W, 3)``.
        step: What one step of 8 bits is. Where there is one, channels may lie as far apart as
            compression leaves them; by default 1 for uint8, and others must be equal.
    """
    if pixels.shape[2] == 1 or not pixels.size:
        return True
    if step is None:
        step = 1.0 if pixels.dtype == np.uint8 else 0.0
    for part in (pixels[::16, ::16], pixels):  # a few pixels tell nearly every colour picture
        low, high = (function(part, axis=2) for function in (np.min, np.max))
        apart = high - low
        if part.size and apart.max() > _MOST_APART * step:
            return False
    return not step or float(apart.mean()) < _MEAN_APART * step


def is_toned(pixels: NDArray[Any]) -> bool:
    """Whether what is fine in a picture is the same in all channels, as in sepia and tinted gray.

    Args:
        pixels: ``(H, W, 3)`` of any depth.
    """
    if pixels.shape[2] != 3 or min(pixels.shape[:2]) < 2:
        return False
    rows = max(1, pixels.shape[0] // _LOOKED_AT)
    steps = np.diff(pixels[::rows].astype(np.float64), axis=1).reshape(-1, 3)
    # What is fine, not edges, which all channels share in any picture.
    steps = steps.clip(*(sign * _FINE * np.median(np.abs(steps), axis=0) for sign in (-1, 1)))
    spread = steps.std(axis=0)
    clear = spread > _WEAK * spread.max()
    if clear.sum() < 2:
        return False
    correlation = np.corrcoef(steps[:, clear].T)
    return bool(correlation.min() > _SAME)


def one_channel(pixels: NDArray[Any]) -> NDArray[Any]:
    """The picture of one channel that a gray picture of three is: ``(H, W, 1)``, of its type."""
    if pixels.shape[2] == 1:
        return pixels
    if (pixels[:, :, :1] == pixels[:, :, 1:]).all():
        return pixels[:, :, :1]
    luma = jpeg_luma(pixels)
    whole = np.issubdtype(pixels.dtype, np.integer)
    gray: NDArray[Any] = (np.rint(luma) if whole else luma).astype(pixels.dtype)
    return gray


def jpeg_luma(pixels: NDArray[Any]) -> NDArray[Any]:
    """Y of JPEG, not rounded: ``(H, W, 3)`` to ``(H, W, 1)``."""
    luma: NDArray[Any] = (pixels @ _JPEG_LUMA)[:, :, None]
    return luma


def to_gray(rgb: Array) -> Array:
    """``rgb2gray``: ``(H, W, 3)`` to ``(H, W, 1)``, not rounded; a gray picture as it is."""
    return rgb if rgb.shape[2] == 1 else (rgb @ _GRAY)[:, :, None]


def to_luma(rgb: Array) -> Array:
    """Y of ``rgb2ycbcr``, 16 to 235, not rounded.

    ``(H, W, 3)`` on the 0-255 scale to ``(H, W, 1)``. A gray picture comes back as it
    is, as the field measures it.
    """
    return rgb if rgb.shape[2] == 1 else (rgb @ _LUMA + _LUMA_OF_BLACK)[:, :, None]
