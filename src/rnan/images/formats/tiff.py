"""TIFF: 8, 16 and 32 bits a channel, integers and floating point."""

import io
import logging
import struct
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image, TiffImagePlugin, TiffTags

from rnan.errors import InputError
from rnan.images.alpha import unpremultiplied
from rnan.images.exif import upright_exif
from rnan.images.formats import iptc, pillow
from rnan.images.formats.tiff_chain import check_chain, check_segments
from rnan.images.limits import check_size, chosen_frame
from rnan.images.metadata import metadata_of
from rnan.images.orientation import known_orientation, upright
from rnan.images.picture import Picture, Pixels, of_full_range, samples, white
from rnan.options.files import ReadOptions

_log = logging.getLogger(__name__)

SIGNATURES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

_TYPES = (np.uint8, np.uint16, np.float16, np.float32)
_AS_FLOAT = (np.int8, np.int16, np.int32, np.int64, np.uint32, np.uint64, np.float64)
"""Types that are read as floating point: black at 0, white at the largest number, or at 1."""
_EXIF_IFD, _GPS_IFD, _INTEROP_IFD, _XMP = 34665, 34853, 0xA005, 700
_DESCRIPTION, _SOFTWARE = 270, 305
_SHAPE = b'{"shape": '
"""How tifffile begins a description; of another picture it would be false."""
_LONG = 4
_HEADER = b"II*\0\x08\0\0\0"
"""Head of a small TIFF file, whose first directory follows."""
_WORDS = (271, 272, 306, 315, 33432)
"""Make, model, date, artist, copyright."""


def decode(data: bytes, name: str, options: ReadOptions) -> Picture:
    """A file with integers of 8 or 16 bits, or floating point.

    Raises:
        InputError: It holds something else, several pages, or values that are not finite.
    """
    import tifffile

    check_chain(data, name)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        every = list(enumerate(file.pages))
        thumbnail = 1  # the bit that marks a smaller version of another page
        pages = [
            (index, page)
            for index, page in every
            if not getattr(page, "subfiletype", 0) & thumbnail
        ] or every
        index, page = pages[chosen_frame(len(pages), options.frame, name, "pages")]
        page = page.aspage()
        check_size(page.imagewidth, page.imagelength, name, options.max_pixels)
        check_segments(page, len(data), name)
        photometric = tifffile.PHOTOMETRIC(page.photometric).name
        known = ("MINISBLACK", "MINISWHITE", "RGB", "YCBCR", "PALETTE", "SEPARATED")
        if photometric in ("CFA", "LINEAR_RAW"):
            raise InputError(f"{name} is camera raw, which is not taken here")
        if photometric not in known or (photometric == "SEPARATED" and page.bitspersample != 8):
            raise InputError(f"{name} is {photometric}; convert it to RGB first")
        if page.dtype not in (*_TYPES, *_AS_FLOAT) and page.bitspersample > 1:
            raise InputError(
                f"{name} has {page.dtype} samples; whole numbers of 8 to 64 bits and floating "
                "point are read"
            )
        if 16 < page.bitspersample < 32:
            raise InputError(f"{name} has {page.bitspersample} bits a sample; 1 to 16, 32 are read")
        converts = photometric == "YCBCR" and page.compression != tifffile.COMPRESSION.JPEG
        tags = {tag.name: tag.value for tag in page.tags}
        exif, xmp = exif_of_tiff(data, page.offset), tags.get("XMP")
        record = iptc.of_tiff(tags.get("IPTCNAA"), file.byteorder)
        if photometric in ("PALETTE", "SEPARATED") or converts or page.bitspersample < 8:
            picture = pillow.decode(data, name, replace(options, frame=index + 1))
            kept = metadata_of(exif=exif, xmp=xmp, format="TIFF", iptc=record)
            kept = replace(kept, icc=picture.metadata.icc, dpi=picture.metadata.dpi)
            return replace(picture, metadata=kept)
        pixels = _of_full_range(page.asarray(), page.bitspersample)
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        turned = known_orientation(tags.get("Orientation"))
        pixels = upright(pixels, turned)
        icc = tags.get("InterColorProfile")
        extra = page.extrasamples
    if np.issubdtype(pixels.dtype, np.floating):
        with np.errstate(over="ignore"):  # what is too large is refused as infinite
            pixels = pixels.astype(np.float32)
        if not np.isfinite(pixels).all():
            raise InputError(f"{name} holds values that are not finite")
    colour, alpha = _split(pixels, photometric, extra, name)
    if photometric == "MINISWHITE":
        colour = (white(colour.dtype) - colour).astype(colour.dtype)
    if alpha is not None and tifffile.EXTRASAMPLE.ASSOCALPHA in extra:
        colour = unpremultiplied(colour, alpha)
    metadata = metadata_of(
        format="TIFF",
        icc=icc,
        dpi=_dpi(tags),
        exif=exif,
        xmp=xmp,
        turned=turned,
        stored=(page.imagelength, page.imagewidth),
        iptc=record,
    )
    return Picture(pixels=colour, alpha=alpha, metadata=metadata)


def _of_full_range(pixels: Pixels, bits: int) -> Pixels:
    """Samples of odd depths with white at 65535; signed and long ones in floating point."""
    if pixels.dtype not in _AS_FLOAT or np.issubdtype(pixels.dtype, np.floating):
        return of_full_range(pixels, bits)
    return (pixels / np.float64(np.iinfo(pixels.dtype).max)).astype(np.float32)


def _split(
    pixels: Pixels, photometric: str, extra: tuple[int, ...], name: str
) -> tuple[Pixels, Pixels | None]:
    """Colour and opacity; other channels, which hold masks or what cannot be seen, are left out."""
    import tifffile

    opacity = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
    planes = pixels[:, :, None] if pixels.ndim == 2 else pixels
    channels = planes.shape[2]
    gray = photometric in ("MINISBLACK", "MINISWHITE")
    # Programs that know no colours of TIFF write three samples as gray and two more.
    named_gray = gray and (channels < 3 or any(kind in opacity for kind in extra))
    if gray and not named_gray and channels > 4:
        raise InputError(f"{name} has {channels} channels and does not say which are colours")
    colours = 1 if named_gray else 3
    more = channels - colours
    # Where its tags do not name it, one channel more is opacity.
    kinds = extra[len(extra) - more :] if extra else opacity[-1:] * more
    at = next((index for index, kind in enumerate(kinds) if kind in opacity), None)
    if left_out := more - (at is not None):
        _log.warning(
            "%s: channels that are neither colour nor opacity left out: %d", name, left_out
        )
    return planes[:, :, :colours], None if at is None else planes[:, :, colours + at]


def _dpi(tags: dict[str, Any]) -> tuple[float, float] | None:
    inches = {2: 1.0, 3: 2.54}.get(int(tags.get("ResolutionUnit", 2)))
    try:
        across, down = (
            tags[name][0] / tags[name][1] * inches for name in ("XResolution", "YResolution")
        )
    except (KeyError, TypeError, ZeroDivisionError, OverflowError):
        return None
    return pillow.dpi_of((across, down))


def exif_of_tiff(data: bytes, page: int | None = None) -> bytes | None:
    """What a TIFF file says of itself in the form of an EXIF block, which is a small TIFF.

    Args:
        data: The file.
        page: Where the directory of the page lies; the first by default.
    """
    exif = Image.Exif()
    try:
        exif.load_from_fp(io.BytesIO(data if page is None else _beginning_at(data, page)))
        return exif_block(dict(exif), {tag: exif.get_ifd(tag) for tag in (_EXIF_IFD, _GPS_IFD)})
    except Exception:  # damaged or a BigTIFF: the pixels matter more
        return None


def exif_block(words: Mapping[int, Any], inner: Mapping[int, dict[int, Any]]) -> bytes | None:
    """An EXIF block for an upright picture; none where there is nothing to say.

    Args:
        words: Values of the first directory; what is about a file's pixels is left out.
        inner: The directories of EXIF and of place.
    """
    inner = {tag: {**values} for tag, values in inner.items() if values}
    for values in inner.values():
        values.pop(_INTEROP_IFD, None)
    words = {
        tag: value for tag, value in words.items() if tag in (_DESCRIPTION, _SOFTWARE, *_WORDS)
    }
    if not words and not inner:
        return None
    return upright_exif(_block(words, inner))


def _beginning_at(data: bytes, page: int) -> bytes:
    """The file with another page for its first."""
    order = "<" if data.startswith(b"II") else ">"
    return data[:4] + struct.pack(order + "I", page) + data[8:]


def encode(picture: Picture) -> bytes:
    """A file of the depth that the pixels have, compressed without loss."""
    import tifffile

    metadata = picture.metadata
    values = samples(picture, picture.pixels.dtype)
    words, inner = said(metadata.exif)
    extra: list[tuple[int, str, int, Any, bool]] = [
        (tag, "s", 0, words[tag], True) for tag in _WORDS if tag in words
    ]
    if metadata.xmp:
        extra.append((_XMP, "B", len(metadata.xmp), metadata.xmp, True))
    if metadata.iptc:
        extra.append((iptc.TIFF_TAG, "B", len(metadata.iptc), metadata.iptc, True))
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
        description=words.get(_DESCRIPTION) or None,
        software=words.get(_SOFTWARE) or False,
        extratags=extra,
    )
    return with_directories(buffer.getvalue(), inner)


def said(block: bytes | None) -> tuple[dict[int, bytes], dict[int, dict[int, Any]]]:
    """Words, and the EXIF and GPS directories, of an EXIF block."""
    if not block:
        return {}, {}
    exif = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about parts of it that are damaged
            exif.load(block)
            kept = (_DESCRIPTION, _SOFTWARE, *_WORDS)
            words = {tag: _bytes(str(exif[tag])) for tag in kept if tag in exif}
            inner = {tag: dict(exif.get_ifd(tag)) for tag in (_EXIF_IFD, _GPS_IFD)}
        if words.get(_DESCRIPTION, b"").startswith(_SHAPE):
            del words[_DESCRIPTION]
        inner = {tag: values for tag, values in inner.items() if values}
        _block(words, inner)  # what cannot be written is found here, before the picture is
    except Exception as error:  # whatever damaged EXIF is taken for
        _log.warning("EXIF left out, which is damaged: %s", error)
        return {}, {}
    return words, inner


def _block(words: Mapping[int, Any], inner: dict[int, dict[int, Any]]) -> bytes:
    """An EXIF block: a small TIFF file of directories alone."""
    return with_directories(_HEADER + _directory(words).tobytes(len(_HEADER)), inner)


def _bytes(word: str) -> bytes:
    """Text as it stands in the file: Pillow takes each byte for a letter."""
    return word.encode("latin-1", "replace")


def with_directories(tiff: bytes, inner: dict[int, dict[int, Any]]) -> bytes:
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
        entries.append(struct.pack("<HHII", tag, _LONG, 1, len(out)))
        out += _directory(values).tobytes(len(out))
    out += bytes(len(out) % 2)
    struct.pack_into("<I", out, 4, len(out))
    out += struct.pack("<H", len(entries))
    out += b"".join(sorted(entries, key=lambda entry: struct.unpack_from("<H", entry)[0]))
    return bytes(out + following)


def _directory(values: Mapping[int, Any]) -> TiffImagePlugin.ImageFileDirectory_v2:
    directory = TiffImagePlugin.ImageFileDirectory_v2(ifh=b"II*\0\0\0\0\0")
    for tag, value in values.items():
        if isinstance(value, str):
            directory.tagtype[tag] = TiffTags.ASCII
        if tag != _INTEROP_IFD:
            directory[tag] = _bytes(value) if isinstance(value, str) else value
    return directory
