"""A network for pictures of any size: in tiles that memory holds, turned eight ways if asked."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnan.degradations.mosaic import measured
from rnan.engines import Engine
from rnan.errors import Cancelled, OptionRef, ResourceError
from rnan.inference.ensemble import self_ensemble
from rnan.inference.memory import enough_memory, refuse_too_large
from rnan.inference.quartering import number_of_parts, quartered
from rnan.inference.streaming import Cancel
from rnan.inference.tiling import Tile, batches, tiles
from rnan.options.restoring import RestoreOptions
from rnan.tasks import Condition, Task
from rnan.tasks.scale import next_scale

_log = logging.getLogger(__name__)

Array = NDArray[np.float32]

UNCUT = 2**30
"""A tile that holds every picture."""

Progress = Callable[[int, int], None]
"""Called with the tiles done and the tiles in all."""


class TiledEngine:
    """Runs an engine over whole pictures."""

    def __init__(self, task: Task, engine: Engine, options: RestoreOptions) -> None:
        self._task = task
        self._engine = engine
        self._options = options
        self._paces: dict[int, float] = {}

    def __call__(
        self,
        lq: Array,
        condition: Condition,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Array:
        """Restore one picture.

        Args:
            lq: ``(1, C, H, W)`` in the range of the engine; a GRBG mosaic may have one channel.
            condition: What holds for it.
            progress: Called after each tile.
            cancel: Looked at before each tile.

        Returns:
            ``(1, C', H·scale, W·scale)``.

        Raises:
            Cancelled: ``cancel`` was set.
            ResourceError: The result does not fit into the memory that is free, or not even the
                smallest tile does.
        """
        height, width = (side * condition.scale for side in lq.shape[-2:])
        refuse_too_large(height, width)
        if self._engine.as_released and self._options.tile is None:
            with enough_memory("not enough memory for a quarter; pass ", OptionRef("tile")):
                return self._as_released(lq, condition, progress, cancel)
        lq = filled_up(lq, self._engine.multiple, self._task.padding)
        if (level := condition.level_map) is not None:
            level = filled_up(level, self._engine.multiple, self._task.padding)
            condition = replace(condition, level=level)
        tile = self.tile
        while True:
            try:
                return self._pass(lq, condition, tile, progress, cancel)[..., :height, :width]
            except MemoryError as error:
                tile = self._smaller(tile, error)

    @property
    def tile(self) -> int:
        """Side of the tiles to begin with, in pixels of the network's input."""
        if self._options.tile is not None:
            return self._options.tile
        if self._engine.largest_tile is None:
            return UNCUT
        budget = self._options.max_memory or min(2**30, self._engine.free_memory() // 2)
        side = math.isqrt(budget // (self._engine.bytes_per_pixel * self._engine.batch))
        grid = self._engine.grid
        return max(2 * grid, min(side, self._engine.largest_tile) // grid * grid)

    def seconds_for(self, height: int, width: int, scale: float) -> float:
        """About how long a picture takes; see :meth:`Restorer.seconds_for`."""
        own = next_scale(scale, self._engine.scales)
        if own not in self._paces:
            self._paces[own] = self._pace(own)
        overlap = (1 + self._options.overlap / self.tile) ** 2
        area = height * width * (overlap if max(height, width) > self.tile else 1)
        return self._paces[own] * area * (8 if self._options.self_ensemble else 1)

    def _pace(self, scale: int) -> float:
        """Seconds of the network for a pixel of its input."""
        side = 8 * self._engine.grid if self._engine.grid > 8 else 192
        probe = np.zeros((1, self._engine.channels, side, side), np.float32)
        level = np.zeros(1, np.float32) if self._engine.takes_level else None
        times = []
        for _ in range(3):  # the first warms up; another program may disturb one of the others
            start = time.perf_counter()
            self._engine(probe, level, scale)
            times.append(time.perf_counter() - start)
        return min(times) / side**2

    def _smaller(self, tile: int, error: BaseException) -> int:
        """The next tile to try."""
        if tile == UNCUT:
            tile_ref, attention = OptionRef("tile"), OptionRef("attention", "whole")
            message = "not enough memory for the whole picture; pass "
            raise ResourceError(message, tile_ref, " or leave ", attention, " out") from error
        if self._options.tile is not None or tile <= 2 * self._engine.grid:
            raise ResourceError(
                f"not enough memory for tiles of {tile} pixels; pass a smaller ", OptionRef("tile")
            ) from error
        return tile // 2

    def _pass(
        self,
        lq: Array,
        condition: Condition,
        tile: int,
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> Array:
        height, width = lq.shape[-2:]
        overlap = self._options.overlap
        plan = list(tiles(height, width, tile=tile, overlap=overlap, grid=self._engine.grid))
        _log.debug("%d x %d pixels, tiles: %d", width, height, len(plan))
        ensemble = self._options.self_ensemble and self._task.takes == "picture"
        total = len(plan) * (8 if ensemble else 1)
        out: Array | None = None
        done = 0

        def run(x: Array, level: Array | None) -> Array:
            nonlocal done
            if cancel is not None and cancel.is_set():
                raise Cancelled("cancelled")
            restored = self._engine(x, level, condition.scale)
            done += len(x)
            if progress is not None:
                progress(done, total)
            return restored

        for parts in batches(plan, self._engine.batch):
            given, level = (
                np.concatenate([part.cut(lq) for part in parts]),
                _level_of(parts, condition.level),
            )
            if self._task.takes == "mosaic" and given.shape[1] == 1:
                given = given * measured(*given.shape[2:])  # tiles begin at even places
            restored = self_ensemble(run, given, level) if ensemble else run(given, level)
            if len(plan) == 1:
                out = restored
            else:
                if out is None:
                    sides = height * condition.scale, width * condition.scale
                    out = np.zeros((1, restored.shape[1], *sides), np.float32)
                for part, one in zip(parts, restored, strict=True):
                    part.add_to(out, one, condition.scale)
        assert out is not None
        return out

    def _as_released(
        self, lq: Array, condition: Condition, progress: Progress | None, cancel: Cancel | None
    ) -> Array:
        """In quarters, as the authors' program does."""
        times = 8 if self._options.self_ensemble else 1
        total = times * number_of_parts(lq.shape[-2], lq.shape[-1], condition.scale)
        done = 0

        def run_part(part: Array) -> Array:
            nonlocal done
            if cancel is not None and cancel.is_set():
                raise Cancelled("cancelled")
            restored = self._engine(part, condition.level, condition.scale)
            done += 1
            if progress is not None:
                progress(done, total)
            return restored

        def run(x: Array, level: Array | None) -> Array:
            return quartered(run_part, x, condition.scale)

        return self_ensemble(run, lq, None) if times == 8 else run(lq, None)


def _level_of(parts: list[Tile], level: Array | None) -> Array | None:
    """The level of each tile of a batch."""
    if level is None:
        return None
    if level.ndim == 4:
        return np.concatenate([part.cut(level) for part in parts])
    return np.broadcast_to(level, (len(parts),))


def filled_up(x: Array, multiple: int, padding: Literal["reflect", "edge"] | None) -> Array:
    """Let a picture go on until its sides suit the network.

    Networks are trained on patches of such sides. At other sides the mask branches, which halve
    them, see a border that they never saw, and the last rows and columns come out worse.

    Args:
        x: ``(B, C, H, W)``.
        multiple: Of the engine.
        padding: Of the task. A side that is too short for a mirror stays as it is.
    """
    if padding is None:
        return x
    bottom, right = (
        missing if side > missing else 0
        for side, missing in ((side, -side % multiple) for side in x.shape[-2:])
    )
    if not (bottom or right):
        return x
    return np.pad(x, ((0, 0), (0, 0), (0, bottom), (0, right)), mode=padding)
