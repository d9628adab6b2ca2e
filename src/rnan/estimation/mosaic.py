"""Whether a picture is a sensor's mosaic instead of a picture."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.degradations.mosaic import PATTERNS, measured

_LEAST_SIDE = 16
_CORNER = 64
_RATIO = 0.8
"""In a picture a pixel is more like its neighbour than like the next but one, in a mosaic less: the
largest ratio of the two differences, next but one over neighbour, that a mosaic has."""


def mosaic_pattern(pixels: NDArray[Any]) -> str | None:
    """The Bayer pattern of a mosaic, as far as the pixels tell.

    Args:
        pixels: ``(H, W, 1)`` or ``(H, W, 3)``, of any depth.

    Returns:
        One of four patterns for zero-filled mosaics of three channels; two, as ``grbg or gbrg``,
        for those of one channel, where red and blue cannot be distinguished; none for a picture.
    """
    if min(pixels.shape[:2]) < _LEAST_SIDE:
        return None
    return _of_three(pixels) if pixels.shape[2] == 3 else _of_one(pixels[:, :, 0])


def _of_three(pixels: NDArray[Any]) -> str | None:
    if not pixels.any():
        return None
    for name in PATTERNS:
        corner = pixels[:_CORNER, :_CORNER]
        if corner[~_where(corner, name)].any():
            continue  # seen at once of all pictures but the darkest
        where = _where(pixels, name)
        if not pixels[~where].any() and (pixels[where] > 0).mean() > 0.1:
            return name
    return None


def _where(pixels: NDArray[Any], pattern: str) -> NDArray[np.bool_]:
    """What a mosaic of that pattern has measured."""
    where: NDArray[np.bool_] = measured(pixels.shape[0], pixels.shape[1], pattern)
    return where.transpose(1, 2, 0)


def _of_one(plane: NDArray[Any]) -> str | None:
    if ((plane == plane.min()) | (plane == plane.max())).all():
        return None  # dithered, or a document
    values = plane.astype(np.float32)
    near = np.abs(values[:, 1:] - values[:, :-1]).mean() + np.abs(values[1:] - values[:-1]).mean()
    far = np.abs(values[:, 2:] - values[:, :-2]).mean() + np.abs(values[2:] - values[:-2]).mean()
    if near == 0 or far / near > _RATIO:
        return None
    # The two greens of a cell are alike; red and blue are not.
    even, odd = values[: len(values) // 2 * 2], values[:, : values.shape[1] // 2 * 2]
    cells = even[:, : odd.shape[1]]
    main = np.abs(cells[::2, ::2] - cells[1::2, 1::2]).mean()
    other = np.abs(cells[::2, 1::2] - cells[1::2, ::2]).mean()
    return "grbg or gbrg" if main < other else "rggb or bggr"


def in_words(pattern: str) -> str:
    """What :func:`mosaic_pattern` found, for people: ``GRBG``, ``GRBG or GBRG``."""
    return pattern.upper().replace(" OR ", " or ")
