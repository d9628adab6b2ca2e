"""Chunks of a PNG that Pillow and imagecodecs do not carry over."""

import logging
import struct
import zlib
from collections.abc import Iterator, Sequence

from rnan.images.cicp import Cicp, known

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_log = logging.getLogger(__name__)
_XMP_KEY, _RAW = "XML:com.adobe.xmp", "Raw profile type "
_RAW_READ = tuple(f"{_RAW}{name}" for name in ("exif", "APP1", "xmp"))
"""Blocks of metadata in text that are read as such."""
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_COLOUR = (b"cICP", b"mDCV", b"cLLI", b"cHRM", b"gAMA", b"sRGB")
_ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""First column and row, and steps, of the passes of an interlaced picture (8.2)."""
_MOST_GAMMA = 5.0
_LEAST_Y, _LEAST_AREA = 0.001, 0.0001
"""Least y and least area of the primaries in cHRM; others mean nothing."""
_MOST_TEXT = 2**20
"""Bytes of text that are kept in all."""


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk as it stands in a file: length, name, content and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def colour_chunks(png: bytes) -> bytes:
    """The whole chunks that say which light the numbers stand for, where no profile does."""
    chunks: dict[bytes, bytes] = {}
    for kind, whole in _chunks(png[len(SIGNATURE) :]):
        if kind == b"IDAT":
            break
        if kind in _COLOUR and kind not in chunks and whole == chunk(kind, whole[8:-4]):
            chunks[kind] = whole
    return b"".join(chunks.values())


def cicp_of(chunks: bytes) -> Cicp | None:
    """What a cICP chunk says, among those of :func:`colour_chunks`."""
    body = _bodies(chunks).get(b"cICP", b"")
    return known(body[0], body[1]) if len(body) == 4 else None


def gamma_and_primaries(chunks: bytes) -> tuple[float | None, tuple[float, ...] | None]:
    """From a picture's numbers to light, and x and y of red, green, blue and white."""
    bodies = _bodies(chunks)
    if b"sRGB" in bodies:
        return None, None
    gamma, primaries = bodies.get(b"gAMA", b""), bodies.get(b"cHRM", b"")
    exponent = struct.unpack(">I", gamma)[0] / 100_000 if len(gamma) == 4 else 0.0
    numbers = struct.unpack(">8I", primaries) if len(primaries) == 32 else ()
    # In the file white comes first.
    xy = tuple(number / 100_000 for number in (*numbers[2:], *numbers[:2]))
    sensible = 1 / _MOST_GAMMA <= exponent <= _MOST_GAMMA
    return (1 / exponent if sensible else None), (xy if xy and _spans_colours(xy) else None)


def _spans_colours(xy: Sequence[float]) -> bool:
    """Whether the primaries are a triangle with white in it, as all that mean something."""
    points = [complex(x, y) for x, y in zip(xy[::2], xy[1::2], strict=True)]

    def area(a: complex, b: complex, c: complex) -> float:
        return ((b - a).conjugate() * (c - a)).imag

    red, green, blue, white = points
    parts = (area(red, green, white), area(green, blue, white), area(blue, red, white))
    return min(xy[1::2]) > _LEAST_Y and (min(parts) > _LEAST_AREA or max(parts) < -_LEAST_AREA)


def is_cut_off(png: bytes) -> bool:
    """Whether a file is a PNG without its end."""
    return png.startswith(SIGNATURE) and all(
        kind != b"IEND" for kind, _ in _chunks(png[len(SIGNATURE) :])
    )


def salvaged(png: bytes) -> tuple[bytes, bool]:
    """A file of what is there of one that is cut off, and whether no pixel is missing.

    What is missing is zero.
    """
    whole = list(_chunks(png[len(SIGNATURE) :]))
    width, height, depth, colour, _, _, interlaced = struct.unpack(">2I5B", png[16:29])
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour, 4)
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sides = (
        (-(-(width - left) // across), -(-(height - top) // down))
        for left, top, across, down in passes
    )
    # A row begins with the number of its filter.
    size = sum(high * (1 + -(-wide * bits // 8)) for wide, high in sides if wide > 0 and high > 0)
    packed = b"".join(one[8:-4] for kind, one in whole if kind == b"IDAT")
    packed += png[len(SIGNATURE) + sum(len(one) for _, one in whole) + 8 :]
    there = zlib.decompressobj().decompress(packed, size)
    if not there:
        raise ValueError("no pixels")
    before = [one for kind, one in whole if kind not in (b"IDAT", b"IEND")]
    pixels = chunk(b"IDAT", zlib.compress(there.ljust(size, b"\0"), 1))
    return b"".join([SIGNATURE, *before, pixels, chunk(b"IEND", b"")]), len(there) == size


def texts_of(png: bytes) -> tuple[tuple[str, str], ...]:
    """Keyword and text of each text chunk, in order; XMP and other blocks in them are left out."""
    texts = []
    for kind, whole in _chunks(png[len(SIGNATURE) :]):
        if kind in _TEXTS:
            key, text = _text_of(kind, whole[8:-4])
            if text and key != _XMP_KEY and key not in _RAW_READ:
                texts.append((key, text))
    return tuple(texts)


def without_long_texts(png: bytes) -> bytes:
    """The file without texts of more than a megabyte, over which decoders refuse the picture."""
    whole = list(_chunks(png[len(SIGNATURE) :]))
    long = [
        _text_of(kind, one[8:-4])[0]
        for kind, one in whole
        if kind in _TEXTS and _is_long(kind, one[8:-4])
    ]
    if not long:
        return png
    _log.warning("text left out, since there is more than a megabyte: %s", ", ".join(long))
    behind = png[len(SIGNATURE) + sum(len(one) for _, one in whole) :]
    kept = [one for kind, one in whole if kind not in _TEXTS or not _is_long(kind, one[8:-4])]
    return b"".join([SIGNATURE, *kept, behind])


def _is_long(kind: bytes, body: bytes) -> bool:
    return len(_text_of(kind, body)[1]) >= _MOST_TEXT


def raw_profile(png: bytes, name: str) -> bytes | None:
    """EXIF, XMP or IPTC as ImageMagick writes it into a text chunk: digits, base sixteen."""
    for kind, whole in _chunks(png[len(SIGNATURE) :]):
        if kind in _TEXTS:
            key, text = _text_of(kind, whole[8:-4])
            if key == f"{_RAW}{name}":
                try:
                    return bytes.fromhex("".join(text.split("\n")[3:]))
                except ValueError:
                    return None
    return None


def _text_of(kind: bytes, body: bytes) -> tuple[str, str]:
    """Keyword and text of a chunk; an empty text where it is damaged."""
    key, _, rest = body.partition(b"\0")
    packed, coding = kind == b"zTXt", "latin-1"
    if kind == b"iTXt":
        packed, coding = rest[:1] == b"\1", "utf-8"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    elif packed:
        rest = rest[1:]
    if packed:
        try:
            rest = zlib.decompressobj().decompress(rest, _MOST_TEXT)
        except zlib.error:
            rest = b""
    return key.decode("latin-1"), rest.decode(coding, "replace").replace("\0", "")


def text_chunks(texts: Sequence[tuple[str, str]]) -> bytes:
    """Chunks of text, as long as there is room (PNG, third edition, 11.3.3)."""
    chunks, room = [], _MOST_TEXT
    for keyword, text in texts:
        key, body = (
            keyword.encode("latin-1", "replace")[:79].strip(),
            text.encode("utf-8", "replace"),
        )
        if len(body) > room:
            _log.warning("text left out, since there is more than a megabyte: %s", keyword)
        elif key:
            room -= len(body)
            chunks.append(chunk(b"iTXt", key + b"\0\0\0\0\0" + body))
    return b"".join(chunks)


def _bodies(chunks: bytes) -> dict[bytes, bytes]:
    return {kind: whole[8:-4] for kind, whole in _chunks(chunks)}


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and whole of each chunk."""
    at = 0
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        whole = data[at : at + 12 + length]
        if len(whole) < 12 + length:
            return
        yield data[at + 4 : at + 8], whole
        at += len(whole)


def with_chunks(png: bytes, chunks: bytes) -> bytes:
    """The file with further whole chunks behind its header, where those of colour belong."""
    behind_header = len(SIGNATURE) + 25
    return png[:behind_header] + chunks + png[behind_header:]
