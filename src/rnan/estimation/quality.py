"""Which JPEG quality a picture was saved with, and where its blocks lie.

A file says it in its quantisation table. A decoded picture keeps its traces: the coefficients of
its 8x8 blocks lie near multiples of the table's entries (Fan and de Queiroz, TIP 2003). For each
quality we ask how much better a lattice of that table explains the coefficients than a smooth
density does.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.degradations.jpeg import quantisation_table
from rnan.estimation.jpeg_blocks import blocks_of, frequencies, luma

Array = NDArray[np.float64]

_WORST, _BEST = 1, 100
_MOST_BLOCKS = 4096
_ROUNDING = 0.5
"""Standard deviation that rounding, colour conversion and clipping leave on a coefficient."""
_OUTLIERS = 0.05
_ZERO = 1.5
"""Smaller coefficients may have been quantised to zero and say nothing about the step."""
_MOST_EXCESS = 8.0
"""So that edges of the picture do not outweigh the steps between blocks."""
_LOOKED_AT = 1024
"""Side of the part in which the grid is sought."""
_CLEAR = 0.2
"""Mean gain a coefficient, in nats, from which on the first grid is believed."""


def quality_of_table(table: Sequence[int]) -> int:
    """The libjpeg quality whose luma table is nearest to ``table``, 64 entries row by row.

    Tables of other programs (cameras, Photoshop) get the quality that is as coarse.
    """
    ratios = np.log(np.asarray(table, dtype=np.float64).reshape(8, 8) / _tables())
    return int(np.abs(ratios).mean(axis=(1, 2)).argmin()) + _WORST


def estimate_quality(image: NDArray[Any]) -> int:
    """The quality that a decoded picture was last saved with.

    Args:
        image: ``(H, W)`` or ``(H, W, C)`` on the 0-255 scale, any size.

    Returns:
        1 to 100; 100 for a picture that shows no trace of JPEG.
    """
    return estimate_jpeg(image)[0]


def estimate_grid(image: NDArray[Any]) -> tuple[int, int]:
    """Where the blocks of a decoded picture lie, which may have been cropped since.

    Args:
        image: ``(H, W)`` or ``(H, W, C)`` on the 0-255 scale, any size; the middle of it is looked
            at.

    Returns:
        Rows and columns before the first whole block, 0 to 7; zeros where no blocks are seen.
    """
    return estimate_jpeg(_middle(image))[1]


def estimate_jpeg(image: NDArray[Any]) -> tuple[int, tuple[int, int]]:
    """Quality and grid at once, in the time of one; see the functions of each."""
    values = image[:, :, None] if image.ndim == 2 else image
    quality, gain = _best(values)
    if gain < _CLEAR and min(values.shape[:2]) >= 16:
        middle = _middle(values)
        row, column = _phase(middle), _phase(middle.swapaxes(0, 1))  # cropped since then
        other, other_gain = _best(values[row:, column:])
        if other_gain > max(gain, _CLEAR):
            return other, (row, column)
    return quality, (0, 0)


def _middle(image: NDArray[Any]) -> NDArray[Any]:
    """As much of a picture as tells where its blocks lie; it begins where one of them may."""
    first = [max(0, (side - _LOOKED_AT) // 2) // 8 * 8 for side in image.shape[:2]]
    rows, columns = (slice(start, start + _LOOKED_AT) for start in first)
    return image[rows, columns]


def _best(image: NDArray[Any]) -> tuple[int, float]:
    """The likeliest quality, and its gain over a smooth density in nats a coefficient."""
    blocks = _blocks(image)
    gains = np.zeros(_BEST - _WORST + 1)
    number = 0
    for row, column in list(np.ndindex(8, 8))[1:]:
        # Not the mean: rounding moves all pixels of a flat block alike.
        values = np.abs(blocks[:, row, column])
        values = values[values > _ZERO]
        number += len(values)
        steps, which = np.unique(_tables()[:, row, column], return_inverse=True)
        gains += np.array([_gain(values, step) for step in steps])[which]
    if not number:
        return _BEST, 0.0
    best = int(gains.argmax())
    return best + _WORST, float(gains[best] / number)


def _gain(values: Array, step: float) -> float:
    """Log-likelihood of multiples of ``step`` against a smooth density."""
    rest = values - step * np.rint(values / step)
    density = sum(
        np.exp(-0.5 * ((rest + shift) / _ROUNDING) ** 2) for shift in (-step, 0.0, step)
    ) / (_ROUNDING * np.sqrt(2.0 * np.pi))
    # A coefficient cannot lie beyond half a step from a multiple unless it is zero or an outlier.
    return float(np.log((1.0 - _OUTLIERS) * step * density + _OUTLIERS).sum())


def _blocks(image: NDArray[Any]) -> Array:
    """Luma coefficients of whole blocks that are nowhere black or burnt out: ``(number, 8, 8)``."""
    blocks = blocks_of(image)
    # Where values were limited, coefficients left their lattice.
    inside = (blocks.min(axis=(2, 3, 4)) > 1.0) & (blocks.max(axis=(2, 3, 4)) < 254.0)
    rows, columns = inside.nonzero()
    each = -(-len(rows) // _MOST_BLOCKS) or 1
    return frequencies(luma(blocks[rows[::each], columns[::each]].astype(np.float64)) - 128.0)


def _phase(image: NDArray[Any]) -> int:
    """Rows before the first block border, 0 to 7: steps between blocks stand out among others."""
    steps = np.abs(np.diff(luma(image), axis=0))
    excess = steps[1:-1] - (steps[:-2] + steps[2:]) / 2.0
    rows = np.clip(excess, -_MOST_EXCESS, _MOST_EXCESS).mean(axis=1)
    by_phase = [rows[phase::8].mean() if len(rows) > phase else -np.inf for phase in range(8)]
    return (int(np.argmax(by_phase)) + 2) % 8


@lru_cache(maxsize=1)
def _tables() -> Array:
    """Luma tables of all qualities: ``(100, 8, 8)``."""
    return quantisation_table(np.arange(_WORST, _BEST + 1), chroma=False)
