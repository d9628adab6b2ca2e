"""Pictures from files and bytes: PNG, JPEG, TIFF and WebP, 8 and 16 bit, gray and colour."""

from __future__ import annotations

import io
import struct
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from rnan.errors import InputError, MissingExtraError
from rnan.images.picture import Metadata, Picture, Pixels, from_float, to_float

MAX_PIXELS = 2**29
"""Pictures of more pixels (537 million) are refused before they are decoded."""

EXTENSIONS = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp")
"""Endings that a folder is searched for; a single file is recognised by its content."""

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

_TIFF_TYPES = (np.uint8, np.uint16, np.float16, np.float32)

_bomb_limit = threading.Lock()


def read(path: Path) -> Picture:
    """Read a picture from a file.

    Raises:
        InputError: The file is missing, empty, no picture, damaged or too large.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a picture")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is a device or a pipe, not a file")
        data = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    return decode(data, name=str(path))


def decode(data: bytes, *, name: str = "the picture") -> Picture:
    """Read a picture from the bytes of a file.

    Args:
        data: The whole file.
        name: What messages call it.

    Raises:
        InputError: The bytes are empty, no picture, damaged, or claim too many pixels.
    """
    if not data:
        raise InputError(f"{name} is empty")
    try:
        if data.startswith(_TIFF):
            return _decode_tiff(data, name)
        if data.startswith(_PNG) and data[24:25] == b"\x10":
            return _decode_png16(data, name)
        return _decode_with_pillow(data, name)
    except (InputError, MissingExtraError):
        raise
    except UnidentifiedImageError:
        raise InputError(f"{name} is not a picture in a format that can be read") from None
    except MemoryError:
        raise InputError(f"{name} is too large for this machine's memory") from None
    except Exception as error:  # decoders raise whatever they like on damaged files
        brief = (str(error).splitlines() or [""])[0][:160] or type(error).__name__
        raise InputError(f"{name} is damaged or cannot be decoded: {brief}") from error


def _check_size(width: int, height: int, name: str) -> None:
    if width < 1 or height < 1:
        raise InputError(f"{name} has a side of no pixels ({width}x{height})")
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{name} claims {width}x{height} pixels; the limit is {MAX_PIXELS / 1e6:.0f} million"
        )


def _open_unlimited(source: io.BytesIO | Path) -> Image.Image:
    # Pillow's own limit is below a 100-megapixel camera's; ours stands in for it while it opens.
    with _bomb_limit:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(source)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _open(data: bytes, name: str) -> Image.Image:
    image = _open_unlimited(io.BytesIO(data))
    _check_size(*image.size, name)
    frames = getattr(image, "n_frames", 1)
    # Phones add a gain or depth map to a JPEG as a second picture; the first is the photograph.
    if frames > 1 and image.format != "MPO":
        raise InputError(f"{name} holds {frames} pictures; extract the one you want")
    return image


def _decode_with_pillow(data: bytes, name: str) -> Picture:
    image = _open(data, name)
    file_format = "JPEG" if image.format == "MPO" else image.format or ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about damaged EXIF, which is then left out
        image.load()
        dpi = _dpi(image.info.get("dpi"))
        icc = image.info.get("icc_profile") or None
        table = tuple(getattr(image, "quantization", {}).get(0, ()))
        image = ImageOps.exif_transpose(image)
        exif = image.getexif()
    metadata = Metadata(
        format=file_format,
        icc=icc,
        exif=exif.tobytes() if len(exif) else None,
        dpi=dpi,
        jpeg_table=table if file_format == "JPEG" and len(table) == 64 else None,
    )
    pixels, alpha = _channels(image, name)
    return Picture(pixels=pixels, alpha=alpha, metadata=metadata)


def _channels(image: Image.Image, name: str) -> tuple[Pixels, Pixels | None]:
    if image.mode == "CMYK":
        raise InputError(f"{name} is CMYK; convert it to RGB first")
    if image.mode.startswith("I;16") or image.mode == "I":
        pixels = np.asarray(image).astype(np.uint16)
        return pixels[:, :, None], None
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    is_gray = image.mode in ("1", "L", "LA")
    wanted = ("L" if is_gray else "RGB") + ("A" if has_alpha else "")
    pixels = np.asarray(image if image.mode == wanted else image.convert(wanted))
    return split_alpha(pixels)


def split_alpha(pixels: Pixels) -> tuple[Pixels, Pixels | None]:
    """Pixels ``(H, W)`` or ``(H, W, 1-4)`` as ``(H, W, 1 or 3)`` and the opacity, if any."""
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    channels = pixels.shape[2]
    if channels in (2, 4):
        return pixels[:, :, :-1], pixels[:, :, -1]
    if channels in (1, 3):
        return pixels, None
    raise InputError(f"a picture has 1 to 4 channels, not {channels}")


def _decode_png16(data: bytes, name: str) -> Picture:
    width, height = struct.unpack(">II", data[16:24])
    _check_size(width, height, name)
    try:
        import imagecodecs
    except ImportError:
        raise MissingExtraError("imagecodecs") from None
    image = _open(data, name)
    orientation = image.getexif().get(_ORIENTATION, 1)
    pixels, alpha = split_alpha(_upright(imagecodecs.png_decode(data), orientation))
    metadata = Metadata(
        format="PNG",
        icc=image.info.get("icc_profile") or None,
        dpi=_dpi(image.info.get("dpi")),
    )
    return Picture(pixels=pixels, alpha=alpha, metadata=metadata)


def _decode_tiff(data: bytes, name: str) -> Picture:
    import tifffile

    with tifffile.TiffFile(io.BytesIO(data)) as file:
        thumbnail = 1  # the bit that marks a smaller version of another page
        pages = sum(not getattr(page, "subfiletype", 0) & thumbnail for page in file.pages)
        if pages > 1:
            raise InputError(f"{name} holds {pages} pages; extract the one you want")
        page = file.pages.first
        _check_size(page.imagewidth, page.imagelength, name)
        photometric = tifffile.PHOTOMETRIC(page.photometric).name
        if photometric not in ("MINISBLACK", "MINISWHITE", "RGB", "YCBCR", "PALETTE"):
            raise InputError(f"{name} is {photometric}; convert it to RGB first")
        if page.dtype not in _TIFF_TYPES and page.bitspersample > 1:
            raise InputError(f"{name} has {page.dtype} samples; 8 and 16 bit and float are read")
        converts = photometric == "YCBCR" and page.compression != tifffile.COMPRESSION.JPEG
        if photometric == "PALETTE" or converts or page.bitspersample not in (8, 16, 32):
            return _decode_with_pillow(data, name)
        pixels = page.asarray()
        if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and pixels.ndim == 3:
            pixels = np.moveaxis(pixels, 0, -1)
        tags = {tag.name: tag.value for tag in page.tags}
        pixels = _upright(pixels, int(tags.get("Orientation", 1)))
        icc = tags.get("InterColorProfile")
        dpi = _tiff_dpi(tags)
        extra = page.extrasamples
    if np.issubdtype(pixels.dtype, np.floating):
        pixels = pixels.astype(np.float32)
        if not np.isfinite(pixels).all():
            raise InputError(f"{name} holds values that are not finite")
    elif photometric == "MINISWHITE":
        pixels = np.iinfo(pixels.dtype).max - pixels
    colour, alpha = split_alpha(pixels)
    if alpha is not None and tifffile.EXTRASAMPLE.ASSOCALPHA in extra:
        colour = _unpremultiplied(colour, alpha)
    return Picture(pixels=colour, alpha=alpha, metadata=Metadata(format="TIFF", icc=icc, dpi=dpi))


def _unpremultiplied(colour: Pixels, alpha: Pixels) -> Pixels:
    """Colour that was stored times its opacity, as it was before."""
    opacity = to_float(alpha)[:, :, None]
    divided = to_float(colour) / np.where(opacity > 0, opacity, 1)
    return from_float(divided.astype(np.float32), colour.dtype)


_ORIENTATION = 0x0112
"""The tag of EXIF and TIFF that says how a picture was turned."""


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """Apply an orientation (1 to 8) as EXIF and TIFF define it."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _tiff_dpi(tags: dict[str, Any]) -> tuple[float, float] | None:
    inches = {2: 1.0, 3: 2.54}.get(int(tags.get("ResolutionUnit", 2)))
    try:
        across, down = (
            tags[name][0] / tags[name][1] * inches for name in ("XResolution", "YResolution")
        )
    except (KeyError, TypeError, ZeroDivisionError):
        return None
    return _dpi((across, down))


def _dpi(value: Any) -> tuple[float, float] | None:
    try:
        across, down = (float(number) for number in value)
    except (TypeError, ValueError):
        return None
    return (across, down) if across > 0 and down > 0 else None


def size_of(path: Path) -> tuple[int, int] | None:
    """Height and width from the header alone; ``None`` where it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # reading says what is wrong with a file
            with _open_unlimited(path) as image:
                return image.height, image.width
    except Exception:  # decoders raise whatever they like on damaged files
        return None
