"""What camera raw says of itself, whatever the maker's format: EXIF, ISO."""

import io
import struct
import warnings
from typing import Any

from PIL import Image

from rnan.images.formats.boxes import contents
from rnan.images.formats.tiff import exif_block, exif_of_tiff

_RAF = b"FUJIFILMCCD-RAW "
_JPEG_AT = 84
"""Where a RAF says where its JPEG lies, which holds the EXIF."""
_EXIF_IFD, _ISO, _ISO_SPEED = 34665, 34855, 34867
_INNER = {_EXIF_IFD: b"CMT2", 34853: b"CMT4"}
"""Directories of EXIF and of place, and the boxes of a CR3 that hold them as files of their own."""


def exif_of_raw(data: bytes) -> bytes | None:
    """EXIF of a raw file: a TIFF by itself, or Fujifilm's RAF, or Canon's CR3."""
    try:
        if data.startswith(_RAF):
            start, length = struct.unpack_from(">II", data, _JPEG_AT)
            with Image.open(io.BytesIO(data[start : start + length])) as jpeg:
                exif = jpeg.getexif()
                return exif_block(dict(exif), {tag: dict(exif.get_ifd(tag)) for tag in _INNER})
        if data[4:12] == b"ftypcrx ":
            return _of_boxes(data)
    except Exception:  # damaged: the pixels matter more
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading the samples says what is wrong with a file
        return exif_of_tiff(data)


def iso_of(exif: bytes | None) -> int:
    """ISO as EXIF says it; 0 where it does not."""
    if not exif:
        return 0
    block = Image.Exif()
    try:
        block.load(exif)
        camera = block.get_ifd(_EXIF_IFD)
        value: Any = camera.get(_ISO_SPEED) or camera.get(_ISO) or 0
        return max(0, int(value[0] if isinstance(value, tuple) else value))
    except Exception:
        return 0


def _of_boxes(data: bytes) -> bytes | None:
    def directory(kind: bytes) -> dict[int, Any]:
        for start, end in contents(data, kind):
            tiff = Image.Exif()
            tiff.load(data[start:end])
            return dict(tiff)
        return {}

    return exif_block(directory(b"CMT1"), {tag: directory(kind) for tag, kind in _INNER.items()})
