"""PNG with 16 bits a channel, which Pillow would read as 8."""

import struct
import zlib

import numpy as np

from rnan.errors import MissingExtraError
from rnan.images.alpha import split_alpha
from rnan.images.exif import orientation_of
from rnan.images.formats.pillow import dpi_of, open_one, with_raw_profiles
from rnan.images.formats.png_chunks import (
    SIGNATURE,
    chunk,
    cicp_of,
    colour_chunks,
    text_chunks,
    texts_of,
    with_chunks,
)
from rnan.images.limits import check_size
from rnan.images.metadata import Metadata, metadata_of
from rnan.images.orientation import upright
from rnan.images.picture import Picture, samples
from rnan.images.xmp_rules import orientation_of_xmp
from rnan.options.files import ReadOptions


def is_png16(data: bytes) -> bool:
    """Whether the bytes are a PNG of that depth, and one picture."""
    animated = b"acTL" in data[:4096].partition(b"IDAT")[0]
    return data.startswith(SIGNATURE) and data[24:25] == b"\x10" and not animated


def decode(data: bytes, name: str, options: ReadOptions) -> Picture:
    """A file with 16 bits a channel."""
    width, height = struct.unpack(">II", data[16:24])
    check_size(width, height, name, options.max_pixels)
    try:
        import imagecodecs
    except ImportError:
        raise MissingExtraError("imagecodecs") from None
    image = open_one(data, name, options)
    image.load()  # what belongs to the picture may stand behind it
    with_raw_profiles(image, data)
    info = image.info
    exif = info.get("exif")
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    turned = orientation_of(exif) if exif else orientation_of_xmp(xmp)
    pixels, alpha = split_alpha(upright(imagecodecs.png_decode(data), turned))
    colour = colour_chunks(data)
    cicp = cicp_of(colour)
    metadata = metadata_of(
        format="PNG",
        icc=None if cicp else info.get("icc_profile") or None,  # code points come first
        cicp=cicp,
        exif=exif,
        xmp=xmp,
        turned=turned,
        stored=(image.height, image.width),
        dpi=dpi_of(info.get("dpi")),
        png_colour=colour,
        texts=texts_of(data),
    )
    return Picture(pixels=pixels, alpha=alpha, metadata=metadata)


def encode(picture: Picture) -> bytes:
    """A file with 16 bits a channel."""
    try:
        import imagecodecs
    except ImportError:
        raise MissingExtraError("imagecodecs") from None
    values = samples(picture, np.dtype(np.uint16))
    data = bytes(imagecodecs.png_encode(values[:, :, 0] if values.shape[2] == 1 else values))
    return _with_chunks(data, picture.metadata)


def _with_chunks(png: bytes, metadata: Metadata) -> bytes:
    """Put behind the header what the encoder does not take."""
    chunks = metadata.png_colour
    if metadata.icc:
        chunks += chunk(b"iCCP", b"profile\0\0" + zlib.compress(metadata.icc))
    if metadata.dpi:
        across, down = (round(dots / 0.0254) for dots in metadata.dpi)  # in dots a metre
        chunks += chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if metadata.exif:
        chunks += chunk(b"eXIf", metadata.exif)
    if metadata.xmp:
        # Keyword, uncompressed, no language, no translation.
        chunks += chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    return with_chunks(png, chunks + text_chunks(metadata.texts))
