"""JPEG's blocks begin at the first row and column, as those that the networks were trained on."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rnan.tasks import Condition

Array = NDArray[np.float32]

_BLOCK = 8


def before_the_first(grid: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns that are put before a picture whose blocks begin at ``grid``."""
    top, left = (-first % _BLOCK for first in grid)
    return top, left


def on_the_grid(lq: Array, condition: Condition) -> tuple[Array, Condition, tuple[int, int]]:
    """A picture that goes on before its first row and column until its blocks begin there.

    Args:
        lq: ``(B, C, H, W)``.
        condition: Says where its blocks begin.

    Returns:
        The picture, what holds for it, and the rows and columns that were put before it.
    """
    top, left = before_the_first(condition.grid)
    if not (top or left):
        return lq, condition, (0, 0)
    mode = "reflect" if lq.shape[-2] > top and lq.shape[-1] > left else "edge"
    pads = ((0, 0), (0, 0), (top, 0), (left, 0))
    lq = np.pad(lq, pads, mode=mode)  # type: ignore[call-overload]
    if (level := condition.level_map) is not None:
        level = np.pad(level, pads, mode=mode)  # type: ignore[call-overload]
        condition = replace(condition, level=level)
    return lq, condition, (top, left)
