"""What runs a network: an engine takes a batch of tiles as arrays and gives one back."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rnan.engines.device import free_memory

Array = NDArray[np.float32]


class Engine(Protocol):
    """A network that is ready to run; safe to call from several threads."""

    device: str
    """Where it runs: ``cpu``, ``cuda``, ``cuda:1``, ``mps``."""
    channels: int
    """Channels of the input."""
    scales: tuple[int, ...]
    """Enlargements that it can make."""
    takes_level: bool
    """Whether it has a channel for the level."""
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

    def __call__(self, lq: Array, level: Array | None, scale: int) -> Array:
        """Run the network.

        Args:
            lq: ``(B, C, H, W)`` in [0, 1], noise beyond.
            level: ``(B,)`` or a map ``(B, 1, H, W)``, over the task's scale; none where the network
                has no channel for it.
            scale: Enlargement.

        Returns:
            ``(B, C', H·scale, W·scale)``.

        Raises:
            MemoryError: There is not enough.
            WeightsError: The network gives values that are not finite.
        """
        ...

    def free_memory(self) -> int:
        """Bytes that can still be taken where it runs."""
        ...


class BaseEngine:
    """What most engines have in common."""

    device = "cpu"
    as_released = False
    batch = 1

    def free_memory(self) -> int:
        """See :class:`Engine`."""
        return free_memory(self.device)
