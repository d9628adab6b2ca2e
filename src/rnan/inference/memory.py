"""Memory that does not suffice: said before work begins, or in one line when it runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rnan.errors import ResourceError
from rnan.inference import device as hardware

_BYTES_OF_RESULT = 45
"""Memory that a pixel of the network's result takes beside the tiles, at its depth and with
opacity, up to the written file; measured on 41 megapixels."""


def refuse_too_large(height: int, width: int) -> None:
    """Refuse a result for which memory is too short, before any work is done for it.

    Args:
        height: Of the result, in pixels.
        width: Likewise.

    Raises:
        ResourceError: It is.
    """
    needed = _BYTES_OF_RESULT * height * width
    free = hardware.free_memory(torch.device("cpu"))
    if needed > free:
        raise ResourceError(
            f"{height * width / 1e6:.0f} megapixels ({width}x{height}) take about "
            f"{needed / 2**30:.1f} GiB of memory, {free / 2**30:.1f} are free; cut the picture "
            "into parts, or enlarge it less"
        )


@contextmanager
def enough_memory(otherwise: str) -> Iterator[None]:
    """Work that may run out of memory.

    Args:
        otherwise: What to say then.

    Raises:
        ResourceError: It did.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ResourceError(otherwise) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, whatever its class, says that memory ran out."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        "can't allocate memory" in str(error) or "not enough memory" in str(error)
    )
