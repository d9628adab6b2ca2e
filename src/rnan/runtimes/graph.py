"""Graphs that another program than PyTorch runs."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rnan.errors import WeightsError

Array = NDArray[np.float32]


class Graph(Protocol):
    """A graph that is ready to run; safe to call from several threads."""

    metadata: dict[str, str]
    """What the file says of itself."""
    inputs: list[tuple[str, list[int | None]]]
    """Name and shape of each; none where any size will do."""

    def __call__(self, *arrays: Array) -> Array:
        """The first output.

        Raises:
            MemoryError: There is not enough.
            WeightsError: The graph cannot take these arrays.
        """
        ...


def load_error(program: str, error: Exception) -> WeightsError:
    """What a program raised while it loaded a file, in one line."""
    return WeightsError(f"{program} cannot load it: {_first_line(error)}")


def run_error(program: str, error: Exception) -> Exception:
    """What a program raised while it ran a graph: memory that ran out, or one line."""
    message = _first_line(error)
    if isinstance(error, MemoryError) or "alloc" in message.lower():
        return MemoryError(message)
    return WeightsError(f"{program} cannot run it: {message}")


def sizes(shape: list[Any]) -> list[int | None]:
    """A shape whose free sides are ``None``."""
    return [size if isinstance(size, int) else None for size in shape]


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
