"""One picture through a network for pictures: every colour, size and range."""

import numpy as np
from numpy.typing import NDArray

from rnan.engines import Engine
from rnan.errors import InputError
from rnan.images.colour import CHROMA_KEPT, is_toned, to_luma
from rnan.inference.blocks import on_the_grid
from rnan.inference.exposures import exposures, resized, restored_by
from rnan.inference.streaming import Cancel
from rnan.inference.tiled import Progress, TiledEngine
from rnan.options.restoring import RestoreOptions
from rnan.tasks import Condition, Task

Array = NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in the brightness (ITU-R BT.601)."""
_LEAST_SIDE = 16
"""Least side, in pixels, of what a network sees."""


class PictureRestorer:
    """Restores planes of pictures; mosaics have a class of their own."""

    def __init__(
        self, task: Task, engine: Engine, tiled: TiledEngine, options: RestoreOptions
    ) -> None:
        self._task, self._engine, self._tiled, self._options = task, engine, tiled, options

    def __call__(
        self, plane: Array, condition: Condition, progress: Progress | None, cancel: Cancel | None
    ) -> Array:
        """Restore ``(C, H, W)`` with white at 1."""
        more = exposures(plane, condition)
        done = 0

        def report(tiles: int, total: int) -> None:
            if progress is not None:
                progress(done * total + tiles, (1 + len(more)) * total)

        def run(lq: Array, condition: Condition) -> Array:
            nonlocal done
            restored = self._within_range(lq, condition, report, cancel)
            done += 1
            return restored

        restored = restored_by(run, plane, condition, more)
        luma, chroma = self._options.shares
        if min(luma, chroma) < 1.0:
            before = resized(plane, *condition.result_size(*plane.shape[-2:]))
            restored = mixed(before, restored, luma, chroma)
        return restored

    def _within_range(
        self, plane: Array, condition: Condition, progress: Progress, cancel: Cancel | None
    ) -> Array:
        """A picture of which what matters lies between black and white."""
        channels, wanted = plane.shape[0], self._engine.channels
        if channels == 3 and wanted == 1:
            return self._luma(plane, condition, progress, cancel)
        size = condition.result_size(*plane.shape[-2:])
        plane, condition = _not_too_small(plane, condition)
        if wanted == 3 and (channels == 1 or is_toned(plane.transpose(1, 2, 0))):
            condition = condition.for_equal_planes(
                self._task.level_range[1] / self._task.level_scale
            )
        # A gray picture goes through a colour network as three equal planes.
        lq = np.broadcast_to(plane, (wanted, *plane.shape[1:]))
        lq, condition, (top, left) = on_the_grid(lq[None], condition)
        restored = self._tiled(lq, condition, progress, cancel)[0, :, top:, left:]
        if channels == 1 and restored.shape[0] != 1:
            restored = restored.mean(axis=0, keepdims=True)
        restored = resized(restored, *condition.result_size(*plane.shape[-2:]))
        return restored[:, : size[0], : size[1]]

    def _luma(
        self, plane: Array, condition: Condition, progress: Progress, cancel: Cancel | None
    ) -> Array:
        """A colour picture through a network for luma; chroma is kept."""
        task = self._task
        if task.plane != "luma":
            raise InputError(
                f"{task.name} is for gray pictures, this one has colour; "
                f"take {task.name.replace('gray', 'color')}"
            )
        rgb = 255.0 * plane.transpose(1, 2, 0).astype(np.float64)
        luma = (to_luma(rgb) / 255.0).transpose(2, 0, 1).astype(np.float32)
        difference = self._within_range(luma, condition, progress, cancel) - luma
        return plane + np.float32(CHROMA_KEPT) * difference


def mixed(before: Array, after: Array, luma: float, chroma: float) -> Array:
    """Between what was and what is restored, brightness and colour apart.

    Args:
        before: ``(C, H, W)``.
        after: The same, restored.
        luma: How much of the restored brightness is taken, 0 to 1; of a gray picture, of all.
        chroma: How much of the restored colour.
    """
    change = after - before
    if luma == chroma or len(before) == 1:
        return before + np.float32(luma) * change
    gray = np.tensordot(_LUMA, change, 1)
    result: Array = before + np.float32(luma) * gray + np.float32(chroma) * (change - gray)
    return result


def _not_too_small(plane: Array, condition: Condition) -> tuple[Array, Condition]:
    """A picture that goes on in a mirror where a side is shorter than training has seen."""
    height, width = plane.shape[-2:]
    if min(height, width) >= _LEAST_SIDE:
        return plane, condition
    rows, columns = (_mirrored(side, max(side, _LEAST_SIDE)) for side in (height, width))
    if (level := condition.level_map) is not None:
        condition = condition.with_map(level[..., rows, :][..., columns])
    return plane[:, rows][:, :, columns], condition


def _mirrored(side: int, longer: int) -> NDArray[np.intp]:
    """Indices that go forth and back over a side."""
    place = np.arange(longer) % (2 * side)
    return np.where(place < side, place, 2 * side - 1 - place)
