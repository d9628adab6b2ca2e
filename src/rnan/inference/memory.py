"""Memory that does not suffice: refused before work begins, or in one line when it runs out."""

from collections.abc import Iterator
from contextlib import contextmanager

from rnan.engines import device
from rnan.errors import OptionRef, ResourceError

_BYTES_OF_RESULT = 45
"""Memory that a pixel of the network's result takes beside the tiles, at its depth and with
opacity, up to the written file; measured on 41 megapixels."""


def refuse_too_large(height: int, width: int) -> None:
    """Refuse a result for which memory is too short, before any work is done for it."""
    needed = _BYTES_OF_RESULT * height * width
    free = device.free_memory()
    if needed > free:
        raise ResourceError(
            f"{height * width / 1e6:.0f} megapixels ({width}x{height}) take about "
            f"{needed / 2**30:.1f} GiB of memory, {free / 2**30:.1f} are free; cut the picture "
            "into parts, or enlarge it less"
        )


@contextmanager
def enough_memory(*otherwise: str | OptionRef) -> Iterator[None]:
    """Work that may run out of memory."""
    try:
        yield
    except MemoryError as error:
        raise ResourceError(*otherwise) from error
