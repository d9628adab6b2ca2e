"""A network for pictures of any size: in tiles that memory holds, turned eight ways if asked."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from rnan.errors import Cancelled, ResourceError
from rnan.inference import device as hardware
from rnan.inference.conditions import Condition, next_scale
from rnan.inference.engines import Engine
from rnan.inference.ensemble import self_ensemble
from rnan.inference.memory import enough_memory, is_out_of_memory, refuse_too_large
from rnan.inference.options import RestoreOptions
from rnan.inference.quartering import number_of_parts, quartered
from rnan.inference.streaming import Cancel
from rnan.inference.tiling import Tile, batches, tiles
from rnan.tasks import Task

_log = logging.getLogger(__name__)

UNCUT = 2**30
"""A tile that holds every picture."""

Progress = Callable[[int, int], None]
"""Called with the tiles done and the tiles in all."""


class TiledEngine:
    """Runs an engine over whole pictures.

    Args:
        task: Says how pictures go on beyond their border, and whether tiles may be turned.
        engine: What runs the network.
        options: Tiles, memory and self-ensemble.
    """

    def __init__(self, task: Task, engine: Engine, options: RestoreOptions) -> None:
        self._task = task
        self._engine = engine
        self._options = options
        self._paces: dict[int, float] = {}

    def __call__(
        self,
        lq: Tensor,
        told: Condition,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Tensor:
        """Restore one picture.

        Args:
            lq: ``(1, C, H, W)`` in the range of the engine.
            told: What the network is told beside it.
            progress: Called after each tile.
            cancel: Looked at before each tile.

        Returns:
            ``(1, C', H·scale, W·scale)``.

        Raises:
            Cancelled: ``cancel`` was set.
            ResourceError: The result does not fit into the memory that is free, or not even the
                smallest tile does.
        """
        height, width = (side * told.scale for side in lq.shape[-2:])
        refuse_too_large(height, width)
        if self._engine.as_released and self._options.tile is None:
            with enough_memory(otherwise="not enough memory for a quarter; pass --tile"):
                return self._as_released(lq, told, progress, cancel)
        lq = filled_up(lq, self._engine.multiple, self._task.beyond)
        if told.level is not None and told.level.ndim == 4:
            level = filled_up(told.level, self._engine.multiple, self._task.beyond)
            told = replace(told, level=level)
        tile = self.tile
        while True:
            try:
                return self._pass(lq, told, tile, progress, cancel)[..., :height, :width]
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                tile = self._smaller(tile, error)

    @property
    def tile(self) -> int:
        """Side of the tiles to begin with, in pixels of the network's input."""
        if self._options.tile is not None:
            return self._options.tile
        if self._engine.largest_tile is None:
            return UNCUT
        budget = self._options.max_memory or min(
            2**30, hardware.free_memory(self._engine.device) // 2
        )
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
        probe = torch.zeros(1, self._engine.channels, side, side, device="cpu")
        level = torch.zeros(1, device="cpu") if self._engine.takes_level else None
        times = []
        for _ in range(3):  # the first warms up; another program may disturb one of the others
            start = time.perf_counter()
            self._engine(probe, level, scale)
            times.append(time.perf_counter() - start)
        return min(times) / side**2

    def _smaller(self, tile: int, error: BaseException) -> int:
        """The next tile to try."""
        if tile == UNCUT:
            raise ResourceError(
                "not enough memory for the whole picture; pass --tile or leave "
                "--attention whole out"
            ) from error
        if self._options.tile is not None or tile <= 2 * self._engine.grid:
            raise ResourceError(
                f"not enough memory for tiles of {tile} pixels; pass a smaller --tile"
            ) from error
        return tile // 2

    def _pass(
        self,
        lq: Tensor,
        told: Condition,
        tile: int,
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> Tensor:
        height, width = lq.shape[-2:]
        overlap = self._options.overlap
        plan = list(tiles(height, width, tile=tile, overlap=overlap, grid=self._engine.grid))
        _log.debug("%d x %d pixels, tiles: %d", width, height, len(plan))
        ensemble = self._options.self_ensemble and self._task.kind != "pattern"
        total = len(plan) * (8 if ensemble else 1)
        out: Tensor | None = None
        done = 0

        def run(x: Tensor, level: Tensor | None) -> Tensor:
            nonlocal done
            if cancel is not None and cancel.is_set():
                raise Cancelled("cancelled")
            restored = self._engine(x, level, told.scale)
            done += len(x)
            if progress is not None:
                progress(done, total)
            return restored

        for parts in batches(plan, self._engine.batch):
            given, level = torch.cat([part.cut(lq) for part in parts]), _level_of(parts, told.level)
            restored = self_ensemble(run, given, level) if ensemble else run(given, level)
            if len(plan) == 1:
                out = restored
            else:
                if out is None:
                    sides = height * told.scale, width * told.scale
                    out = torch.zeros(1, restored.shape[1], *sides, device="cpu")
                for part, one in zip(parts, restored, strict=True):
                    part.add_to(out, one, told.scale)
        assert out is not None
        return out

    def _as_released(
        self, lq: Tensor, told: Condition, progress: Progress | None, cancel: Cancel | None
    ) -> Tensor:
        """In quarters, as the authors' program does."""
        times = 8 if self._options.self_ensemble else 1
        total = times * number_of_parts(lq.shape[-2], lq.shape[-1], told.scale)
        done = 0

        def run_part(part: Tensor) -> Tensor:
            nonlocal done
            if cancel is not None and cancel.is_set():
                raise Cancelled("cancelled")
            restored = self._engine(part, told.level, told.scale)
            done += 1
            if progress is not None:
                progress(done, total)
            return restored

        def run(x: Tensor, level: Tensor | None) -> Tensor:
            return quartered(run_part, x, told.scale)

        return self_ensemble(run, lq, None) if times == 8 else run(lq, None)


def _level_of(parts: list[Tile], level: Tensor | None) -> Tensor | None:
    """The level of each tile of a batch."""
    if level is None:
        return None
    if level.ndim == 4:
        return torch.cat([part.cut(level) for part in parts])
    return level.expand(len(parts))


def filled_up(x: Tensor, multiple: int, beyond: Literal["reflect", "replicate"] | None) -> Tensor:
    """Let a picture go on until its sides suit the network.

    Networks are trained on patches of such sides. At other sides the mask branches, which halve
    them, see a border that they never saw, and the last rows and columns come out worse.

    Args:
        x: ``(B, C, H, W)``.
        multiple: Of the engine.
        beyond: Of the task. A side that is too short for a mirror stays as it is.
    """
    if beyond is None:
        return x
    bottom, right = (
        missing if side > missing else 0
        for side, missing in ((side, -side % multiple) for side in x.shape[-2:])
    )
    return F.pad(x, (0, right, 0, bottom), mode=beyond) if bottom or right else x
