"""Two pictures side by side."""

from __future__ import annotations

import numpy as np

from rnan.errors import InputError
from rnan.images.picture import Picture, from_float, to_float

_GAP = 8


def side_by_side(before: Picture, after: Picture) -> Picture:
    """An 8-bit picture: ``before`` on the left, ``after`` on the right, a white strip between.

    Raises:
        InputError: The pictures differ in height or in channels.
    """
    if before.size[0] != after.size[0] or before.is_gray != after.is_gray:
        raise InputError("pictures side by side must have the same height and channels")
    planes = [from_float(to_float(one.pixels), np.dtype(np.uint8)) for one in (before, after)]
    gap = np.full((before.size[0], _GAP, planes[0].shape[2]), 255, np.uint8)
    return Picture(pixels=np.concatenate((planes[0], gap, planes[1]), axis=1))
