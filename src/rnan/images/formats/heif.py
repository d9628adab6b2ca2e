"""HEIC, as phones write it, through the extra ``heic``; read only."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnan.errors import InputError, MissingExtraError
from rnan.images.alpha import split_alpha, unpremultiplied
from rnan.images.formats.boxes import cicp_of, has_readable_names
from rnan.images.limits import check_size, chosen_frame
from rnan.images.metadata import metadata_of
from rnan.images.picture import Picture, Pixels, of_full_range
from rnan.options.files import ReadOptions

_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")


def is_heif(data: bytes) -> bool:
    """Whether the bytes are an HEIF file with HEVC pictures (AVIF is another format)."""
    brands = data[8:64]
    return data[4:8] == b"ftyp" and brands[:4] in _BRANDS and b"avif" not in brands


def decode(data: bytes, name: str, options: ReadOptions) -> Picture:
    """A file with 8 bits a channel, or more as 16.

    Raises:
        InputError: It holds several pictures, or is damaged.
        MissingExtraError: pi-heif is not installed.
    """
    try:
        import pi_heif
    except ImportError:
        raise MissingExtraError("pi-heif") from None
    if not has_readable_names(data):
        raise InputError(f"{name} is damaged: names in it are no text")
    file = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False)
    index = chosen_frame(len(file), options.frame, name, "pictures")
    image = file[index]
    width, height = image.size
    check_size(width, height, name, options.max_pixels)
    # A copy: the library frees its memory with the file, whoever still looks at it.
    pixels, alpha = split_alpha(_of_full_range(np.array(image)[:, :width], image.info))
    if image.mode.endswith("a") and alpha is not None:  # stored times its opacity
        pixels = unpremultiplied(pixels, alpha)
    info = image.info
    icc = info.get("icc_profile") or None
    metadata = metadata_of(
        format="HEIF",
        icc=icc,
        cicp=None if icc else cicp_of(data),
        exif=info.get("exif"),  # the decoder has turned the pixels
        xmp=info.get("xmp"),
        left_out=parts(info),
    )
    return Picture(pixels=pixels, alpha=alpha, metadata=metadata)


def parts(info: Mapping[str, Any]) -> tuple[str, ...]:
    """What else there is, as the library lists it: depth maps, pictures by what they are for."""
    others = ["depth map"] if info.get("depth_images") else []
    for kind in info.get("aux") or ():
        if "hdrgainmap" in str(kind) or "21496" in str(kind):
            others.append("HDR gain map")
        elif "alpha" not in str(kind) and "depth" not in str(kind):
            others.append("second picture")
    return tuple(others)


def _of_full_range(pixels: Pixels, info: Mapping[str, Any]) -> Pixels:
    """White at 65535: the library shifts 10 and 12 bits up, so that theirs arrives at 65472."""
    bits = int(info["bit_depth"])
    return of_full_range(pixels >> (16 - bits), bits) if pixels.dtype == np.uint16 else pixels
