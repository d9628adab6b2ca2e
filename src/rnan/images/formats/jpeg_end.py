"""JPEG files that lack their end: whether what is there is the whole picture."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SOI, _EOI, _SOS, _SOF_PROGRESSIVE = 0xD8, 0xD9, 0xDA, 0xC2
_RESTARTS = range(0xD0, 0xD8)
_COEFFICIENTS = 64
_END = b"\xff\xd9"
_OTHER = b"\x55" * 4096
"""What a complete picture does not care for, and one that waits for more takes for its pixels."""


def is_cut_off(data: bytes) -> bool:
    """Whether a JPEG file has pixels and no end."""
    if not data.startswith(b"\xff\xd8"):
        return False
    scan = next((at for kind, _, at in _segments(data) if kind == _SOS), None)
    # Pixels hold no such bytes; what stands before them, a thumbnail, may.
    return scan is not None and data.find(_END, scan) < 0


def completed(data: bytes) -> bytes | None:
    """The file with its end; none where pixels are missing too.

    Whether they are is found by decoding it twice: bytes that stand before the end change nothing
    in a complete picture.

    Args:
        data: A file of which :func:`is_cut_off` is true.
    """
    if not _all_scans(data):
        return None
    data = data.removesuffix(b"\xff")
    one, other = (_decoded(data + between + _END) for between in (b"", _OTHER))
    return data + _END if np.array_equal(one, other) else None


def _decoded(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def _all_scans(data: bytes) -> bool:
    """Whether no scan of a progressive file is missing: each coefficient came down to its bits."""
    components: list[int] = []
    missing: set[tuple[int, int]] = set()
    for kind, body, _ in _segments(data):
        if kind == _SOF_PROGRESSIVE and len(body) >= 6:
            components = list(body[6 : 6 + 3 * body[5] : 3])
            missing = {(one, index) for one in components for index in range(_COEFFICIENTS)}
        elif kind == _SOS and components and body and len(body) >= 4 + 2 * body[0]:
            number = body[0]
            first, last, bits = body[1 + 2 * number : 4 + 2 * number]
            if bits & 0x0F == 0:
                those = body[1 : 1 + 2 * number : 2]
                missing -= {(one, index) for one in those for index in range(first, last + 1)}
    return not missing


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Kind, content and place of each segment, without the pixels behind a scan's head."""
    at = 2
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return
        kind = data[at + 1]
        if kind in (0x00, 0xFF) or kind in _RESTARTS or kind in (_SOI, _EOI):
            at += 1 if kind == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            return
        yield kind, data[at + 4 : at + 2 + length], at
        at += 2 + length
