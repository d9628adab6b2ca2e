"""JPEG files that lack their end: whether what is there is the whole picture."""

import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rnan.errors import InputError

_SOI, _EOI, _SOS, _DRI = 0xD8, 0xD9, 0xDA, 0xDD
_FRAMES = (0xC0, 0xC1, 0xC2)
_PROGRESSIVE = 0xC2
_MOST_SCANS = 500
_RESTARTS = range(0xD0, 0xD8)
_COEFFICIENTS = 64
_END = b"\xff\xd9"
_OTHERS = tuple(byte * 4096 for byte in (b"\x55", b"\xaa", b"\x11"))
"""What a complete picture does not care for, and one that waits for more takes for its pixels."""


def check_scans(data: bytes, name: str) -> None:
    """Refuse a JPEG file of more scans than any encoder writes: each costs time as a picture does.

    Raises:
        InputError: There are more than 500.
    """
    if not data.startswith(b"\xff\xd8"):
        return
    scans = 0
    for kind, _, _ in _segments(data):
        if kind in _FRAMES and kind != _PROGRESSIVE:
            return
        scans += kind == _SOS
        if scans > _MOST_SCANS:
            raise InputError(f"{name} is damaged: it has more than {_MOST_SCANS} scans")


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
    """
    if not _all_scans(data):
        return None
    data = data.removesuffix(b"\xff")
    try:
        one, *others = (_decoded(data + between + _END) for between in (b"", *_OTHERS))
    except Exception:  # decoders raise whatever they like on damaged files
        return None
    return data + _END if all(np.array_equal(one, other) for other in others) else None


def _decoded(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def _all_scans(data: bytes) -> bool:
    """Whether no scan is missing, nor, in the last, a part between restart markers.

    Each coefficient of each component has to come down to its last bit (ITU-T T.81, G.1.1).
    """
    frame, interval, last = b"", 0, (b"", len(data))
    missing: set[tuple[int, int]] = set()
    for kind, body, at in _segments(data):
        if kind in _FRAMES and len(body) >= 6:
            frame = body
            missing = {(one, index) for one in body[6::3] for index in range(_COEFFICIENTS)}
        elif kind == _DRI and len(body) >= 2:
            interval = int.from_bytes(body[:2], "big")
        elif kind == _SOS and body and len(body) >= 4 + 2 * body[0]:
            number = body[0]
            first, until, bits = body[1 + 2 * number : 4 + 2 * number]
            those = body[1 : 1 + 2 * number : 2]
            if bits & 0x0F == 0:
                missing -= {(one, index) for one in those for index in range(first, until + 1)}
            last = those, at
    if missing or not interval or not frame:
        return not missing
    markers = sum(data.count(bytes((0xFF, marker)), last[1]) for marker in _RESTARTS)
    return markers >= -(-_units(frame, last[0]) // interval) - 1


def _units(frame: bytes, components: bytes) -> int:
    """Units that a scan of some components is coded in (A.2)."""
    height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
    sides = {
        frame[at]: (frame[at + 1] & 15 or 1, frame[at + 1] >> 4 or 1)
        for at in range(6, len(frame) - 2, 3)
    }
    tallest, widest = (max((side[axis] for side in sides.values()), default=1) for axis in (0, 1))
    if len(components) > 1:
        down, across = 1, 1
    else:  # the blocks of its own
        down, across = sides.get(components[0], (1, 1))
    return -(-height * down // (8 * tallest)) * -(-width * across // (8 * widest))


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
