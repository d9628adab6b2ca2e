"""Pictures to files: whole or not at all, with what belonged to them."""

from __future__ import annotations

import errno
import io
import os
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rnan.errors import InputError, MissingExtraError, ResourceError
from rnan.images.picture import Metadata, Picture, from_float, to_float

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
}
"""Format by the output's ending."""

_OPTIONS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
}

_MAX_SIDE = {"JPEG": 65_535, "WEBP": 16_383}


def write(picture: Picture, path: Path, *, overwrite: bool = False) -> None:
    """Write a picture; its format follows the ending of ``path``.

    PNG and TIFF keep the depth of the pixels, JPEG (quality 95, 4:4:4), WebP (lossless) and BMP
    hold 8 bit. The file appears under its name only when it is complete.

    Raises:
        InputError: The ending is unknown, the file exists and ``overwrite`` is off, the folder
            cannot be written, or the format cannot hold the picture.
        ResourceError: The disk is full.
    """
    check_output(path, overwrite=overwrite)
    write_whole(path, encode(picture, FORMATS[path.suffix.lower()]))


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse an output that could not be written, before any work is done for it.

    Raises:
        InputError: As :func:`write`.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputError(
            f"cannot write {path.name}: the ending must be one of {', '.join(sorted(FORMATS))}"
        )
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; pass --overwrite to replace it")


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before long work is done for it.

    Raises:
        InputError: ``path`` is a folder, or its folder cannot be written.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write bytes to a temporary name beside ``path``, then rename.

    Raises:
        InputError: The folder cannot be made or written.
        ResourceError: The disk is full.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        temporary.replace(path)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ResourceError(
                f"no space left to write {path}; free some and run again"
            ) from error
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def encode(picture: Picture, file_format: str) -> bytes:
    """The bytes of a file of that format.

    Raises:
        InputError: The format cannot hold the picture.
    """
    limit = _MAX_SIDE.get(file_format)
    if limit and max(picture.size) > limit:
        raise InputError(f"{file_format} holds at most {limit} pixels a side; write PNG or TIFF")
    if file_format == "TIFF":
        return _encode_tiff(picture)
    if file_format == "PNG" and picture.pixels.dtype != np.uint8:
        return _encode_png16(picture)
    return _encode_with_pillow(picture, file_format)


def _encode_with_pillow(picture: Picture, file_format: str) -> bytes:
    if picture.alpha is not None and file_format in ("JPEG", "BMP"):
        raise InputError(f"{file_format} holds no transparency; write PNG, TIFF or WebP")
    samples = _samples(picture, np.dtype(np.uint8))
    image = Image.fromarray(samples[:, :, 0] if samples.shape[2] == 1 else samples)
    options = dict(_OPTIONS.get(file_format, {}))
    metadata = picture.metadata
    if metadata.icc:
        options["icc_profile"] = metadata.icc
    if metadata.exif and file_format != "BMP":
        options["exif"] = metadata.exif
    if metadata.dpi:
        options["dpi"] = metadata.dpi
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def _encode_png16(picture: Picture) -> bytes:
    try:
        import imagecodecs
    except ImportError:
        raise MissingExtraError("imagecodecs") from None
    samples = _samples(picture, np.dtype(np.uint16))
    data = bytes(imagecodecs.png_encode(samples[:, :, 0] if samples.shape[2] == 1 else samples))
    return _with_chunks(data, picture.metadata)


def _with_chunks(png: bytes, metadata: Metadata) -> bytes:
    """Colour profile and resolution, which the encoder does not take, behind the header."""
    chunks = b""
    if metadata.icc:
        chunks += _chunk(b"iCCP", b"profile\0\0" + zlib.compress(metadata.icc))
    if metadata.dpi:
        across, down = (round(dots / 0.0254) for dots in metadata.dpi)  # in dots a metre
        chunks += _chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    behind_header = 8 + 25
    return png[:behind_header] + chunks + png[behind_header:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _encode_tiff(picture: Picture) -> bytes:
    import tifffile

    samples = _samples(picture, picture.pixels.dtype)
    buffer = io.BytesIO()
    tifffile.imwrite(
        buffer,
        samples[:, :, 0] if samples.shape[2] == 1 else samples,
        photometric="minisblack" if picture.is_gray else "rgb",
        extrasamples=None if picture.alpha is None else ["unassalpha"],
        compression="zlib",
        iccprofile=picture.metadata.icc,
        resolution=picture.metadata.dpi,
        resolutionunit="INCH" if picture.metadata.dpi else None,
        metadata=None,
    )
    return buffer.getvalue()


def _samples(picture: Picture, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Pixels and opacity as ``(H, W, 1-4)`` of the depth that the format holds."""
    planes = [picture.pixels]
    if picture.alpha is not None:
        planes.append(picture.alpha[:, :, None])
    samples = np.concatenate(planes, axis=2)
    return samples if samples.dtype == dtype else from_float(to_float(samples), dtype)
