"""JPEG's blocks begin at the first row and column, as those that the networks were trained on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from rnan.inference.adapters import Planes
from rnan.inference.conditions import Condition

_BLOCK = 8


class JpegTraces:
    """What a JPEG left: as the file says, or the pixels, which are looked at once.

    Args:
        plane: ``(C, H, W)`` with white at 1.
        planes: That it is of.
    """

    def __init__(self, plane: Tensor, planes: Planes) -> None:
        self._plane = plane
        self._planes = planes
        self._seen: tuple[int, tuple[int, int]] | None = None

    def quality(self) -> float:
        """1 to 100."""
        from rnan.estimation import estimate_jpeg, quality_of_table

        if self._planes.jpeg_table is not None:
            return float(quality_of_table(self._planes.jpeg_table))
        self._seen = estimate_jpeg(self._image())
        return float(self._seen[0])

    def grid(self) -> tuple[int, int]:
        """Rows and columns before the first whole block."""
        from rnan.estimation import estimate_grid

        if self._planes.jpeg_grid is not None:
            return self._planes.jpeg_grid
        return self._seen[1] if self._seen is not None else estimate_grid(self._image())

    def _image(self) -> NDArray[Any]:
        image: NDArray[Any] = self._plane.permute(1, 2, 0).numpy() * 255.0
        return image


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
