"""From the numbers that a DNG stores to light.

Chapter 5 of its specification, "Mapping Raw Values to Linear Reference Values".
"""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError
from rnan.images.raw.dng_tags import Tags, numbers
from rnan.images.raw.raw import Box

_log = logging.getLogger(__name__)

_BITS, _LINEARIZATION = 258, 50712
_BLACK_SIZE, _BLACK, _BLACK_ACROSS, _BLACK_DOWN, _WHITE = 50713, 50714, 50715, 50716, 50717
_ACTIVE, _CROP_ORIGIN, _CROP_SIZE = 50829, 50719, 50720
_LARGEST_CELL = 16
"""Side of the largest cell of black levels that is read."""
_LARGEST = 1e6
"""How many times white a sample in floating point may be."""


def in_light(samples: NDArray[Any], tags: Tags, name: str) -> NDArray[np.float32]:
    """Samples with black at 0 and white at 1.

    Raises:
        InputError: Their levels cannot be.
    """
    usual = 1.0
    table = tags.get(_LINEARIZATION)
    if np.issubdtype(samples.dtype, np.integer):
        usual = float(2 ** int(np.max(tags.get(_BITS, 16))) - 1)
    if table is not None and usual != 1.0:
        usual, values = 65535.0, np.atleast_1d(np.asarray(table, np.float32))
        samples = values[np.minimum(samples, len(values) - 1)]
    height, width = samples.shape[:2]
    light = samples.astype(np.float32).reshape(height, width, -1)
    if not np.isfinite(light).all() or np.abs(light).max(initial=0.0) > _LARGEST * 65535.0:
        raise InputError(f"{name} holds values that are not finite")
    planes = light.shape[2]
    top, left, _, _ = active_area(tags, height, width)
    rows, columns = (int(one) for one in numbers(tags.get(_BLACK_SIZE, (1, 1)), 2))
    if not (0 < rows <= _LARGEST_CELL and 0 < columns <= _LARGEST_CELL):
        raise InputError(f"{name} has black levels for cells of {rows} x {columns}; 16 are read")
    black = numbers(tags.get(_BLACK, 0), rows * columns * planes).reshape(rows, columns, planes)
    down, across = (
        _along(tags.get(tag), length, first)
        for tag, length, first in ((_BLACK_DOWN, height, top), (_BLACK_ACROSS, width, left))
    )
    brightest = black.max(axis=(0, 1)) + down.max() + across.max()
    white = _white(light, tags, usual, name)
    if (white <= brightest).any():
        raise InputError(
            f"{name} has a black level of {brightest.max():g}, above its white level, {white[0]:g}"
        )
    for row in range(rows):
        for column in range(columns):
            there = (
                slice((top + row) % rows, None, rows),
                slice((left + column) % columns, None, columns),
            )
            light[there] -= black[row, column].astype(np.float32)
    if down.any() or across.any():
        light -= (down[:, None, None] + across[None, :, None]).astype(np.float32)
    light /= (white - brightest).astype(np.float32)
    return light.reshape(samples.shape)


def _white(light: NDArray[np.float32], tags: Tags, usual: float, name: str) -> NDArray[np.float64]:
    """The white level: as the file says, unless most of its samples lie above."""
    height, width, planes = light.shape
    white = numbers(tags.get(_WHITE, usual), planes)
    typical = float(np.median(light[:: max(1, height // 256), :: max(1, width // 256)]))
    if typical <= white.max():
        return white
    most = float(2.0 ** np.ceil(np.log2(float(light.max()) + 1.0)) - 1.0)
    _log.warning(
        "%s: its white level, %g, lies below its samples; %g is taken", name, white[0], most
    )
    return np.full(planes, most)


def _along(value: Any, length: int, first: int) -> NDArray[np.float64]:
    """Changes of the black level for each row or column of the active area."""
    whole = np.zeros(length)
    if value is not None:
        given = numbers(value)[: length - first]
        whole[first : first + len(given)] = given
    return whole


def active_area(tags: Tags, height: int, width: int) -> Box:
    """The part that light falls on; the rest is masked.

    Raises:
        ValueError: It is empty.
    """
    if _ACTIVE not in tags:
        return 0, 0, height, width
    top, left, bottom, right = (int(one) for one in numbers(tags[_ACTIVE], 4))
    top, left = max(top, 0), max(left, 0)
    bottom, right = min(bottom, height), min(right, width)
    if bottom <= top or right <= left:
        raise ValueError("its active area is empty")
    return top, left, bottom, right


def default_crop(tags: Tags, height: int, width: int) -> Box:
    """What the maker shows of the active area."""
    if _CROP_ORIGIN not in tags or _CROP_SIZE not in tags:
        return 0, 0, height, width
    left, top = (round(one) for one in numbers(tags[_CROP_ORIGIN], 2))
    across, down = (round(one) for one in numbers(tags[_CROP_SIZE], 2))
    top, left = max(top, 0), max(left, 0)
    bottom, right = min(top + down, height), min(left + across, width)
    if bottom <= top or right <= left:
        return 0, 0, height, width
    return top, left, bottom, right
