"""What runs a network: each engine takes a batch of tiles on the CPU and gives one back."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Engine(Protocol):
    """A network that is ready to run."""

    device: torch.device
    channels: int
    """Channels of the input."""
    scales: tuple[int, ...]
    """Enlargements that it can make."""
    takes_level: bool
    """Whether it is told the level."""
    attention: str
    """How far its non-local blocks see, in words."""
    as_released: bool
    """Whether pictures are cut as the authors' program cuts them, see ``quartering.py``."""
    grid: int
    """Tiles start on multiples of this many input pixels."""
    multiple: int
    """Sides of a picture are best a multiple of this many input pixels."""
    largest_tile: int | None
    """Side, in input pixels, beyond which larger tiles gain nothing or cost too much; none where
    the picture must not be cut."""
    bytes_per_pixel: int
    """About how much memory the features take, for each input pixel."""
    batch: int
    """Tiles that it takes at once where several have one size."""

    def __call__(self, lq: Tensor, level: Tensor | None, scale: int) -> Tensor:
        """``(B, C, H, W)`` float32 in [0, 1] on the CPU to the same, enlarged by ``scale``.

        ``level`` is ``(B,)`` or a map ``(B, 1, H, W)``, over the task's scale.
        """
        ...
