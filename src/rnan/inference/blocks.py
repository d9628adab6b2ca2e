"""JPEG's blocks begin at the first row and column, as those that the networks were trained on."""

from __future__ import annotations

from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from rnan.inference.conditions import Condition

_BLOCK = 8


def before_the_first(grid: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns that are put before a picture whose blocks begin at ``grid``."""
    top, left = (-first % _BLOCK for first in grid)
    return top, left


def on_the_grid(lq: Tensor, told: Condition) -> tuple[Tensor, Condition, tuple[int, int]]:
    """A picture that goes on before its first row and column until its blocks begin there.

    Args:
        lq: ``(B, C, H, W)``.
        told: Says where its blocks begin.

    Returns:
        The picture, what holds for it, and the rows and columns that were put before it.
    """
    top, left = before_the_first(told.grid)
    if not (top or left):
        return lq, told, (0, 0)
    mode = "reflect" if lq.shape[-2] > top and lq.shape[-1] > left else "replicate"
    lq = F.pad(lq, (left, 0, top, 0), mode=mode)
    if told.level is not None and told.level.ndim == 4:
        told = replace(told, level=F.pad(told.level, (left, 0, top, 0), mode=mode))
    return lq, told, (top, left)
