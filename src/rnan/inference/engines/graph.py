"""Exported networks: ONNX graphs, run by another program than PyTorch."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rnan.errors import ConfigError, WeightsError
from rnan.inference.engines.runtimes import Graph
from rnan.models import RNANConfig
from rnan.settings import from_mapping, to_mapping

METADATA = "rnan"
"""Key of an ONNX file's metadata under which :class:`GraphInfo` stands, as JSON."""

CARD = "rnan_card"
"""Key of the model's card."""

WINDOW = 24
"""Side of the windows of networks that were trained with none: their scores stand in memory, which
fewer tokens keep small."""

_LARGEST_TILE = 768
"""Beyond this side a larger tile is no faster."""

_LIVE_MAPS, _LIVE_SCORES = 10, 3
"""Feature maps, and matrices of the attention's scores, that are alive at once in float32; as
measured with ONNX Runtime at 512x768."""


@dataclass(frozen=True, kw_only=True)
class GraphInfo:
    """What an exported network says of itself."""

    task: str
    """Name of the task."""
    name: str
    """Of the weights."""
    version: str
    """Of the program that exported it."""
    config: RNANConfig
    """Shape of the network."""
    window: int
    """Side of the attention windows."""
    scale: int
    """How many times it enlarges."""
    level: float | None = None
    """The only level that it knows, in the task's units; none where it is told."""
    half: bool = False
    """Whether it computes in 16 bits."""
    weights_sha256: str = ""
    """Of the weights that it was made from."""

    @property
    def takes_level(self) -> bool:
        """Whether the level is its second input."""
        return self.config.level_channel and self.level is None

    @property
    def grid(self) -> int:
        """Tiles start on multiples of this many input pixels."""
        return self.config.unshuffle * math.lcm(2, self.window)

    @property
    def bytes_per_pixel(self) -> int:
        """About how much memory a run takes, for each input pixel."""
        floats = _LIVE_MAPS * self.config.features
        if "N" in self.config.plan:
            floats += _LIVE_SCORES * self.window**2
        return 4 * floats // self.config.unshuffle**2

    def to_text(self) -> str:
        """For the file."""
        return json.dumps(to_mapping(self), sort_keys=True)


def info_of(metadata: dict[str, str], *, name: str) -> GraphInfo:
    """What a file says of itself.

    Raises:
        WeightsError: It was not exported by this program.
    """
    if METADATA not in metadata:
        raise WeightsError(
            f"{name} was not exported by rnan; rnan evaluate --model peer:{name} measures it"
        )
    try:
        return from_mapping(GraphInfo, json.loads(metadata[METADATA]))
    except (ValueError, ConfigError) as error:
        raise WeightsError(f"{name} was exported by another version of rnan: {error}") from error


class GraphEngine:
    """Runs an exported network; safe to call from several threads.

    Args:
        info: What it is.
        scales: Enlargements.
        open_graph: Opens the graph of a scale; called once for each that is asked for.
        device: Where it runs.
        anew: Opens the same in another process, to which an open graph cannot be sent, and what it
            is called with.
    """

    as_released = False

    def __init__(
        self,
        info: GraphInfo,
        scales: Sequence[int],
        open_graph: Callable[[int], Graph],
        *,
        device: torch.device,
        anew: tuple[Callable[..., Any], tuple[Any, ...]],
    ) -> None:
        self.info = info
        self._anew = anew
        self.device = device
        self.channels = info.config.channels_in
        self.scales = tuple(scales)
        self.takes_level = info.takes_level
        self.attention = f"windows of {info.window}"
        self.grid = info.grid
        self.multiple = info.config.multiple
        self.largest_tile: int | None = _LARGEST_TILE
        self.bytes_per_pixel = info.bytes_per_pixel
        self.batch = 1
        self._open = open_graph
        self._graphs: dict[int, Graph] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._anew

    def __call__(self, lq: Tensor, level: Tensor | None, scale: int) -> Tensor:
        """See :class:`rnan.inference.engines.Engine`."""
        with self._lock:
            if scale not in self._graphs:
                self._graphs[scale] = self._open(scale)
        given: list[Any] = [lq.contiguous().numpy()]
        if level is not None:
            plane = level[:, None, None, None] if level.ndim == 1 else level
            size = (len(lq), 1, lq.shape[-2], lq.shape[-1])
            given.append(plane.float().expand(size).contiguous().numpy())
        restored = torch.from_numpy(self._graphs[scale](*given))
        if not restored.isfinite().all():
            what = "export it without --fp16" if self.info.half else "its weights are broken"
            raise WeightsError(f"the network gives values that are not finite; {what}")
        return restored
