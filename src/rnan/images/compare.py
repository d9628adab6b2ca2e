"""Two pictures side by side."""

import numpy as np

from rnan.images.picture import Picture, from_float, to_float

_GAP = 8


def side_by_side(before: Picture, after: Picture) -> Picture:
    """An 8-bit picture: ``before`` on the left, ``after`` on the right, a white strip between.

    Where ``after`` is larger, the pixels of ``before`` are repeated; where it has colour, gray is
    shown as such.
    """
    left, right = (from_float(to_float(one.pixels), np.dtype(np.uint8)) for one in (before, after))
    height, width = right.shape[:2]
    rows = np.arange(height) * left.shape[0] // height
    columns = np.arange(width) * left.shape[1] // width
    left = left[rows[:, None], columns]
    channels = max(left.shape[2], right.shape[2])
    left, right = (np.broadcast_to(one, (*one.shape[:2], channels)) for one in (left, right))
    gap = np.full((height, _GAP, channels), 255, np.uint8)
    return Picture(pixels=np.concatenate((left, gap, right), axis=1))
