"""What Pillow reads and writes: 8 bits a channel."""

import contextlib
import io
import logging
import struct
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

from rnan.errors import InputError, OptionRef
from rnan.images.alpha import split_alpha
from rnan.images.exif import orientation_of
from rnan.images.formats import avif, iptc, jpeg_end, png_chunks
from rnan.images.formats.boxes import with_cicp
from rnan.images.formats.cmyk import cmyk_to_rgb
from rnan.images.limits import check_size, chosen_frame
from rnan.images.metadata import Metadata, metadata_of
from rnan.images.orientation import flipped, is_on_its_side, known_orientation
from rnan.images.picture import Picture, Pixels, samples
from rnan.options.files import ReadOptions, WriteOptions

_log = logging.getLogger(__name__)
READ_BY_PILLOW = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "AVIF", "GIF", "PPM")
"""Of what Pillow knows; the rest are formats that nobody's photographs are in, or lists of them."""
_XMP_KEY = "XML:com.adobe.xmp"
_XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
_ORIENTATION = 0x0112
_SEGMENT = 65_533
"""Bytes that a segment of a JPEG file holds."""
_XMP_HEAD = 29
"""Bytes of the segment before an XMP packet."""
_APP13 = 0xFFED
"""The segment that is Photoshop's."""
_MAX_SIDE = {"JPEG": 65_535, "WEBP": 16_383, "AVIF": 65_535}
_MAX_DPI, _MAX_JPEG_DPI = 1e8, 65_535
"""Dots an inch that PNG and BMP hold (in dots a metre, 32 bits), and that JPEG holds (16 bits)."""
_bomb_limit = threading.Lock()


def open_unlimited(
    source: io.BytesIO | Path, formats: tuple[str, ...] | None = None
) -> Image.Image:
    """Open without Pillow's own limit, which is below a 100-megapixel camera's."""
    if formats is not None:
        formats = tuple(name for name in formats if name in READ_BY_PILLOW)
    with _unlimited():
        return Image.open(source, formats=formats or READ_BY_PILLOW)


@contextlib.contextmanager
def _unlimited() -> Iterator[None]:
    with _bomb_limit:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def open_one(data: bytes, name: str, options: ReadOptions) -> Image.Image:
    """Open and take the one picture that is asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about damaged EXIF
        image = open_unlimited(io.BytesIO(data), options.formats)
    check_size(*image.size, name, options.max_pixels)
    # Phones add a gain or depth map to a JPEG as a second picture; the first is the photograph.
    if image.format != "MPO" or options.frame is not None:
        frames = getattr(image, "n_frames", 1)
        image.seek(chosen_frame(frames, options.frame, name, "pictures"))
        check_size(*image.size, name, options.max_pixels)
    return image


def decode(data: bytes, name: str, options: ReadOptions) -> Picture:
    """A file of any format that Pillow knows."""
    jpeg_end.check_scans(data, name)
    image = open_one(data, name, options)
    if image.format == "PNG":
        with_raw_profiles(image, data)
    if jpeg_end.is_cut_off(data):
        image = open_one(_with_end(data, name, options), name, options)
    picture = from_pil(image, name, options)
    metadata = picture.metadata
    if metadata.format == "PNG":
        colour = png_chunks.colour_chunks(data)
        cicp = png_chunks.cicp_of(colour)
        icc = None if cicp else metadata.icc  # code points come first
        texts = png_chunks.texts_of(data)
        complete = replace(metadata, icc=icc, cicp=cicp, png_colour=colour, texts=texts)
        return replace(picture, metadata=complete)
    if metadata.format == "AVIF":
        # The container says how it is turned, which Pillow gives as EXIF's orientation.
        turned = orientation_of(image.info.get("exif"))
        return avif.completed(picture, data, turned=turned, frame=image.tell())
    return picture


def _with_end(data: bytes, name: str, options: ReadOptions) -> bytes:
    """A JPEG file that lacks its end, with it.

    Raises:
        InputError: Pixels are missing too, and nothing is to be salvaged.
    """
    whole = jpeg_end.completed(data)
    if whole is not None:
        _log.warning("%s: the file's last bytes are missing, the picture is whole", name)
        return whole
    if not options.salvage:
        raise InputError(
            f"{name} is cut off; pass ",
            OptionRef("salvage", True),
            " to take what is there",
            remedy={"salvage": True},
        )
    _log.warning("%s: cut off; what is missing is gray", name)
    return data + b"\xff\xd9"


def from_pil(image: Image.Image, name: str, options: ReadOptions) -> Picture:
    """An opened picture, turned upright."""
    file_format = "JPEG" if image.format == "MPO" else image.format or ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about damaged EXIF
        image.load()
        info = dict(image.info)
        opened, stored = image, (image.height, image.width)
        facts = _jpeg_facts(image) if file_format == "JPEG" else {}
        turned = 1
        if file_format == "AVIF":
            image.info.pop("xmp", None)  # the container says how it is turned, whatever XMP says
        with contextlib.suppress(Exception):  # whatever damaged EXIF is taken for
            turned = known_orientation(image.getexif().get(_ORIENTATION))
            image = ImageOps.exif_transpose(image)
    if facts:
        sides = zip(flipped(turned), (image.height, image.width), strict=True)
        facts["jpeg_grid"] = tuple(side % 8 if last else 0 for last, side in sides)
        if is_on_its_side(turned):
            facts["jpeg_table"] = tuple(
                np.reshape(facts["jpeg_table"], (8, 8)).T.flatten().tolist()
            )
    metadata = metadata_of(
        format=file_format,
        icc=info.get("icc_profile") or None,
        exif=info.get("exif"),
        xmp=info.get("xmp") or info.get(_XMP_KEY),
        turned=turned,
        stored=stored,
        iptc=iptc.of_jpeg(info),
        dpi=dpi_of(info.get("dpi")),
        texts=_comments(opened),
        left_out=("second picture",) if opened.format == "MPO" else (),
        **facts,
    )
    if image.mode == "CMYK":
        pixels = cmyk_to_rgb(image, metadata.icc, name, assume=options.assume_cmyk)
        return Picture(pixels=pixels, metadata=metadata.without_profile())
    pixels, alpha = _channels(image)
    return Picture(pixels=pixels, alpha=alpha, metadata=metadata)


def with_raw_profiles(image: Image.Image, data: bytes) -> None:
    """Put EXIF and XMP where they belong that a PNG holds as text."""
    for name in ("exif", "APP1", "xmp"):
        block = png_chunks.raw_profile(data, name) or b""
        is_xmp = name == "xmp" or block.startswith(_XMP_NAME)
        key = "xmp" if is_xmp else "exif"
        if block and key not in image.info:
            image.info[key] = block.removeprefix(_XMP_NAME)


def _comments(image: Image.Image) -> tuple[tuple[str, str], ...]:
    """A JPEG's comments, in the order of the file."""
    bodies = [body for name, body in getattr(image, "applist", ()) if name == "COM"]
    texts = []
    for body in bodies:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            text = body.decode("latin-1")
        texts.append(("Comment", text.replace("\0", "")))
    return tuple(texts)


def _jpeg_facts(image: Image.Image) -> dict[str, Any]:
    from PIL import JpegImagePlugin

    table = tuple(getattr(image, "quantization", {}).get(0, ()))
    if len(table) != 64:
        return {}
    kinds = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
    sampling = JpegImagePlugin.get_sampling(image) if image.mode == "RGB" else -1
    return {"jpeg_table": table, "jpeg_subsampling": kinds.get(sampling)}


def _channels(image: Image.Image) -> tuple[Pixels, Pixels | None]:
    if image.mode.startswith("I;16") or image.mode == "I":
        pixels = np.asarray(image).clip(0, 65535).astype(np.uint16)
        return pixels[:, :, None], None
    if image.mode == "F":
        return np.asarray(image, np.float32)[:, :, None], None
    has_alpha = image.has_transparency_data
    is_gray = image.mode in ("1", "L", "LA", "La")
    wanted = ("L" if is_gray else "RGB") + ("A" if has_alpha else "")
    return split_alpha(np.asarray(image if image.mode == wanted else image.convert(wanted)))


def dpi_of(value: Any) -> tuple[float, float] | None:
    """Dots an inch, where two sensible numbers are given."""
    try:
        across, down = (float(number) for number in value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return (across, down) if all(1 <= dots <= _MAX_DPI for dots in (across, down)) else None


def encode(picture: Picture, options: WriteOptions, file_format: str) -> bytes:
    """A file with 8 bits a channel."""
    limit = _MAX_SIDE.get(file_format)
    if limit and max(picture.size) > limit:
        raise InputError(f"{file_format} holds at most {limit} pixels a side; write PNG or TIFF")
    if picture.alpha is not None and file_format in ("JPEG", "BMP"):
        raise InputError(f"{file_format} holds no transparency; write PNG, TIFF or WebP")
    if picture.pixels.dtype != np.uint8:
        _log.info("%s holds 8 bits a channel; PNG and TIFF hold more", file_format)
    values = samples(picture, np.dtype(np.uint8))
    image = Image.fromarray(values[:, :, 0] if values.shape[2] == 1 else values)
    saved: dict[str, Any] = {}
    if file_format == "JPEG":
        saved |= {"quality": options.jpeg_quality, "subsampling": 0, "optimize": True}
    elif file_format == "AVIF":
        saved |= {"quality": options.jpeg_quality, "subsampling": "4:4:4"}
    elif file_format == "WEBP":
        saved |= {"lossless": True, "exact": True}  # colour under alpha 0 stays too
    buffer = io.BytesIO()
    image.save(buffer, file_format, **saved, **_kept(picture.metadata, file_format))
    if file_format == "PNG":
        chunks = picture.metadata.png_colour + png_chunks.text_chunks(picture.metadata.texts)
        return png_chunks.with_chunks(buffer.getvalue(), chunks)
    if file_format == "AVIF" and picture.metadata.cicp is not None:
        return with_cicp(buffer.getvalue(), picture.metadata.cicp)
    return buffer.getvalue()


def _kept(metadata: Metadata, file_format: str) -> dict[str, Any]:
    """What belongs to the picture, as arguments for saving it."""
    kept: dict[str, Any] = {}
    if metadata.icc:
        kept["icc_profile"] = metadata.icc
    if metadata.dpi and (file_format != "JPEG" or max(metadata.dpi) <= _MAX_JPEG_DPI):
        kept["dpi"] = metadata.dpi
    if file_format == "BMP":
        return kept
    if file_format == "JPEG":
        return kept | _kept_in_jpeg(metadata)
    if metadata.exif:
        kept["exif"] = metadata.exif
    if metadata.xmp and file_format == "PNG":
        kept["pnginfo"] = PngImagePlugin.PngInfo()
        kept["pnginfo"].add_itxt(_XMP_KEY, metadata.xmp.decode("utf-8", "replace"))
    elif metadata.xmp:
        kept["xmp"] = metadata.xmp
    return kept


def _kept_in_jpeg(metadata: Metadata) -> dict[str, Any]:
    """The blocks that fit into a segment; what does not is left out, with a notice."""
    kept: dict[str, Any] = {}
    exif = b"Exif\0\0" + metadata.exif if metadata.exif else b""
    block = iptc.photoshop_block(metadata.iptc) if metadata.iptc else b""
    for what, content, room in (
        ("exif", exif, _SEGMENT),
        ("xmp", metadata.xmp or b"", _SEGMENT - _XMP_HEAD),
        ("iptc", block, _SEGMENT),
    ):
        if len(content) > room:
            _log.warning("%s left out: too long for a JPEG file; TIFF holds it", what.upper())
        elif content:
            kept[what] = content
    comment = "\n".join(text for key, text in metadata.texts if key == "Comment").encode()
    if len(comment) > _SEGMENT:
        _log.warning("comment left out: too long for a JPEG file; PNG holds it")
    elif comment:
        kept["comment"] = comment
    if "iptc" in kept:
        kept["extra"] = struct.pack(">HH", _APP13, len(block) + 2) + kept.pop("iptc")
    return kept
