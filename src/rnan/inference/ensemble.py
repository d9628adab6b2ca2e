"""Self-ensemble: the mean over the eight turns and flips (the paper's "+")."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

Restore = Callable[[Array, Array | None], Array]


def self_ensemble(restore: Restore, lq: Array, level: Array | None) -> Array:
    """Mean of the restored turns and flips, each turned back.

    Args:
        restore: ``(lq, level)`` to the restored picture.
        lq: ``(B, C, H, W)``.
        level: ``(B,)`` or a map ``(B, K, H, W)``, which is turned with the picture.
    """
    total: Array | None = None
    for turns in range(4):
        for flip in (False, True):
            turned_level = level if level is None or level.ndim == 1 else _turn(level, turns, flip)
            back = _turn_back(restore(_turn(lq, turns, flip), turned_level), turns, flip)
            if total is None:
                total = back.copy()
            else:
                total += back
    assert total is not None
    return total / np.float32(8.0)


def _turn(x: Array, turns: int, flip: bool) -> Array:
    x = np.rot90(x, turns, (-2, -1))
    return np.ascontiguousarray(x[..., ::-1] if flip else x)


def _turn_back(x: Array, turns: int, flip: bool) -> Array:
    return np.rot90(x[..., ::-1] if flip else x, -turns, (-2, -1))
