"""At least forty hostile or odd files, made by code: what people and programs leave in folders."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from conftest import photo

RIGHT, REFUSED = "right", "refused"
"""What must become of a file: a right picture, or one line that says why not."""


def corpus(folder: Path) -> dict[str, tuple[Path, str]]:
    """Make all files; each name with its path and what must become of it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for name, (make, expected) in _FILES.items():
        path = folder / name
        make(path)
        made[name] = (path, expected)
    return made


def encoded(file_format: str, size: tuple[int, int] = (48, 40), **options: object) -> bytes:
    """A picture of that format."""
    buffer = io.BytesIO()
    Image.fromarray(photo(*size)).save(buffer, file_format, **options)
    return buffer.getvalue()


def png(width: int, height: int, depth: int = 8, colour: int = 2, data: bytes = b"") -> bytes:
    """A PNG that claims a size."""
    chunks = [b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)]
    chunks += [b"IDAT" + data, b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


def tiff(values: np.ndarray, **options: object) -> bytes:
    """A TIFF of any kind of numbers."""
    buffer = io.BytesIO()
    kind = "rgb" if values.ndim == 3 and values.shape[2] == 3 else "minisblack"
    tifffile.imwrite(buffer, values, **{"photometric": kind, **options})
    return buffer.getvalue()


def _bytes(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def _cut(file_format: str, share: float) -> Callable[[Path], object]:
    data = encoded(file_format)
    return _bytes(data[: max(1, int(share * len(data)))])


def _changed(data: bytes, position: int, to: bytes) -> bytes:
    return data[:position] + to + data[position + len(to) :]


def _animation(file_format: str) -> bytes:
    buffer = io.BytesIO()
    frames = [Image.fromarray(photo(16, 16, seed=seed)) for seed in (0, 1)]
    frames[0].save(buffer, file_format, save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def _array(array: np.ndarray, file_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, file_format, **options)
    return buffer.getvalue()


def _inks() -> bytes:
    buffer = io.BytesIO()
    Image.new("CMYK", (9, 9)).save(buffer, "JPEG")
    return buffer.getvalue()


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


_JPEG, _PNG, _TIFF, _WEBP = (encoded(name) for name in ("JPEG", "PNG", "TIFF", "WEBP"))
_FLOAT = photo(20, 20).astype(np.float32) / 255
_SPECKLED = _FLOAT.copy()
_SPECKLED[3, 4, 1] = np.nan

_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    # Nothing, and other things.
    "empty.png": (_bytes(b""), REFUSED),
    "one-byte.jpg": (_bytes(b"\xff"), REFUSED),
    "zeros.png": (_bytes(bytes(5000)), REFUSED),
    "text.jpg": (_bytes(b"not a picture\n" * 20), REFUSED),
    "page.webp": (_bytes(b"<html><body>404 Not Found</body></html>"), REFUSED),
    "archive.tif": (_bytes(b"PK\x03\x04" + bytes(200)), REFUSED),
    "folder.png": (lambda path: path.mkdir(exist_ok=True), REFUSED),
    "loop.jpg": (_loop, REFUSED),
    "nowhere.png": (lambda path: path.symlink_to("is-not-there.png"), REFUSED),
    # Cut off.
    **{f"cut-{n}.jpg": (_cut("JPEG", n / 100), REFUSED) for n in (1, 10, 40, 70, 95)},
    **{f"cut-{n}.png": (_cut("PNG", n / 100), REFUSED) for n in (1, 10, 40, 70, 95)},
    **{f"cut-{n}.tif": (_cut("TIFF", n / 100), REFUSED) for n in (1, 10, 50, 90)},
    **{f"cut-{n}.webp": (_cut("WEBP", n / 100), REFUSED) for n in (1, 20, 60, 90)},
    **{f"cut-{n}.avif": (_cut("AVIF", n / 100), REFUSED) for n in (1, 30)},
    # Headers that lie.
    "enormous.png": (_bytes(png(65_535, 65_535)), REFUSED),
    "bomb.png": (_bytes(png(60_000, 60_000, data=zlib.compress(bytes(10**6)))), REFUSED),
    "billion-wide.png": (_bytes(png(2**31 - 1, 1)), REFUSED),
    "no-width.png": (_bytes(png(0, 10)), REFUSED),
    "no-height-16.png": (_bytes(png(10, 0, 16)), REFUSED),
    "no-pixels.png": (_bytes(png(32, 32)), REFUSED),
    "no-pixels-16.png": (_bytes(png(32, 32, 16)), REFUSED),
    "wrong-crc.png": (_bytes(_changed(_PNG, 60, b"\x00\xff\x00")), REFUSED),
    "absurd-offset.tif": (_bytes(b"II*\x00" + b"\xff" * 40), REFUSED),
    "own-offset.tif": (_bytes(b"II*\x00\x08\x00\x00\x00\x01\x00" + bytes(20)), REFUSED),
    "wide-header.jpg": (
        _bytes(_changed(_JPEG, _JPEG.index(b"\xff\xc0") + 5, b"\xff\xff\xff\xff")),
        REFUSED,
    ),
    # Numbers that are none, and kinds that are not read.
    "nan.tif": (_bytes(tiff(_SPECKLED)), REFUSED),
    "infinite.tif": (_bytes(tiff(np.full((9, 9), np.inf, np.float32))), REFUSED),
    "float64.tif": (_bytes(tiff(np.zeros((9, 9)))), RIGHT),
    "complex.tif": (_bytes(tiff(np.zeros((9, 9), np.complex64))), REFUSED),
    "five-channels.tif": (
        _bytes(tiff(np.zeros((9, 9, 5), np.uint8), photometric="rgb", extrasamples=[0, 0])),
        RIGHT,
    ),
    "five-spectra.tif": (
        _bytes(tiff(np.zeros((9, 9, 5), np.uint8), photometric="minisblack", extrasamples=[0] * 4)),
        REFUSED,
    ),
    "two-pages.tif": (_bytes(_animation("TIFF")), REFUSED),
    "animation.gif": (_bytes(_animation("GIF")), REFUSED),
    "animation.webp": (_bytes(_animation("WEBP")), REFUSED),
    "animation.png": (_bytes(_animation("PNG")), REFUSED),
    "inks.jpg": (_bytes(_inks()), REFUSED),
    # Odd, but pictures.
    "jpeg-called.png": (_bytes(_JPEG), RIGHT),
    "png-called.jpg": (_bytes(_PNG), RIGHT),
    "webp-called.tif": (_bytes(_WEBP), RIGHT),
    "one-pixel.png": (_bytes(_array(photo(1, 1))), RIGHT),
    "one-row.png": (_bytes(_array(photo(1, 300))), RIGHT),
    "one-column.jpg": (_bytes(_array(photo(300, 1), "JPEG")), RIGHT),
    "one-bit.png": (_bytes(_array(photo(20, 20)[:, :, 0] > 120)), RIGHT),
    "black.png": (_bytes(_array(np.zeros((40, 40, 3), np.uint8))), RIGHT),
    "all-transparent.png": (_bytes(_array(np.zeros((40, 40, 4), np.uint8))), RIGHT),
    "rubbish-behind.jpg": (_bytes(_JPEG + bytes(range(256)) * 40), RIGHT),
    "rubbish-behind.png": (_bytes(_PNG + b"rubbish" * 100), RIGHT),
    "corrupt-profile.jpg": (_bytes(encoded("JPEG", icc_profile=b"\0" * 200)), RIGHT),
    "corrupt-profile.png": (_bytes(encoded("PNG", icc_profile=b"rubbish" * 9)), RIGHT),
    "corrupt-exif.jpg": (_bytes(encoded("JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")), RIGHT),
    "corrupt-exif.webp": (_bytes(encoded("WEBP", exif=b"Exif\0\0" + bytes(30))), RIGHT),
    "beyond-white.tif": (_bytes(tiff(2 * _FLOAT - 0.5)), RIGHT),
    "half-floats.tif": (_bytes(tiff(_FLOAT.astype(np.float16))), RIGHT),
    "planes-apart.tif": (
        _bytes(
            tiff(
                photo(20, 20).transpose(2, 0, 1).copy(), planarconfig="separate", photometric="rgb"
            )
        ),
        RIGHT,
    ),
    "white-is-zero.tif": (_bytes(tiff(photo(20, 20)[:, :, 0], photometric="miniswhite")), RIGHT),
    "progressive.jpg": (_bytes(encoded("JPEG", progressive=True, quality=30)), RIGHT),
    "interlaced.png": (_bytes(encoded("PNG", interlace=1)), RIGHT),
    "with space 'and' \"quotes\" é 🙂.png": (_bytes(_PNG), RIGHT),
}
