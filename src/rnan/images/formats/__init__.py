"""The formats that are read and written: one module for each way of doing it."""

from functools import partial

import numpy as np

from rnan.errors import InputError
from rnan.images.formats import heif, pillow, png16, tiff
from rnan.images.formats.registry import FORMATS, Format, register
from rnan.images.picture import Picture
from rnan.options.files import WriteOptions


def _encode_png(picture: Picture, options: WriteOptions) -> bytes:
    if picture.pixels.dtype != np.uint8:
        return png16.encode(picture)
    return pillow.encode(picture, options, "PNG")


def _no_picture() -> bytes:
    raise InputError("only camera raw can be written as DNG, which holds what a sensor saw")


register(
    Format(
        name="PNG",
        endings=(".png",),
        recognises=png16.is_png16,  # Pillow reads those of 8 bits
        decode=png16.decode,
        encode=_encode_png,
        depths=(8, 16),
        holds_gray=True,
        codes_colours=True,
    )
)
register(
    Format(
        name="JPEG",
        endings=(".jpg", ".jpeg", ".jpe", ".jfif"),
        decode=pillow.decode,
        encode=partial(pillow.encode, file_format="JPEG"),
        holds_gray=True,
    )
)
register(
    Format(
        name="TIFF",
        endings=(".tif", ".tiff"),
        recognises=lambda data: data.startswith(tiff.SIGNATURES),
        decode=tiff.decode,
        encode=lambda picture, options: tiff.encode(picture),
        depths=(8, 16, 32),
        holds_gray=True,
    )
)
for name in ("WEBP", "BMP", "AVIF"):
    register(
        Format(
            name=name,
            endings=(f".{name.lower()}",),
            decode=pillow.decode,
            encode=partial(pillow.encode, file_format=name),
            codes_colours=name == "AVIF",
        )
    )
register(
    Format(
        name="HEIF", endings=(".heic", ".heif", ".hif"), recognises=heif.is_heif, decode=heif.decode
    )
)
register(
    Format(
        name="DNG",
        endings=(".dng",),
        decode=tiff.decode,
        encode=lambda picture, options: _no_picture(),
        depths=(16,),
        codes_colours=True,
        of_raw=True,
    )
)

OURS = dict(FORMATS)
"""Those that every process knows, unlike what is registered later."""
