"""The boxes that AVIF and HEIF files are made of (ISO/IEC 14496-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from rnan.images.cicp import Cicp, known

_MOST = 10_000
"""Boxes that are looked at."""
_CONTAINERS = (b"meta", b"iprp", b"ipco")


def contents(data: bytes, kind: bytes) -> Iterator[tuple[int, int]]:
    """Where the contents of a picture's properties of a kind begin and end."""
    return _walked(data, 0, len(data), kind, [_MOST])


def cicp_of(data: bytes) -> Cicp | None:
    """What a file says of its colours in its first ``nclx`` (12.1.5)."""
    for start, end in contents(data, b"colr"):
        if data[start : start + 4] == b"nclx" and end - start >= 10:
            return known(*struct.unpack_from(">HH", data, start + 4))
    return None


def with_cicp(data: bytes, cicp: Cicp) -> bytes:
    """A file whose ``nclx`` say other colours; the matrix stays the coded one."""
    changed = bytearray(data)
    for start, end in contents(data, b"colr"):
        if data[start : start + 4] == b"nclx" and end - start >= 10:
            struct.pack_into(">HH", changed, start + 4, cicp.primaries, cicp.transfer)
    return bytes(changed)


def bits_of_avif(data: bytes) -> int:
    """Bits a channel of an AVIF: 8, 10 or 12 (AV1-ISOBMFF, 2.3.3)."""
    for start, end in contents(data, b"av1C"):
        if end - start >= 4:
            high, twelve = data[start + 2] & 0x40, data[start + 2] & 0x20
            return 12 if high and twelve else 10 if high else 8
    return 8


def _walked(
    data: bytes, start: int, end: int, wanted: bytes, left: list[int]
) -> Iterator[tuple[int, int]]:
    while start + 8 <= end and left[0]:
        left[0] -= 1
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        size = end - start if size == 0 else size
        if size < head or start + size > end:
            return
        inside = start + head
        if kind == wanted:
            yield inside, start + size
        elif kind in _CONTAINERS:
            version = 4 if kind == b"meta" else 0
            yield from _walked(data, inside + version, start + size, wanted, left)
        start += size
