"""Exported networks: ONNX graphs, run by another program than PyTorch."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnan.engines.engine import Array, BaseEngine
from rnan.errors import WeightsError
from rnan.export.info import GraphInfo
from rnan.runtimes.graph import Graph

_LARGEST_TILE = 768
"""Beyond this side a larger tile is no faster."""


class GraphEngine(BaseEngine):
    """Runs an exported network; safe to call from several threads.

    Args:
        info: What it is.
        scales: Enlargements.
        open_graph: Opens the graph of a scale; called once for each that is asked for.
        device: Where it runs.
        reopen: A function that opens the same in another process, to which an open graph cannot be
            sent, and its arguments.
    """

    def __init__(
        self,
        info: GraphInfo,
        scales: Sequence[int],
        open_graph: Callable[[int], Graph],
        *,
        device: str,
        reopen: tuple[Callable[..., Any], tuple[Any, ...]],
    ) -> None:
        self.info = info
        self._reopen = reopen
        self.device = device
        self.channels = info.config.channels_in
        self.scales = tuple(scales)
        self.takes_level = info.takes_level
        self.attention = f"windows of {info.window}"
        self.grid = info.grid
        self.multiple = info.config.multiple
        self.largest_tile: int | None = _LARGEST_TILE
        self.bytes_per_pixel = info.bytes_per_pixel
        self._open = open_graph
        self._graphs: dict[int, Graph] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._reopen

    def __call__(self, lq: Array, level: Array | None, scale: int) -> Array:
        with self._lock:
            if scale not in self._graphs:
                self._graphs[scale] = self._open(scale)
        given = [np.ascontiguousarray(lq)]
        if level is not None:
            plane = level[:, None, None, None] if level.ndim == 1 else level
            size = (len(lq), 1, *lq.shape[-2:])
            given.append(np.ascontiguousarray(np.broadcast_to(plane, size), np.float32))
        restored = self._graphs[scale](*given)
        if not np.isfinite(restored).all():
            what = "export it in 32 bits" if self.info.half else "its weights are broken"
            raise WeightsError(f"the network gives values that are not finite; {what}")
        return restored
