"""HEIC, as phones write it: the pixels stay after the library has freed its own."""

from __future__ import annotations

import io
import sys

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from conftest import photo
from rnan.errors import MissingExtraError
from rnan.images import decode
from rnan.images.formats.boxes import has_readable_names
from rnan.images.formats.heif import parts

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def heic(pixels: np.ndarray, *, mode: str = "RGB", quality: int = 90, **more: object) -> bytes:
    """A file with these pixels, 8 bits, or 10 bits where they are uint16."""
    size = pixels.shape[1], pixels.shape[0]
    file = pillow_heif.from_bytes(mode=mode, size=size, data=pixels.tobytes())
    buffer = io.BytesIO()
    file.save(buffer, quality=quality, **more)
    return buffer.getvalue()


def test_a_phones_heic() -> None:
    data = io.BytesIO()
    Image.fromarray(photo(64, 96)).save(data, "PNG", icc_profile=SRGB)
    file, made = pillow_heif.from_pillow(Image.open(data)), io.BytesIO()
    file.save(made, quality=90)
    picture = decode(made.getvalue())
    assert picture.size == (64, 96)
    assert picture.metadata.format == "HEIF"
    assert picture.metadata.icc == SRGB
    assert np.abs(picture.pixels.astype(int) - photo(64, 96)).mean() < 6


def test_a_large_picture_stays_what_it_was() -> None:
    """The library frees its memory with the file; what was read stays what it was."""
    truth = np.tile(photo(300, 400), (8, 8, 1))
    data = heic(truth, quality=70)
    picture = decode(data)
    kept = picture.pixels.copy()
    assert np.abs(kept[::7, ::7].astype(int) - truth[::7, ::7]).mean() < 6
    decode(data)
    assert np.array_equal(picture.pixels, kept)
    assert picture.pixels.flags.owndata or picture.pixels.base.flags.owndata


@pytest.mark.slow
def test_twenty_pictures_of_twelve_megapixels() -> None:
    """The library frees its memory with the file; what was read stays what it was."""
    truth = np.tile(photo(1512, 2016), (2, 2, 1))
    data = heic(truth, quality=70)
    first = decode(data)
    assert first.pixels.flags.owndata or first.pixels.base.flags.owndata
    kept = first.pixels.copy()
    assert np.abs(kept[::7, ::7].astype(int) - truth[::7, ::7]).mean() < 6
    for _ in range(19):
        assert np.array_equal(decode(data).pixels, kept)
    assert np.array_equal(first.pixels, kept)


@pytest.mark.parametrize("side", [64, 101])
def test_white_of_ten_bits_is_white(side: int) -> None:
    white = np.full((side, side, 3), 65535, np.uint16)
    picture = decode(heic(white, mode="RGB;16", quality=-1, chroma=444))
    assert picture.pixels.shape == (side, side, 3)
    assert picture.pixels.dtype == np.uint16
    assert picture.pixels.min() > 65535 - 2 * 65  # two steps of ten bits, for the colour matrix
    assert picture.pixels.max() == 65535


def test_opacity_of_ten_bits() -> None:
    values = np.full((64, 64, 4), 65535, np.uint16)
    values[:, :, :3] = 32768
    picture = decode(heic(values, mode="RGBA;16", quality=-1))
    assert picture.alpha is not None
    assert picture.alpha.min() == 65535


def test_what_else_a_phone_puts_into_a_file() -> None:
    phone = {
        "urn:com:apple:photo:2020:aux:hdrgainmap": [3],
        "urn:mpeg:hevc:2015:auxid:1:alpha": [4],
    }
    assert parts({"aux": phone, "depth_images": [object()]}) == ("depth map", "HDR gain map")
    assert parts({"aux": {"urn:com:apple:photo:2018:aux:portraiteffectsmatte": [5]}}) == (
        "second picture",
    )
    assert parts({"aux": {}, "depth_images": []}) == ()


def test_names_of_items_have_to_be_text() -> None:
    """Looked at before the library is; a made-up box, which no library sees."""

    def box(kind: bytes, body: bytes) -> bytes:
        return (8 + len(body)).to_bytes(4, "big") + kind + body

    def file(content_type: bytes, kind: bytes = b"mime", boxes: int = 0) -> bytes:
        item = box(b"infe", b"\2\0\0\0\0\1\0\0" + kind + b"\0" + content_type + b"\0")
        listed = box(b"meta", bytes(4) + box(b"iinf", bytes(4) + b"\0\1" + item))
        return boxes * box(b"free", b"") + listed

    assert has_readable_names(file(b"application/rdf+xml"))
    assert not has_readable_names(file(b"appl\x80cation"))
    assert not has_readable_names(file(b"", kind=b"Exi\x80"))
    assert not has_readable_names(file(b"application/rdf+xml", boxes=10_001))
    assert has_readable_names(heic(photo(64, 64)))


def test_heic_names_the_package_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(MissingExtraError, match="pip install pi-heif"):
        decode(b"\0\0\0\x18ftypheic" + bytes(60))
