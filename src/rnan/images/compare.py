"""Two pictures side by side."""

from __future__ import annotations

import numpy as np

from rnan.errors import InputError
from rnan.images.picture import Picture, from_float, to_float

_GAP = 8


def side_by_side(before: Picture, after: Picture) -> Picture:
    """An 8-bit picture: ``before`` on the left, ``after`` on the right, a white strip between.

    Where ``after`` is larger, the pixels of ``before`` are repeated; where it has colour, gray is
    shown as such.

    Raises:
        InputError: The larger is no whole multiple of the smaller.
    """
    left, right = (from_float(to_float(one.pixels), np.dtype(np.uint8)) for one in (before, after))
    scale = right.shape[0] // left.shape[0]
    left = left.repeat(scale, axis=0).repeat(scale, axis=1)
    if left.shape[:2] != right.shape[:2]:
        raise InputError("pictures side by side must have sizes that are multiples")
    channels = max(left.shape[2], right.shape[2])
    left, right = (np.broadcast_to(one, (*one.shape[:2], channels)) for one in (left, right))
    gap = np.full((right.shape[0], _GAP, channels), 255, np.uint8)
    return Picture(pixels=np.concatenate((left, gap, right), axis=1))
