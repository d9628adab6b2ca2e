"""Restore pictures: a task, weights and settings behind one call."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnan.errors import Cancelled, ConfigError, ResourceError
from rnan.inference import device as hardware
from rnan.inference.adapters import to_planes
from rnan.inference.engines import Engine
from rnan.inference.ensemble import self_ensemble
from rnan.inference.options import RestoreOptions
from rnan.inference.tiling import tiles
from rnan.tasks import Task

Progress = Callable[[int, int], None]
"""Called with the tiles done and the tiles in all."""

Level = float | str | NDArray[Any]


class Cancel(Protocol):
    """What says that the work shall stop; ``threading.Event`` is one."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class Restorer:
    """Restores pictures for one task with one network; safe to call from several threads.

    Args:
        task: What is restored.
        engine: What runs the network.
        options: How.
    """

    def __init__(self, task: Task, engine: Engine, options: RestoreOptions | None = None) -> None:
        self.task = task
        self.engine = engine
        self.options = options or RestoreOptions()

    def __call__(
        self,
        picture: Any,
        *,
        level: Level = "auto",
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Any:
        """Restore one picture (or a batch of tensors).

        Args:
            picture: PIL; numpy ``(H, W)`` or ``(H, W, C)``, uint8, uint16, or float with white
                at 1; a tensor ``(C, H, W)`` or ``(N, C, H, W)``, float with white at 1.
                Gray pictures are taken by colour networks; opacity comes back unchanged.
            level: For denoising σ on the 0-255 scale whatever the depth: a number, a map
                ``(H, W)``, or ``"auto"`` to estimate it.
            progress: Called after each tile with the tiles done and the tiles in all.
            cancel: Looked at before each tile.

        Returns:
            The same kind, layout and depth; float is neither clipped nor rounded.

        Raises:
            InputError: The picture is not of a kind above.
            ConfigError: The level is out of range.
            Cancelled: ``cancel`` was set.
            ResourceError: Not even the smallest tile fits into memory.
        """
        planes = to_planes(picture)
        restored = [
            self._restore(
                plane, self._level(level, plane, clipped=planes.clipped), progress, cancel
            )
            for plane in planes.pictures
        ]
        return planes.back(restored)

    def estimate(self, picture: Any) -> float:
        """The level that ``level="auto"`` takes: for denoising σ on the 0-255 scale."""
        planes = to_planes(picture)
        return self._estimate(planes.pictures[0], clipped=planes.clipped)

    def seconds_for(self, height: int, width: int) -> float:
        """About how long a picture of that size takes, from one small tile timed here."""
        side = 8 * self.engine.grid if self.engine.grid > 8 else 192
        probe = torch.zeros(1, self.engine.channels, side, side)
        level = torch.zeros(1) if self.engine.takes_level else None
        scale = self.engine.scales[0]
        times = []
        for _ in range(3):  # the first warms up; another program may disturb one of the others
            start = time.perf_counter()
            self.engine(probe, level, scale)
            times.append(time.perf_counter() - start)
        seconds = min(times)
        overlap = (1 + self.options.overlap / self._tile()) ** 2
        area = height * width * (overlap if max(height, width) > self._tile() else 1)
        return seconds * area / side**2 * (8 if self.options.self_ensemble else 1)

    def _estimate(self, plane: Tensor, *, clipped: bool) -> float:
        from rnan.estimation import estimate_sigma

        sigma = estimate_sigma(plane.permute(1, 2, 0).numpy() * 255.0, clipped=clipped)
        low, high = self.task.level_range
        return min(max(sigma, low), high)

    def _level(self, level: Level, plane: Tensor, *, clipped: bool) -> Tensor | None:
        """The level as the network is told it: ``(1,)`` or a map ``(1, 1, H, W)``."""
        if not self.engine.takes_level:
            return None
        if isinstance(level, str):
            if level != "auto":
                raise ConfigError(f"{self.task.level_name} must be a number or auto, got {level!r}")
            level = self._estimate(plane, clipped=clipped)
        try:
            values = np.asarray(level, dtype=np.float32)
        except (TypeError, ValueError):
            raise ConfigError(
                f"{self.task.level_name} must be a number, a map or auto, got {level!r}"
            ) from None
        if values.size == 0:
            raise ConfigError(f"the map of {self.task.level_name} is empty")
        for extreme in (values.min(), values.max()):
            self.task.check_level(float(extreme))
        if values.ndim == 0:
            return torch.from_numpy(values[None] / np.float32(self.task.level_scale))
        if values.shape != tuple(plane.shape[1:]):
            raise ConfigError(
                f"a map of {self.task.level_name} must have the picture's size "
                f"{tuple(plane.shape[1:])}, got {values.shape}"
            )
        return torch.from_numpy(values[None, None] / np.float32(self.task.level_scale))

    def _restore(
        self, plane: Tensor, level: Tensor | None, progress: Progress | None, cancel: Cancel | None
    ) -> Tensor:
        channels = plane.shape[0]
        # A gray picture goes through a colour network as three equal planes.
        lq = plane.expand(self.engine.channels, -1, -1) if channels == 1 else plane
        if lq.shape[0] != self.engine.channels:
            raise ConfigError(
                f"this network takes {self.engine.channels} channel, the picture has {channels}"
            )
        restored = self._tiled(lq[None], level, progress, cancel)[0]
        if channels == 1 and restored.shape[0] != 1:
            restored = restored.mean(dim=0, keepdim=True)
        if self.options.strength < 1.0:
            restored = torch.lerp(plane, restored, self.options.strength)
        return restored

    def _tiled(
        self, lq: Tensor, level: Tensor | None, progress: Progress | None, cancel: Cancel | None
    ) -> Tensor:
        tile = self._tile()
        while True:
            try:
                return self._pass(lq, level, tile, progress, cancel)
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.options.tile is not None or tile <= 2 * self.engine.grid:
                    raise ResourceError(
                        f"not enough memory for tiles of {tile} pixels; pass a smaller --tile"
                    ) from error
                tile //= 2

    def _pass(
        self,
        lq: Tensor,
        level: Tensor | None,
        tile: int,
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> Tensor:
        scale = self.engine.scales[0]
        height, width = lq.shape[-2:]
        overlap = self.options.overlap
        plan = list(tiles(height, width, tile=tile, overlap=overlap, grid=self.engine.grid))
        out: Tensor | None = None
        for done, part in enumerate(plan):
            if cancel is not None and cancel.is_set():
                raise Cancelled("cancelled")
            part_level = part.cut(level) if level is not None and level.ndim == 4 else level
            restored = self._one(part.cut(lq), part_level, scale)
            if len(plan) == 1:
                out = restored
            else:
                if out is None:
                    out = torch.zeros(*restored.shape[:2], height * scale, width * scale)
                part.add_to(out, restored, scale)
            if progress is not None:
                progress(done + 1, len(plan))
        assert out is not None
        return out

    def _one(self, lq: Tensor, level: Tensor | None, scale: int) -> Tensor:
        if self.options.self_ensemble:
            return self_ensemble(lambda x, told: self.engine(x, told, scale), lq, level)
        return self.engine(lq, level, scale)

    def _tile(self) -> int:
        if self.options.tile is not None:
            return self.options.tile
        budget = self.options.max_memory or min(
            2**30, hardware.free_memory(self.engine.device) // 2
        )
        side = math.isqrt(budget // self.engine.bytes_per_pixel)
        grid = self.engine.grid
        return max(2 * grid, min(side, self.engine.largest_tile) // grid * grid)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, whatever its class, says that memory ran out."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        "can't allocate memory" in str(error) or "not enough memory" in str(error)
    )
