"""What a file says besides its pixels, made true again after the pixels changed."""

from __future__ import annotations

import contextlib
import re
import struct
from dataclasses import dataclass, replace
from typing import Any

_ORIENTATION, _WIDTH, _HEIGHT, _EXIF_IFD = 0x0112, 0xA002, 0xA003, 0x8769
_SIZES = (0x0100, 0x0101, _WIDTH, _HEIGHT)
"""Width and height of the picture, and again among those of the camera."""
_THUMBNAIL_AT, _THUMBNAIL_LENGTH = 0x0201, 0x0202
_SHORT, _LONG = 3, 4
_TIFF_MAGIC = 42
_PREFIX = b"Exif\0\0"
_XMP_ORIENTATION = (
    rb'(tiff:Orientation\s*=\s*["\'])(\d)(["\'])',
    rb"(<tiff:Orientation>\s*)(\d)(\s*</)",
)
_BROKEN = (struct.error, ValueError, KeyError)
"""What following a damaged block ends in."""


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What a file says besides its pixels; kept as the file's own bytes."""

    format: str = ""
    """Format of the file as Pillow names it: ``PNG``, ``JPEG``, ``TIFF``, ``WEBP``, ``AVIF``,
    ``HEIF``."""

    icc: bytes | None = None
    """Colour profile."""

    exif: bytes | None = None
    """EXIF block from its TIFF header on; its orientation is applied to the pixels and reset, its
    thumbnail dropped."""

    xmp: bytes | None = None
    """XMP packet; its orientation is reset too, its thumbnails dropped."""

    iptc: bytes | None = None
    """IPTC record: caption, keywords, credit."""

    dpi: tuple[float, float] | None = None
    """Resolution in dots an inch, across and down."""

    png_colour: bytes = b""
    """Chunks of a PNG that stand for a profile: gamma, primaries, coding (HDR); kept in PNG."""

    jpeg_table: tuple[int, ...] | None = None
    """Luma quantisation table of a JPEG file, 64 entries row by row."""

    jpeg_grid: tuple[int, int] | None = None
    """Rows and columns before the first whole block of a JPEG file: none, unless it was turned."""

    jpeg_subsampling: str | None = None
    """Chroma subsampling of a JPEG file: ``4:4:4``, ``4:2:2``, ``4:2:0``; none for others."""

    def without_profile(self) -> Metadata:
        """The same for pixels that the profile does not describe any more."""
        return replace(self, icc=None, png_colour=b"")


def upright_exif(exif: bytes | None) -> bytes | None:
    """An EXIF block for pixels that stand upright: orientation 1, no thumbnail.

    Everything else keeps its place, so that what a camera's maker wrote stays readable. A block
    that cannot be followed is dropped.
    """
    if not exif:
        return None
    block = bytearray(exif.removeprefix(_PREFIX))
    try:
        _Block(block).make_upright()
    except _BROKEN:
        return None
    return bytes(block)


def exif_for_size(exif: bytes, height: int, width: int) -> bytes:
    """The block with the dimensions of pixels that were enlarged or turned."""
    block = bytearray(exif)
    with contextlib.suppress(*_BROKEN):
        _Block(block).set_size(height, width)
    return bytes(block)


def orientation_of(exif: bytes | None) -> int:
    """How a picture was turned, 1 to 8; 1 where nothing is said."""
    if not exif:
        return 1
    try:
        found = _Block(bytearray(exif.removeprefix(_PREFIX))).orientation()
    except _BROKEN:
        return 1
    return found if 1 <= found <= 8 else 1


def orientation_of_xmp(xmp: Any) -> int:
    """What an XMP packet says of it, 1 to 8; 1 where nothing is said."""
    packet = xmp.encode() if isinstance(xmp, str) else bytes(xmp or b"")
    found = next(filter(None, (re.search(form, packet) for form in _XMP_ORIENTATION)), None)
    said = int(found[2]) if found else 1
    return said if 1 <= said <= 8 else 1


def upright_xmp(xmp: Any) -> bytes | None:
    """An XMP packet for pixels that stand upright, without thumbnails."""
    if not xmp:
        return None
    packet = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
    for form in _XMP_ORIENTATION:
        packet = re.sub(form, rb"\g<1>1\g<3>", packet)
    return re.sub(rb"(?s)<(xmp:Thumbnails)\b.*?</\1>", b"", packet)


def xmp_for_size(xmp: bytes, height: int, width: int) -> bytes:
    """The packet with the dimensions of pixels that were enlarged or turned."""
    for name, value in (
        (b"tiff:ImageWidth", width),
        (b"tiff:ImageLength", height),
        (b"exif:PixelXDimension", width),
        (b"exif:PixelYDimension", height),
    ):
        said = rb"\g<1>%d\g<2>" % value
        xmp = re.sub(rb"(" + name + rb"\s*=\s*[\"'])\d+([\"'])", said, xmp)
        xmp = re.sub(rb"(<" + name + rb">\s*)\d+(\s*</)", said, xmp)
    return xmp


class _Block:
    """An EXIF block, patched in place.

    Raises:
        ValueError, KeyError, struct.error: It cannot be followed.
    """

    def __init__(self, data: bytearray) -> None:
        self._data = data
        self._order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]), "")
        if not self._order or self._unpack("H", 2) != _TIFF_MAGIC:
            raise ValueError("no TIFF header")
        self._first = self._unpack("I", 4)

    def orientation(self) -> int:
        entry = self._entries(self._first).get(_ORIENTATION)
        return 1 if entry is None else self._number(entry)

    def make_upright(self) -> None:
        entries = self._entries(self._first)
        if _ORIENTATION in entries:
            self._set(entries[_ORIENTATION], 1)
        next_at = self._first + 2 + 12 * self._unpack("H", self._first)
        second = self._unpack("I", next_at)
        if second:
            self._blank_thumbnail(second)
            struct.pack_into(self._order + "I", self._data, next_at, 0)

    def set_size(self, height: int, width: int) -> None:
        entries = self._entries(self._first)
        if _EXIF_IFD in entries:
            inner = self._entries(self._number(entries[_EXIF_IFD]))
            entries |= {tag: inner[tag] for tag in (_WIDTH, _HEIGHT) if tag in inner}
        for tag, value in zip(_SIZES, (width, height) * 2, strict=True):
            if tag in entries:
                self._set(entries[tag], value)

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
