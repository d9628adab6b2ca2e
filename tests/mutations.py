"""Damaged files made of whole ones: parts of a format left out, doubled, moved, and lied about.

Each format is taken apart at its own seams (chunks, segments, boxes, directories), since random
bytes stop at the first checksum.
"""

from __future__ import annotations

import io
import json
import random
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import tifffile
from PIL import Image, ImageCms

from conftest import small_weights
from raws import OPCODES_2, dng, gain_map
from rnan.export.info import GraphInfo
from rnan.images import Picture
from rnan.images.write import encode
from rnan.models.presets import preset
from rnan.options.files import WRITE
from rnan.runtimes.mnn import MARK

Rng = random.Random


@dataclass
class Part:
    """A part of a file between two seams."""

    content: bytes
    fields: list[tuple[int, str]] = field(default_factory=list)
    """Where numbers stand in it, and how :mod:`struct` calls them."""


Cut = Callable[[bytes], list[Part]]
Joined = Callable[[list[Part], Rng], bytes]


def picture(height: int = 40, width: int = 56, channels: int = 3) -> np.ndarray:
    """A smooth picture with some noise."""
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:height, :width]
    smooth = 120 + 60 * np.sin(rows / 9)[..., None] + 40 * np.cos(columns / 7)[..., None]
    noisy = smooth + rng.normal(0, 8, (height, width, channels))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _saved(file_format: str, image: Image.Image | None = None, **more: Any) -> bytes:
    buffer = io.BytesIO()
    (image or Image.fromarray(picture())).save(buffer, file_format, **more)
    return buffer.getvalue()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112], exif[271], exif[0x010E] = 6, "A maker", "what is seen"
    exif.get_ifd(0x8769).update({0xA002: 56, 0xA003: 40, 34855: 800, 0x9214: (20, 20, 8, 8)})
    return exif.tobytes()


XMP = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF "
    b"xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' "
    b"xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Orientation='6'><tiff:Model>M</tiff:Model>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def _tiff(pixels: np.ndarray, **more: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **{"photometric": "rgb", **more})
    return buffer.getvalue()


def _pages() -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        for _ in range(4):
            file.write(picture(), photometric="rgb", contiguous=False)
    return buffer.getvalue()


def _raws() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        pixels = picture(64, 64)
        yield dng(here / "a.dng", pixels).read_bytes()
        shading = gain_map(np.ones((3, 4), np.float32))
        more = [(OPCODES_2, "B", len(shading), shading)]
        yield dng(here / "b.dng", pixels, "grbg", more=more, compression="zlib").read_bytes()


def _said() -> str:
    """What an exported network says of itself."""
    return GraphInfo(
        task="denoise-color", name="a", version="0", config=preset("compact"), window=24, scale=1
    ).to_text()


def _weights() -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        yield small_weights(Path(folder) / "a.safetensors").read_bytes()


def _heif() -> bytes:
    buffer = io.BytesIO()
    file = pillow_heif.from_pillow(Image.fromarray(picture(64, 64)))
    file.save(buffer, exif=_exif(), xmp=XMP)
    return buffer.getvalue()


def seeds() -> dict[str, list[bytes]]:
    """Whole files of each format."""
    frames = [Image.fromarray(picture()).convert("P") for _ in range(3)]
    deep = picture().astype(np.uint16) * 257
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "png": [
            _saved("PNG", exif=_exif(), icc_profile=icc, dpi=(300, 300)),
            _saved("PNG", Image.fromarray(picture()).convert("P")),
            encode(Picture(pixels=deep), "PNG", WRITE),
            _saved("PNG", save_all=True, append_images=frames),
        ],
        "jpeg": [
            _saved("JPEG", exif=_exif(), icc_profile=icc, xmp=XMP, comment=b"said"),
            _saved("JPEG", progressive=True, subsampling=2),
            _saved("JPEG", Image.fromarray(picture()).convert("CMYK")),
            _saved("JPEG", Image.fromarray(picture()).convert("L"), restart_marker_rows=1),
        ],
        "tiff": [
            _tiff(picture()),
            _tiff(deep, compression="zlib", tile=(16, 16)),
            _tiff(picture().astype(np.float32) / 255, compression="lzw", rowsperstrip=8),
            _tiff(picture().transpose(2, 0, 1), planarconfig="separate"),
            _tiff(picture(), bigtiff=True),
            _pages(),
            _saved("TIFF", Image.fromarray(picture()).convert("P"), compression="packbits"),
        ],
        "webp": [
            _saved("WEBP", exif=_exif(), icc_profile=icc, xmp=XMP),
            _saved("WEBP", lossless=True),
            _saved("WEBP", save_all=True, append_images=frames),
        ],
        "avif": [_saved("AVIF", exif=_exif(), icc_profile=icc), _saved("AVIF", quality=100)],
        "heif": [_heif()],
        "gif": [_saved("GIF", frames[0]), _saved("GIF", save_all=True, append_images=frames)],
        "bmp": [_saved("BMP"), _saved("BMP", frames[0])],
        "ppm": [_saved("PPM"), _saved("PPM", Image.fromarray(picture()).convert("1"))],
        "dng": list(_raws()),
        "safetensors": list(_weights()),
        "graph": [b"MNN\0" * 30 + MARK + _said().encode() + b"\0" * 40],
        "recipe": [
            b"task: denoise-color\nmodel: {preset: compact}\ndata:\n  folders: [a, b]\n"
            b"  patch_size: 48\nbudget: {minutes: 3}\n"
        ],
        "manifest": [
            b"".join(
                json.dumps(
                    {"source": f"{n}.png", "target": f"out/{n}.png", "status": "done", "size": n}
                ).encode()
                + b"\n"
                for n in range(4)
            )
        ],
    }


def _png_parts(data: bytes) -> list[Part]:
    parts, at = [Part(data[:8])], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        body = data[at : at + 12 + length]
        numbers = [(0, ">I")]
        if body[4:8] == b"IHDR":
            numbers += [(8, ">I"), (12, ">I"), *((place, "B") for place in range(16, 21))]
        elif body[4:8] != b"IDAT":
            numbers += [(place, ">I") for place in range(8, min(len(body) - 4, 40), 4)]
        parts.append(Part(body, numbers))
        at += len(body)
    return parts


def _png_joined(parts: list[Part], rng: Rng) -> bytes:
    right = rng.random() < 0.9
    out = []
    for part in parts:
        body = part.content
        if right and len(body) >= 12 and body[:4] != b"\x89PNG":
            body = body[:-4] + struct.pack(">I", zlib.crc32(body[4:-4]))
        out.append(body)
    return b"".join(out)


def _jpeg_parts(data: bytes) -> list[Part]:
    parts, at = [Part(data[:2])], 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind == 0xD9:
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        body = data[at : at + 2 + length]
        at += len(body)
        numbers = [(1, "B"), (2, ">H")]
        numbers += [(place, "B") for place in range(4, min(len(body), 24))]
        numbers += [(place, ">H") for place in range(5, min(len(body) - 1, 20), 2)]
        parts.append(Part(body, numbers))
        if kind == 0xDA:
            end = at
            while end + 1 < len(data) and not (
                data[end] == 0xFF and data[end + 1] not in (0, *range(0xD0, 0xD8))
            ):
                end += 1
            parts.append(Part(data[at:end]))
            at = end
    return [*parts, Part(data[at:])]


def _riff_parts(data: bytes) -> list[Part]:
    parts, at = [Part(data[:12], [(4, "<I")])], 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        body = data[at : at + 8 + length + length % 2]
        numbers = [(4, "<I"), *((place, "<H") for place in range(8, min(len(body) - 2, 28), 2))]
        parts.append(Part(body, numbers))
        at += len(body)
    return parts


_CONTAINERS = (b"meta", b"iprp", b"ipco", b"iref", b"moov", b"dinf")


def _box_parts(data: bytes) -> list[Part]:
    parts: list[Part] = []

    def below(start: int, end: int) -> None:
        at = start
        while at + 8 <= end:
            (length,) = struct.unpack_from(">I", data, at)
            length = length if 8 <= length <= end - at else end - at
            if data[at + 4 : at + 8] in _CONTAINERS:
                head = 12 if data[at + 4 : at + 8] in (b"meta", b"iref") else 8
                parts.append(Part(data[at : at + head], [(0, ">I")]))
                below(at + head, at + length)
            else:
                body = data[at : at + length]
                numbers = [(0, ">I")]
                numbers += [(place, ">I") for place in range(8, min(length - 4, 64), 4)]
                numbers += [(place, ">H") for place in range(8, min(length - 2, 40), 2)]
                parts.append(Part(body, numbers))
            at += length
        if at < end:
            parts.append(Part(data[at:end]))

    below(0, len(data))
    return parts


def _tiff_parts(data: bytes) -> list[Part]:
    """Head, entries of all directories, and what stands between; places are not mended."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    head, number, address, entry = (16, "Q", "Q", 20) if big else (8, "H", "I", 12)
    seams: dict[int, list[tuple[int, str]]] = {
        0: [(head - struct.calcsize(address), order + address)]
    }
    (at,) = struct.unpack_from(order + address, data, 8 if big else 4)
    seen: set[int] = set()
    while at and at not in seen and at + 2 <= len(data):
        seen.add(at)
        (entries,) = struct.unpack_from(order + number, data, at)
        wide = struct.calcsize("=" + number)
        seams[at] = [(0, order + number)]
        for index in range(entries):
            place = at + wide + entry * index
            value = (4, order + "Q"), (12, order + "Q")
            small = (4, order + "I"), (8, order + "I"), (8, order + "H")
            seams[place] = [(0, order + "H"), (2, order + "H"), *(value if big else small)]
        following = at + wide + entry * entries
        if following + 4 > len(data):
            break
        seams[following] = [(0, order + address)]
        seams[following + struct.calcsize("=" + address)] = []
        (at,) = struct.unpack_from(order + address, data, following)
    places = sorted(place for place in seams if place < len(data))
    ends = [*places[1:], len(data)]
    return [Part(data[a:b], seams[a]) for a, b in zip(places, ends, strict=True)]


def _plain_parts(data: bytes) -> list[Part]:
    head = min(64, len(data))
    numbers = [(place, form) for form in ("<H", "<I") for place in range(0, head - 4, 2)]
    size = max(1, (len(data) - head) // 8)
    rest = [data[at : at + size] for at in range(head, len(data), size)]
    return [Part(data[:head], numbers), *map(Part, rest)]


def _safetensors_parts(data: bytes) -> list[Part]:
    (length,) = struct.unpack_from("<Q", data)
    return [
        Part(data[:8], [(0, "<Q")]),
        *_text_parts(data[8 : 8 + length]),
        Part(data[8 + length :]),
    ]


def _text_parts(data: bytes) -> list[Part]:
    parts, start = [], 0
    for at, sign in enumerate(data):
        if sign in b",:{}[]\n":
            parts += [Part(data[start:at]), Part(data[at : at + 1])]
            start = at + 1
    return [*parts, Part(data[start:])]


def _joined(parts: list[Part], rng: Rng) -> bytes:
    return b"".join(part.content for part in parts)


FORMATS: dict[str, tuple[Cut, Joined]] = {
    "png": (_png_parts, _png_joined),
    "jpeg": (_jpeg_parts, _joined),
    "tiff": (_tiff_parts, _joined),
    "webp": (_riff_parts, _joined),
    "avif": (_box_parts, _joined),
    "heif": (_box_parts, _joined),
    "gif": (_plain_parts, _joined),
    "bmp": (_plain_parts, _joined),
    "ppm": (_text_parts, _joined),
    "dng": (_tiff_parts, _joined),
    "safetensors": (_safetensors_parts, _joined),
    "graph": (_text_parts, _joined),
    "recipe": (_text_parts, _joined),
    "manifest": (_text_parts, _joined),
}


def _number(rng: Rng, before: int, bits: int) -> int:
    near = (before - 1, before + 1, before * 2, before // 2, 0, 1, 2, 7, 255, 256)
    edges = (2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1, 2 ** (bits // 2), 65_535, 10_000)
    return rng.choice([*near, *edges, rng.randrange(2**bits)]) % 2**bits


def _lie(part: Part, rng: Rng) -> Part:
    """With another number in one of its fields, or other bits."""
    content = bytearray(part.content)
    usable = [(at, form) for at, form in part.fields if at + struct.calcsize(form) <= len(content)]
    if usable and rng.random() < 0.8:
        at, form = rng.choice(usable)
        (before,) = struct.unpack_from(form, content, at)
        struct.pack_into(form, content, at, _number(rng, before, 8 * struct.calcsize(form)))
    elif content:
        for _ in range(rng.choice((1, 1, 2, 8))):
            content[rng.randrange(len(content))] = rng.choice((0, 255, rng.randrange(256)))
    return Part(bytes(content), part.fields)


def _text_lie(part: Part, rng: Rng) -> Part:
    strange = (b"", b"null", b"-1", b"1e999", b"nan", b"[]", b"{}", b'"\\u0000"', b"\xff", b"!!x y")
    deep = bytes([rng.choice(b"[{(")]) * rng.choice((10, 1000, 5000))
    return Part(rng.choice([*strange, deep, part.content * 50, b"9" * 400]))


TEXTS = ("safetensors", "graph", "recipe", "manifest", "ppm")


def mutated(kind: str, whole: list[bytes], rng: Rng) -> bytes:
    """A damaged file of a format, made of the whole ones.

    Args:
        kind: A key of :data:`FORMATS`.
        whole: Files of that format.
        rng: Decides.
    """
    cut, joined = FORMATS[kind]
    parts = cut(rng.choice(whole))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        place = rng.randrange(len(parts)) if parts else 0
        way = rng.random()
        if not parts:
            break
        if way < 0.55:
            lie = _text_lie if kind in TEXTS and rng.random() < 0.5 else _lie
            parts[place] = lie(parts[place], rng)
        elif way < 0.65:
            del parts[place]
        elif way < 0.75:
            parts[place:place] = [parts[place]] * rng.choice((1, 1, 2, 30))
        elif way < 0.83:
            other = rng.randrange(len(parts))
            parts[place], parts[other] = parts[other], parts[place]
        elif way < 0.91:
            parts[place] = rng.choice(cut(rng.choice(whole)) or [Part(b"")])
        else:
            content = parts[place].content
            parts[place:] = [Part(content[: rng.randrange(len(content) + 1)])]
    return joined(parts, rng)
