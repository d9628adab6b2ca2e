"""Which part of a picture is a photograph: what else there is says nothing of noise or JPEG.

Left out are pixels that nobody sees, rows and columns of one colour around the picture (borders,
letterboxes), and larger parts of exactly one colour inside it (captions, logos, burnt-out sky, the
background of a screen).
"""

import math
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.estimation.jpeg_blocks import SIDE, blocks_of

Mask = NDArray[np.bool_]

_EVEN = 2.0
"""Largest difference, on the 0-255 scale, within a row or column of a border that was a JPEG."""
_DRAWN = 0.1
"""Share of pixels whose neighbours are all of one and the same colour from which on a picture is a
drawing: noise leaves no such."""
_MOST_COLOURS = 16
"""Most colours that are left out, those of most blocks."""
_GROUND = 0.3
"""Share of the pixels from which on a colour that fills whole blocks is the ground of all."""
_LOOKED_AT = 250_000
"""Pixels whose neighbours are looked at."""
_LEAST_SHARE, _LEAST_BLOCKS = 0.005, 16
"""Share and number of the 8x8 blocks of exactly one colour from which on they are no
chance."""


def photographic(image: NDArray[Any], visible: Mask | None = None) -> Mask | None:
    """Which pixels are a photograph.

    Args:
        image: ``(H, W, C)`` on the 0-255 scale, any size.
        visible: Which pixels are seen at all, ``(H, W)``; none for all.

    Returns:
        ``(H, W)``, or none where all of them are.
    """
    mask = np.ones(image.shape[:2], bool) if visible is None else visible.copy()
    rows, columns = _inside(image, mask)
    framed = np.zeros_like(mask)
    framed[rows, columns] = mask[rows, columns]
    framed &= ~_flat(image, framed)
    return None if framed.all() else framed


def is_drawn(image: NDArray[Any], mask: Mask | None) -> bool:
    """Whether what is left is text or a drawing: one colour lies around and between all of it."""
    rows, columns = (slice(None), slice(None)) if mask is None else bounds(mask)
    inside = image[rows, columns]
    if min(inside.shape[:2]) < 3:
        return False
    step = math.isqrt(inside.shape[0] * inside.shape[1] // _LOOKED_AT) + 1
    height, width = inside.shape[:2]

    def shifted(plane: NDArray[Any], down: int, across: int) -> NDArray[Any]:
        return plane[1 + down : height - 1 + down : step, 1 + across : width - 1 + across : step]

    middle = shifted(inside, 0, 0)
    even = np.ones(middle.shape[:2], bool) if mask is None else shifted(mask[rows, columns], 0, 0)
    for down, across in product((-1, 0, 1), repeat=2):
        even = even & (shifted(inside, down, across) == middle).all(axis=2)
    number = np.unique(middle[even], axis=0, return_counts=True)[1]
    return bool(number.max(initial=0) > _DRAWN * even.size)


def bounds(mask: Mask) -> tuple[slice, slice]:
    """Rows and columns that hold all of a mask; empty where it is."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _inside(image: NDArray[Any], mask: Mask) -> tuple[slice, slice]:
    """Rows and columns within a border of even ones, all around what is seen."""
    rows, columns = bounds(mask)
    before = None
    while before != (rows, columns):  # a border within a border
        before = rows, columns
        rows = _trimmed(image[rows, columns], mask[rows, columns], rows)
        columns = _trimmed(
            image[rows, columns].swapaxes(0, 1), mask[rows, columns].swapaxes(0, 1), columns
        )
    return rows, columns


def _trimmed(image: NDArray[Any], mask: Mask, rows: slice) -> slice:
    """The rows without even ones at either end."""
    first, last = 0, len(image)
    while first < last and _is_even(image[first], mask[first]):
        first += 1
    while last > first and _is_even(image[last - 1], mask[last - 1]):
        last -= 1
    return slice(rows.start + first, rows.start + last)


def _is_even(row: NDArray[Any], mask: NDArray[np.bool_]) -> bool:
    seen = row[mask]
    return not len(seen) or bool(np.ptp(seen, axis=0).max() <= _EVEN)


def _flat(image: NDArray[Any], mask: Mask) -> Mask:
    """Pixels of a colour that fills whole blocks, in and beside those."""
    flat = np.zeros_like(mask)
    blocks = blocks_of(image)
    if not blocks.size:
        return flat
    first = blocks[:, :, :1, :1]
    even = (blocks == first).all(axis=(2, 3, 4))
    inside = even & blocks_of(mask[:, :, None]).all(axis=(2, 3, 4))
    colours, number = np.unique(
        first[inside].reshape(-1, image.shape[2]), axis=0, return_counts=True
    )
    least = max(_LEAST_BLOCKS, _LEAST_SHARE * inside.size)
    for colour in colours[np.argsort(number)[::-1][:_MOST_COLOURS]][: (number >= least).sum()]:
        everywhere = (image == colour).all(axis=2)
        if (everywhere & mask).sum() > _GROUND * mask.sum():  # of a page, also between its words
            flat |= everywhere
            continue
        of_it = inside & (first[:, :, 0, 0] == colour).all(axis=2)
        near = _grown(of_it).repeat(SIDE, axis=0).repeat(SIDE, axis=1)
        sides = zip(flat.shape, near.shape, strict=True)
        near = np.pad(near, [(0, whole - part) for whole, part in sides], "edge")
        flat |= near & everywhere
    return flat


def _grown(mask: Mask) -> Mask:
    """A mask and its neighbours."""
    padded = np.pad(mask, 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    grown: Mask = rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:]
    return grown
