"""How a picture was turned, as EXIF and TIFF say it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[Any]


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Apply an orientation, 1 to 8."""
    if is_on_its_side(orientation):
        pixels = pixels.swapaxes(0, 1)
    from_below, from_the_right = flipped(orientation)
    if from_below:
        pixels = pixels[::-1]
    if from_the_right:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def known_orientation(value: Any) -> int:
    """What a file says, 1 to 8; 1 for anything else."""
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def is_on_its_side(orientation: int) -> bool:
    """Whether the rows of the upright picture are columns of the stored."""
    return orientation in (5, 6, 7, 8)


def flipped(orientation: int) -> tuple[bool, bool]:
    """Whether the upright picture begins at the last row, and at the last column, of the stored."""
    return orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
