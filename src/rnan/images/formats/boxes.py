"""The boxes that AVIF and HEIF files are made of (ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterator

from rnan.images.cicp import Cicp, known

_MOST = 10_000
"""Boxes that are looked at."""
_CONTAINERS = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"iinf": 6, b"moov": 0, b"uuid": 16}
"""Boxes that hold others, and the bytes before those."""


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


def has_readable_names(data: bytes) -> bool:
    """Whether kinds, names and content types of a file's items are text, as they have to be (12.6).

    A damaged file is refused here, before a library is handed it. One of too many boxes to look
    through is taken for one that is not readable.
    """
    left = [_MOST]
    for start, end in _walked(data, 0, len(data), b"infe", left):
        head = 10 if data[start : start + 1] == b"\3" else 8  # behind number and protection
        try:
            data[start + head : end].decode("utf-8")
        except UnicodeDecodeError:
            return False
    return left[0] > 0


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
            first = inside + _CONTAINERS[kind]
            if kind == b"iinf" and data[inside : inside + 1] != b"\0":
                first += 2  # a longer count
            yield from _walked(data, first, start + size, wanted, left)
        start += size
