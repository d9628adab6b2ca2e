"""TIFF: 8, 16 and 32 bits a channel, integers and floating point."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin

from rnan.errors import InputError
from rnan.images.alpha import split_alpha, unpremultiplied
from rnan.images.formats import iptc, pillow
from rnan.images.limits import check_size, chosen_frame
from rnan.images.metadata import Metadata, upright_exif, upright_xmp
from rnan.images.options import ReadOptions
from rnan.images.orientation import upright
from rnan.images.picture import Picture, samples

SIGNATURES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

_TYPES = (np.uint8, np.uint16, np.float16, np.float32)

_EXIF_IFD, _GPS_IFD, _INTEROP_IFD, _XMP = 34665, 34853, 0xA005, 700
_DESCRIPTION, _SOFTWARE = 270, 305
_LONG = 4
_WORDS = (271, 272, 306, 315, 33432)
"""Make, model, date, artist, copyright."""
_KEPT = (_DESCRIPTION, _SOFTWARE, *_WORDS, _EXIF_IFD, _GPS_IFD)


def decode(data: bytes, name: str, options: ReadOptions) -> Picture:
    """A file with integers of 8 or 16 bits, or floating point.

    Raises:
        InputError: It holds something else, several pages, or values that are not finite.
    """
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        thumbnail = 1  # the bit that marks a smaller version of another page
        pages = [
            (index, page)
            for index, page in enumerate(file.pages)
            if not getattr(page, "subfiletype", 0) & thumbnail
        ]
        index, page = pages[chosen_frame(len(pages), options.frame, name, "pages")]
        page = page.aspage()
        check_size(page.imagewidth, page.imagelength, name, options.max_pixels)
        photometric = tifffile.PHOTOMETRIC(page.photometric).name
        known = ("MINISBLACK", "MINISWHITE", "RGB", "YCBCR", "PALETTE", "SEPARATED")
        if photometric not in known or (photometric == "SEPARATED" and page.bitspersample != 8):
            raise InputError(f"{name} is {photometric}; convert it to RGB first")
        if page.dtype not in _TYPES and page.bitspersample > 1:
            raise InputError(f"{name} has {page.dtype} samples; 8 and 16 bit and float are read")
        converts = photometric == "YCBCR" and page.compression != tifffile.COMPRESSION.JPEG
        tags = {tag.name: tag.value for tag in page.tags}
        exif, xmp = exif_of_tiff(data), upright_xmp(tags.get("XMP"))
        record = iptc.of_tiff(tags.get("IPTCNAA"), file.byteorder)
        if (
            photometric in ("PALETTE", "SEPARATED")
            or converts
            or page.bitspersample not in (8, 16, 32)
        ):
            picture = pillow.decode(data, name, replace(options, frame=index + 1))
            said = replace(picture.metadata, exif=exif, xmp=xmp, iptc=record)
            return replace(picture, metadata=said)
        pixels = page.asarray()
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        pixels = upright(pixels, int(tags.get("Orientation", 1)))
        icc = tags.get("InterColorProfile")
        extra = page.extrasamples
    if np.issubdtype(pixels.dtype, np.floating):
        pixels = pixels.astype(np.float32)
        if not np.isfinite(pixels).all():
            raise InputError(f"{name} holds values that are not finite")
    elif photometric == "MINISWHITE":
        pixels = np.iinfo(pixels.dtype).max - pixels
    colour, alpha = split_alpha(pixels)
    if alpha is not None and tifffile.EXTRASAMPLE.ASSOCALPHA in extra:
        colour = unpremultiplied(colour, alpha)
    metadata = Metadata(format="TIFF", icc=icc, dpi=_dpi(tags), exif=exif, xmp=xmp, iptc=record)
    return Picture(pixels=colour, alpha=alpha, metadata=metadata)


def _dpi(tags: dict[str, Any]) -> tuple[float, float] | None:
    inches = {2: 1.0, 3: 2.54}.get(int(tags.get("ResolutionUnit", 2)))
    try:
        across, down = (
            tags[name][0] / tags[name][1] * inches for name in ("XResolution", "YResolution")
        )
    except (KeyError, TypeError, ZeroDivisionError):
        return None
    return pillow.dpi_of((across, down))


def exif_of_tiff(data: bytes) -> bytes | None:
    """What a TIFF file says of itself in the form of an EXIF block, which is a small TIFF."""
    exif = Image.Exif()
    try:
        exif.load_from_fp(io.BytesIO(data))
        inner = {tag: exif.get_ifd(tag) for tag in (_EXIF_IFD, _GPS_IFD)}
        inner[_EXIF_IFD].pop(_INTEROP_IFD, None)
        for tag in list(exif):
            if tag not in _KEPT or (tag in inner and not inner[tag]):
                del exif[tag]
        return upright_exif(exif.tobytes()) if len(exif) else None
    except Exception:  # damaged or a BigTIFF: the pixels matter more
        return None


def encode(picture: Picture) -> bytes:
    """A file of the depth that the pixels have, compressed without loss."""
    import tifffile

    metadata = picture.metadata
    values = samples(picture, picture.pixels.dtype)
    exif = Image.Exif()
    if metadata.exif:
        exif.load(metadata.exif)
    words = {tag: str(exif[tag]) for tag in _WORDS if tag in exif}
    extra: list[tuple[int, str, int, Any, bool]] = [
        (tag, "s", 0, word.encode("ascii", "replace"), True) for tag, word in words.items()
    ]
    if metadata.xmp:
        extra.append((_XMP, "B", len(metadata.xmp), metadata.xmp, True))
    if metadata.iptc:
        extra.append((iptc.TIFF_TAG, "B", len(metadata.iptc), metadata.iptc, True))
    inner = {tag: dict(exif.get_ifd(tag)) for tag in (_EXIF_IFD, _GPS_IFD)}
    inner = {tag: values for tag, values in inner.items() if values}
    description = str(exif.get(_DESCRIPTION, "")).encode("ascii", "replace")
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        values[:, :, 0] if values.shape[2] == 1 else values,
        byteorder="<",
        photometric="minisblack" if picture.is_gray else "rgb",
        extrasamples=None if picture.alpha is None else ["unassalpha"],
        compression="zlib",
        iccprofile=metadata.icc,
        resolution=metadata.dpi,
        resolutionunit="INCH" if metadata.dpi else None,
        metadata=None,
        description=description or None,
        software=str(exif.get(_SOFTWARE, "")) or False,
        extratags=extra,
    )
    return _with_directories(buffer.getvalue(), inner)


def _with_directories(tiff: bytes, inner: dict[int, dict[int, Any]]) -> bytes:
    """Append EXIF and GPS directories, and the first directory anew with entries for them."""
    out = bytearray(tiff)
    if not inner or out[2:4] != b"*\0":  # a BigTIFF is left as it is
        return bytes(out)
    (first,) = struct.unpack_from("<I", out, 4)
    (number,) = struct.unpack_from("<H", out, first)
    start, stop = first + 2, first + 2 + 12 * number
    entries = [bytes(out[place : place + 12]) for place in range(start, stop, 12)]
    following = bytes(out[stop : stop + 4])
    for tag, values in inner.items():
        out += bytes(len(out) % 2)
        directory = TiffImagePlugin.ImageFileDirectory_v2(ifh=b"II*\0\0\0\0\0")
        for key, value in values.items():
            if key != _INTEROP_IFD:
                directory[key] = value
        entries.append(struct.pack("<HHII", tag, _LONG, 1, len(out)))
        out += directory.tobytes(len(out))
    out += bytes(len(out) % 2)
    struct.pack_into("<I", out, 4, len(out))
    out += struct.pack("<H", len(entries))
    out += b"".join(sorted(entries, key=lambda entry: struct.unpack_from("<H", entry)[0]))
    return bytes(out + following)
