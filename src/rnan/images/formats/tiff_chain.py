"""The chain of a TIFF file's directories, walked before a library follows it."""

import math
import struct
from typing import Any

from rnan.errors import InputError

MOST_PAGES = 10_000
"""Directories in a row; more are refused."""
_FEW_SEGMENTS = 4096
"""Tiles or strips that even a small file may claim: some programs leave out empty ones."""


def check_chain(data: bytes, name: str) -> None:
    """Refuse a file whose pages have no end.

    Args:
        data: The whole file.
        name: What messages call it.

    Raises:
        InputError: A directory comes twice or is cut off, or there are more than
            :data:`MOST_PAGES`.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2], "")
    is_big = data[2:4] in (b"+\0", b"\0+")  # BigTIFF
    number, address, entry = ("Q", "Q", 20) if is_big else ("H", "I", 12)
    head, long = struct.calcsize(f"={number}"), struct.calcsize(f"={address}")
    seen: set[int] = set()
    try:
        (at,) = struct.unpack_from(order + address, data, 8 if is_big else 4)
        while at:
            if at in seen:
                raise InputError(f"{name} is damaged: its pages go round in a circle")
            if len(seen) >= MOST_PAGES:
                raise InputError(f"{name} holds more than {MOST_PAGES} pages")
            seen.add(at)
            (entries,) = struct.unpack_from(order + number, data, at)
            following = at + head + entry * entries
            if following + long > len(data):
                # tifffile 2026.3.3 takes what stands before the end for the next place.
                raise InputError(f"{name} is cut off: its list of pages has no end")
            (at,) = struct.unpack_from(order + address, data, following)
    except struct.error:
        return


def check_segments(page: Any, size: int, name: str) -> None:
    """Refuse a page of tifffile's that is cut into more tiles or strips than its file can hold.

    Raises:
        InputError: There are more than bytes in the file.
    """
    segments = math.prod(page.chunked)
    if segments > max(size, _FEW_SEGMENTS):
        raise InputError(f"{name} is damaged: it claims {segments} tiles in {size} bytes")
