"""Linear DNG: a demosaiced picture in the camera's own colours, for editors to go on with.

After Adobe's Digital Negative Specification 1.7. Samples are compressed as lossless JPEG: LibRaw
0.22.2 refuses deflate here.
"""

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError
from rnan.images.formats.tiff import said, with_directories
from rnan.images.picture import Picture
from rnan.images.raw.colours import XYZ_TO_SRGB
from rnan.images.raw.dng import COLOUR_TAGS
from rnan.images.raw.noise import SensorNoise
from rnan.images.raw.raw import Raw

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SIGNED, _DOUBLE = 1, 2, 3, 4, 5, 10, 12
_SOFTWARE, _ORIENTATION = 305, 274
_UNIQUE_MODEL, _MATRIX, _NEUTRAL, _EXPOSURE, _LIGHT = 50708, 50721, 50728, 50730, 50778
_SUB_IFDS = 330
_DAYLIGHT = 21
_LINEAR_PICTURE = 34892
_TILE = 512
_BAND = 256
_PREVIEW_QUALITY = 90
_LEAST = 1e-9
"""Least variance that a noise profile names."""

Tag = tuple[int, int, int, Any, bool]
"""Number, type, count, value, and whether it is written once, as tifffile takes it."""


def encode_dng(
    light: NDArray[np.float32],
    raw: Raw,
    left: SensorNoise,
    *,
    denoised: float,
    preview: Picture,
    full: bool = False,
    strip_metadata: bool = False,
) -> bytes:
    """A DNG file.

    Args:
        light: ``(H, W, 3)``: white-balanced camera colours with white at 1, of the whole sensor.
        raw: What it was made of.
        left: The noise that is left in it.
        denoised: How far noise was taken away, 0 to 1.
        preview: A small picture in sRGB, as stored: not turned.
        full: Whether all of it is shown, not only what the maker of the camera shows.
        strip_metadata: Leave EXIF out.
    """
    import tifffile

    samples, stops = _samples(light, raw)
    words, inner = said(None if strip_metadata else raw.metadata.exif)
    buffer = io.BytesIO()
    try:
        with tifffile.TiffWriter(buffer, byteorder="<") as file:
            file.write(
                preview.pixels,
                photometric="ycbcr",
                subsampling=(1, 1),
                compression="jpeg",
                compressionargs={"level": _PREVIEW_QUALITY},
                rowsperstrip=preview.size[0],
                subfiletype=1,
                subifds=1,
                metadata=None,
                software="rnan",
                extratags=[*_about(raw, words, stops), *_colours(raw, stops)],
            )
            file.write(
                samples,
                photometric=_LINEAR_PICTURE,
                planarconfig="contig",
                compression="jpeg",
                compressionargs={"lossless": True, "bitspersample": 16},
                tile=(_TILE, _TILE),
                subfiletype=0,
                metadata=None,
                software=False,
                extratags=_about_samples(raw, left, denoised, full),
            )
    except (ValueError, RuntimeError) as error:
        raise InputError(f"the DNG cannot be written: {error}") from error
    return with_directories(_with_plain_pointer(buffer.getvalue()), inner)


def _with_plain_pointer(tiff: bytes) -> bytes:
    """With the pointer to the second page of type LONG, as all readers know it, not IFD."""
    out = bytearray(tiff)
    (first,) = struct.unpack_from("<I", out, 4)
    (number,) = struct.unpack_from("<H", out, first)
    for place in range(first + 2, first + 2 + 12 * number, 12):
        if struct.unpack_from("<H", out, place)[0] == _SUB_IFDS:
            struct.pack_into("<H", out, place + 2, _LONG)
    return bytes(out)


def _samples(light: NDArray[np.float32], raw: Raw) -> tuple[NDArray[np.uint16], float]:
    """Camera values with white at 65535, and the stops by which they had to be made darker."""
    gains = np.array(raw.white_balance, np.float32)
    most = 1.0
    if raw.goes_beyond_white:
        most = max(most, float((light.max(axis=(0, 1)) / gains).max()))
    scale = (np.float32(65535.0 / most) / gains).astype(np.float32)
    samples = np.empty(light.shape, np.uint16)
    for start in range(0, len(light), _BAND):
        band = light[start : start + _BAND] * scale
        samples[start : start + _BAND] = np.rint(np.clip(band, 0.0, 65535.0))
    return samples, float(np.log2(most))


def _about(raw: Raw, words: dict[int, bytes], stops: float) -> list[Tag]:
    """Who made it, of what."""
    tags: list[Tag] = [
        (50706, _BYTE, 4, bytes((1, 4, 0, 0)), True),  # DNGVersion
        (50707, _BYTE, 4, bytes((1, 3, 0, 0)), True),  # DNGBackwardVersion
        (50970, _LONG, 1, 2, True),  # PreviewColorSpace: sRGB
        (_ORIENTATION, _SHORT, 1, raw.orientation, True),
    ]
    tags += [(tag, _ASCII, 0, text, True) for tag, text in words.items() if tag != _SOFTWARE]
    if _UNIQUE_MODEL not in raw.dng:
        tags.append((_UNIQUE_MODEL, _ASCII, 0, _plain(raw.camera or "unknown camera"), True))
    if _EXPOSURE not in raw.dng or stops:
        tags.append((_EXPOSURE, _SIGNED, 1, _fractions([raw.exposure + stops]), True))
    return tags


def _colours(raw: Raw, stops: float) -> list[Tag]:
    """What the numbers mean: the tags of the DNG that it comes from, else the least of them."""
    tags: list[Tag] = []
    for tag, (kind, value) in raw.dng.items():
        if tag in COLOUR_TAGS and not (tag == _EXPOSURE and stops):
            value = _plain(value) if isinstance(value, str) else value
            tags.append((tag, kind, _count(kind, value), value, True))
    if _MATRIX not in raw.dng:
        matrix = raw.xyz_to_camera
        if matrix is None:  # as it is developed: balanced colours are those of sRGB
            matrix = np.diag(1.0 / np.array(raw.white_balance)) @ XYZ_TO_SRGB
        tags += [
            (_MATRIX, _SIGNED, 9, _fractions(matrix.ravel()), True),
            (_LIGHT, _SHORT, 1, _DAYLIGHT, True),
        ]
    if _NEUTRAL not in raw.dng and 50729 not in raw.dng:
        neutral = [1.0 / gain for gain in raw.white_balance]
        tags.append((_NEUTRAL, _RATIONAL, 3, _fractions(neutral), True))
    return tags


def _about_samples(raw: Raw, left: SensorNoise, denoised: float, full: bool) -> list[Tag]:
    height, width = raw.size
    top, first, bottom, last = (0, 0, height, width) if full else raw.crop
    profile = [
        max(value, _LEAST) for pair in zip(left.photon, left.reading, strict=True) for value in pair
    ]
    return [
        (50714, _SHORT, 3, (0, 0, 0), True),  # BlackLevel
        (50717, _LONG, 3, (65535,) * 3, True),  # WhiteLevel
        (50718, _RATIONAL, 2, (1, 1, 1, 1), True),  # DefaultScale
        (50719, _LONG, 2, (first, top), True),  # DefaultCropOrigin
        (50720, _LONG, 2, (last - first, bottom - top), True),  # DefaultCropSize
        (50829, _LONG, 4, (0, 0, height, width), True),  # ActiveArea
        (50935, _RATIONAL, 1, _fractions([denoised]), True),  # NoiseReductionApplied
        (51041, _DOUBLE, 6, tuple(profile), True),  # NoiseProfile
    ]


def _plain(text: str) -> bytes:
    """Text as TIFF holds it."""
    return text.encode("ascii", "replace")


def _count(kind: int, value: Any) -> int:
    """How many values a tag has."""
    if kind == _ASCII:
        return 0
    number = np.size(value) if not isinstance(value, bytes) else len(value)
    return number // 2 if kind in (_RATIONAL, _SIGNED) else number


def _fractions(values: Any) -> tuple[int, ...]:
    return tuple(part for value in values for part in (round(1e6 * float(value)), 10**6))
