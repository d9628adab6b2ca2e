"""EXIF blocks, made true again after the pixels changed.

They are patched in place, so that what a camera's maker wrote stays readable.
"""

import contextlib
import struct
from collections.abc import Callable

from rnan.images.orientation import flipped, is_on_its_side, known_orientation

_ORIENTATION, _WIDTH, _HEIGHT, _EXIF_IFD = 0x0112, 0xA002, 0xA003, 0x8769
_COLOUR_SPACE, _INTEROP_IFD, _INTEROP_INDEX = 0xA001, 0xA005, 0x0001
_SUBJECT_AREA, _SUBJECT_LOCATION = 0x9214, 0xA214
_SIZES = (0x0100, 0x0101, _WIDTH, _HEIGHT)
"""Width and height of the picture, and again among those of the camera."""
_THUMBNAIL_AT, _THUMBNAIL_LENGTH = 0x0201, 0x0202
_SHORT, _LONG = 3, 4
_TIFF_MAGIC = 42
_PREFIX = b"Exif\0\0"
_BROKEN = (struct.error, ValueError, KeyError)
"""What following a damaged block ends in."""

Size = tuple[int, int]
"""Height and width."""


def upright_exif(exif: bytes | None, size: Size | None = None) -> bytes | None:
    """An EXIF block for pixels that stand upright: orientation 1, no thumbnail."""
    if not exif:
        return None
    block = bytearray(exif.removeprefix(_PREFIX))
    try:
        _Block(block).make_upright(size)
    except _BROKEN:
        return None
    return bytes(block)


def exif_for_size(exif: bytes, size: Size, before: Size | None = None) -> bytes:
    """The block with the dimensions of pixels that were enlarged or turned."""
    block = bytearray(exif)
    with contextlib.suppress(*_BROKEN):
        _Block(block).set_size(size, before or size)
    return bytes(block)


def srgb_exif(exif: bytes) -> bytes:
    """The block of a picture whose colours became sRGB."""
    block = bytearray(exif)
    with contextlib.suppress(*_BROKEN):
        _Block(block).set_srgb()
    return bytes(block)


def colour_space_of(exif: bytes | None) -> str:
    """What a block says of colours: ``sRGB``, ``Adobe RGB``, ``uncalibrated``, or nothing."""
    if not exif:
        return ""
    try:
        return _Block(bytearray(exif.removeprefix(_PREFIX))).colour_space()
    except _BROKEN:
        return ""


def orientation_of(exif: bytes | None) -> int:
    """How a picture was turned, 1 to 8; 1 where it has no entry."""
    if not exif:
        return 1
    try:
        return known_orientation(_Block(bytearray(exif.removeprefix(_PREFIX))).orientation())
    except _BROKEN:
        return 1


class _Block:
    """An EXIF block, patched in place."""

    def __init__(self, data: bytearray) -> None:
        self._data = data
        self._order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]), "")
        if not self._order or self._unpack("H", 2) != _TIFF_MAGIC:
            raise ValueError("no TIFF header")
        self._first = self._unpack("I", 4)

    def orientation(self) -> int:
        entry = self._entries(self._first).get(_ORIENTATION)
        return 1 if entry is None else self._number(entry)

    def colour_space(self) -> str:
        entries = self._camera()
        if self._adobe_index(entries) is not None:
            return "Adobe RGB"
        if _COLOUR_SPACE not in entries:
            return ""
        names = {1: "sRGB", 2: "Adobe RGB"}
        return names.get(self._number(entries[_COLOUR_SPACE]), "uncalibrated")

    def set_srgb(self) -> None:
        entries = self._camera()
        if _COLOUR_SPACE in entries:
            self._set(entries[_COLOUR_SPACE], 1)
        index = self._adobe_index(entries)
        if index is not None:
            self._data[index : index + 3] = b"R98"

    def make_upright(self, size: Size | None) -> None:
        turned = self.orientation()
        entries = self._entries(self._first)
        if _ORIENTATION in entries:
            self._set(entries[_ORIENTATION], 1)
        if size is not None and turned != 1:
            self._move_subject(lambda x, y: _turned(x, y, size, turned), is_on_its_side(turned))
        next_at = self._first + 2 + 12 * self._unpack("H", self._first)
        second = self._unpack("I", next_at)
        if second:
            self._blank_thumbnail(second)
            struct.pack_into(self._order + "I", self._data, next_at, 0)

    def set_size(self, size: Size, before: Size) -> None:
        height, width = size
        inner = self._camera()
        entries = self._entries(self._first)
        entries |= {tag: inner[tag] for tag in (_WIDTH, _HEIGHT) if tag in inner}
        for tag, value in zip(_SIZES, (width, height) * 2, strict=True):
            if tag in entries:
                self._set(entries[tag], value)
        if size != before:
            down, across = height / before[0], width / before[1]
            self._move_subject(lambda x, y: (x * across, y * down), False, (across, down))

    def _camera(self) -> dict[int, int]:
        """The entries of the directory that cameras fill."""
        entries = self._entries(self._first)
        return self._entries(self._number(entries[_EXIF_IFD])) if _EXIF_IFD in entries else {}

    def _adobe_index(self, entries: dict[int, int]) -> int | None:
        """Where the interoperability index says Adobe RGB, in its value; none if it does not."""
        if _INTEROP_IFD not in entries:
            return None
        index = self._entries(self._number(entries[_INTEROP_IFD])).get(_INTEROP_INDEX)
        if index is None or self._data[index + 8 : index + 11] != b"R03":
            return None
        return index + 8

    def _move_subject(
        self,
        moved: Callable[[float, float], tuple[float, float]],
        swaps: bool,
        times: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """Move the place and the sides of what the picture shows: x, y, and none, one or two."""
        entries = self._camera()
        for tag in (_SUBJECT_AREA, _SUBJECT_LOCATION):
            if tag not in entries:
                continue
            kind, number = struct.unpack_from(self._order + "HI", self._data, entries[tag] + 2)
            if kind != _SHORT or not 2 <= number <= 4:
                continue
            at = entries[tag] + 8 if number == 2 else self._unpack("I", entries[tag] + 8)
            x, y, *sides = struct.unpack_from(f"{self._order}{number}H", self._data, at)
            sides = [side * ratio for side, ratio in zip(sides, times, strict=False)]
            values = [*moved(x, y), *(sides[::-1] if swaps else sides)]
            whole = [min(max(round(value), 0), 65535) for value in values]
            struct.pack_into(f"{self._order}{number}H", self._data, at, *whole)

    def _blank_thumbnail(self, directory: int) -> None:
        with contextlib.suppress(*_BROKEN):
            entries = self._entries(directory)
            start = self._number(entries[_THUMBNAIL_AT])
            stop = min(start + self._number(entries[_THUMBNAIL_LENGTH]), len(self._data))
            self._data[start:stop] = bytes(max(0, stop - start))

    def _entries(self, directory: int) -> dict[int, int]:
        """Positions of the entries of a directory, by tag."""
        number = self._unpack("H", directory)
        positions = [directory + 2 + 12 * index for index in range(number)]
        return {self._unpack("H", position): position for position in positions}

    def _number(self, entry: int) -> int:
        kind = self._unpack("H", entry + 2)
        return self._unpack("H" if kind == _SHORT else "I", entry + 8)

    def _set(self, entry: int, value: int) -> None:
        kind = _SHORT if value < 2**16 else _LONG
        struct.pack_into(self._order + "HI", self._data, entry + 2, kind, 1)
        form = "HH" if kind == _SHORT else "I"
        values = (value, 0) if kind == _SHORT else (value,)
        struct.pack_into(self._order + form, self._data, entry + 8, *values)

    def _unpack(self, form: str, position: int) -> int:
        (value,) = struct.unpack_from(self._order + form, self._data, position)
        return int(value)


def _turned(x: float, y: float, size: Size, orientation: int) -> tuple[float, float]:
    """Where a pixel of the stored picture stands in the upright one."""
    height, width = size
    if is_on_its_side(orientation):
        x, y, height, width = y, x, width, height
    from_below, from_the_right = flipped(orientation)
    return width - 1 - x if from_the_right else x, height - 1 - y if from_below else y
