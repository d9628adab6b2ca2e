"""Camera raw: what a sensor measured, and all that a picture needs beside it."""

from dataclasses import replace
from pathlib import Path

from rnan.errors import InputError
from rnan.images.endings import RAW_EXTENSIONS
from rnan.images.metadata import Metadata
from rnan.images.raw.about import exif_of_raw, iso_of
from rnan.images.raw.dng import is_dng, read_dng
from rnan.images.raw.libraw import read_by_library
from rnan.images.raw.noise import SensorNoise
from rnan.images.raw.raw import BAYER, Box, Raw
from rnan.images.read import read_bytes
from rnan.options.files import MAX_PIXELS

__all__ = ["Box", "Raw", "SensorNoise", "decode_raw", "is_raw", "read_raw"]


def is_raw(path: Path) -> bool:
    """Whether a file's name says that it is camera raw."""
    return path.suffix.lower() in RAW_EXTENSIONS


def read_raw(path: Path, *, max_pixels: int = MAX_PIXELS) -> Raw:
    """Read camera raw: DNG by tifffile, all others by LibRaw.

    Args:
        path: The file.
        max_pixels: Larger ones are refused before they are decoded.

    Raises:
        InputError: The file is no camera raw, damaged, too large, or of a sensor that is not read.
        MissingExtraError: It is no DNG, and rawpy is not installed.
    """
    return decode_raw(read_bytes(path), name=str(path), max_pixels=max_pixels)


def decode_raw(data: bytes, *, name: str, max_pixels: int = MAX_PIXELS) -> Raw:
    """Camera raw from the bytes of a file, which messages call ``name``; see :func:`read_raw`."""
    if not data:
        raise InputError(f"{name} is empty")
    exif = exif_of_raw(data)
    metadata = Metadata(format="TIFF", exif=exif)
    if not is_dng(data):
        raw = read_by_library(data, name, metadata, max_pixels)
    else:
        raw = read_dng(data, name, metadata, max_pixels)
        if raw.is_mosaic and raw.pattern not in BAYER:
            raw = _interpolated(raw, read_by_library(data, name, metadata, max_pixels))
    return replace(raw, iso=raw.iso or iso_of(exif))


def _interpolated(dng: Raw, by_library: Raw) -> Raw:
    """A DNG of a sensor of another kind: LibRaw gives the pixels, the file says the rest."""
    same = dng.size == by_library.size
    return replace(
        dng,
        samples=by_library.samples,
        pattern="",
        crop=dng.crop if same else (0, 0, *by_library.size),
        interpolated=by_library.interpolated,
        profile=None,  # of samples, not of what was interpolated
        shading=None,
        left_out=(*dng.left_out, *(() if dng.shading is None else ("GainMap",))),
    )
