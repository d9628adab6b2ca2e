"""Chunks of a PNG that Pillow and imagecodecs do not carry over."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_COLOUR = (b"cICP", b"mDCV", b"cLLI", b"cHRM", b"gAMA")


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk as it stands in a file: length, name, content and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def colour_chunks(png: bytes) -> bytes:
    """The whole chunks that say which light the numbers stand for, where no profile does.

    Args:
        png: A file. Damaged chunks are passed over, and all but the first of a kind.
    """
    found: dict[bytes, bytes] = {}
    at = len(SIGNATURE)
    while at + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind = png[at + 4 : at + 8]
        whole = png[at : at + 12 + length]
        if kind == b"IDAT":
            break
        if kind in _COLOUR and kind not in found and whole == chunk(kind, whole[8:-4]):
            found[kind] = whole
        at += len(whole)
    return b"".join(found.values())


def with_chunks(png: bytes, chunks: bytes) -> bytes:
    """The file with further whole chunks behind its header, where those of colour belong."""
    behind_header = len(SIGNATURE) + 25
    return png[:behind_header] + chunks + png[behind_header:]
