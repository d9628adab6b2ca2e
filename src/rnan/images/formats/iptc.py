"""IPTC records: what agencies and archives write about a picture (IPTC-IIM 4.2).

A TIFF file has one as a tag, a JPEG file inside a block of Photoshop's (Adobe, Photoshop File
Formats Specification, Image Resource Blocks).
"""

import struct
from collections.abc import Mapping
from typing import Any

TIFF_TAG = 33723

_RESOURCE = 0x0404


def of_jpeg(info: Mapping[Any, Any]) -> bytes | None:
    """The record among what Pillow found in a JPEG file."""
    record = info.get("photoshop", {}).get(_RESOURCE)
    return bytes(record) if isinstance(record, bytes) and record else None


def of_tiff(value: Any, byteorder: str) -> bytes | None:
    """The record in the value of a TIFF tag; some programs say that it is whole numbers."""
    if isinstance(value, bytes):
        return value or None
    try:
        numbers = [int(number) for number in value]
        return struct.pack(f"{byteorder}{len(numbers)}I", *numbers) or None
    except (TypeError, ValueError, struct.error):
        return None


def photoshop_block(record: bytes) -> bytes:
    """What a JPEG file's segment holds."""
    resource = b"8BIM" + struct.pack(">HHI", _RESOURCE, 0, len(record)) + record
    return b"Photoshop 3.0\0" + resource + bytes(len(resource) % 2)
