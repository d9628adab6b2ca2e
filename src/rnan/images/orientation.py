"""How a picture was turned, as EXIF and TIFF say it."""

from __future__ import annotations

import numpy as np

from rnan.images.picture import Pixels


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Apply an orientation, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
