"""What belongs to a picture comes back with it, for each format and field."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin
from skimage.color import rgb2lab

from conftest import photo
from rnan.errors import ConfigError, InputError
from rnan.images import Metadata, Picture, ReadOptions, WriteOptions, decode, read, write
from rnan.images.alpha import filled
from rnan.images.exif import exif_for_size, orientation_of, upright_exif
from rnan.images.formats.iptc import photoshop_block
from rnan.images.formats.png_chunks import chunk, colour_chunks, with_chunks
from rnan.images.write import encode
from rnan.images.xmp_rules import upright_xmp

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf'
    b'-syntax-ns#"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    b'tiff:Orientation="6" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="a cat"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
MAKER_NOTE = bytes(range(64))
IPTC = b"\x1c\x02\x78\x00\x05a cat" + b"\x1c\x02\x19\x00\x07animals"
"""A record: the caption and a keyword."""


def exif(orientation: int = 1, *, thumbnail: bool = False) -> bytes:
    """A block as a camera writes it: make, date, exposure, maker note, size, place."""
    block = Image.Exif()
    block[0x010F] = "Maker"
    block[0x0112] = orientation
    block[0x0132] = "2026:01:02 03:04:05"
    inner = block.get_ifd(0x8769)
    inner[0x829A] = TiffImagePlugin.IFDRational(1, 250)
    inner[0x927C] = MAKER_NOTE
    inner[0xA002], inner[0xA003] = 40, 30
    block.get_ifd(0x8825)[1] = "N"
    data = bytearray(block.tobytes().removeprefix(b"Exif\0\0"))
    if thumbnail:
        order = "<" if data[:2] == b"II" else ">"
        first = int.from_bytes(data[4:8], "little" if order == "<" else "big")
        number = int.from_bytes(data[first : first + 2], "little" if order == "<" else "big")
        small = io.BytesIO()
        Image.fromarray(photo(16, 16)).save(small, "JPEG")
        struct.pack_into(order + "I", data, first + 2 + 12 * number, len(data))
        start = len(data) + 2 + 24 + 4
        data += struct.pack(order + "H", 2)
        data += struct.pack(order + "HHII", 0x0201, 4, 1, start)
        data += struct.pack(order + "HHII", 0x0202, 4, 1, len(small.getvalue()))
        data += struct.pack(order + "I", 0) + small.getvalue()
    return bytes(data)


def fields(block: bytes | None) -> dict[str, object]:
    loaded = Image.Exif()
    loaded.load(block or b"")
    inner = loaded.get_ifd(0x8769)
    return {
        "make": loaded.get(0x010F),
        "date": loaded.get(0x0132),
        "orientation": loaded.get(0x0112, 1),
        "exposure": float(inner.get(0x829A, 0)),
        "note": inner.get(0x927C),
        "place": loaded.get_ifd(0x8825).get(1),
    }


EXPECTED = {
    "make": "Maker",
    "date": "2026:01:02 03:04:05",
    "orientation": 1,
    "exposure": 1 / 250,
    "note": MAKER_NOTE,
    "place": "N",
}


@pytest.mark.parametrize(
    ("suffix", "depth"),
    [
        (".png", np.uint8),
        (".png", np.uint16),
        (".jpg", np.uint8),
        (".webp", np.uint8),
        (".tif", np.uint8),
        (".tif", np.uint16),
        (".tif", np.float32),
        (".avif", np.uint8),
    ],
)
def test_round_trip_of_every_field(tmp_path: Path, suffix: str, depth: type) -> None:
    white = 1.0 if depth == np.float32 else np.iinfo(depth).max
    pixels = (photo(30, 40) / 255 * white).astype(depth)
    metadata = Metadata(
        icc=SRGB, exif=upright_exif(exif()), xmp=upright_xmp(XMP)[0], iptc=IPTC, dpi=(300, 200)
    )
    path = tmp_path / f"all{suffix}"
    write(Picture(pixels=pixels, metadata=metadata), path)
    back = read(path)
    assert back.pixels.dtype == depth
    assert back.metadata.icc == SRGB
    assert fields(back.metadata.exif) == EXPECTED
    assert back.metadata.xmp is not None
    assert b"a cat" in back.metadata.xmp
    assert back.metadata.iptc == (IPTC if suffix in (".jpg", ".tif") else None)
    if suffix in (".png", ".jpg", ".tif"):
        assert back.metadata.dpi == pytest.approx((300, 200), abs=0.02)
    if suffix not in (".jpg", ".avif"):
        assert np.array_equal(back.pixels, pixels)
    write(back, tmp_path / f"bare{suffix}", options=WriteOptions(strip_metadata=True))
    bare = read(tmp_path / f"bare{suffix}").metadata
    found = (bare.icc, bare.exif, bare.xmp, bare.iptc, bare.dpi)
    assert found == (SRGB, None, None, None, None)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_the_light_that_a_png_stands_for(tmp_path: Path, depth: type) -> None:
    """Linear gamma, wide primaries and HDR's coding stay in PNG; damaged ones are passed over."""
    plain = encode(Picture(pixels=photo(9, 8).astype(depth)), "PNG")
    colour = chunk(b"gAMA", struct.pack(">I", 100_000)) + chunk(b"cICP", bytes((9, 16, 0, 1)))
    damaged = chunk(b"cHRM", bytes(32))[:-1] + b"?"
    path = tmp_path / "linear.png"
    path.write_bytes(with_chunks(plain, colour))
    picture = read(path)
    assert picture.metadata.png_colour == colour
    write(picture, tmp_path / "same.png")
    assert colour in (tmp_path / "same.png").read_bytes()[:200]
    assert np.array_equal(read(tmp_path / "same.png").pixels, picture.pixels)
    with Image.open(tmp_path / "same.png") as image:
        assert image.info["gamma"] == 1.0
    assert colour_chunks(with_chunks(plain, damaged)) == b""
    assert colour_chunks(with_chunks(plain, 3 * colour)) == colour
    assert colour_chunks(with_chunks(plain, colour)[:60]) == chunk(b"gAMA", bytes((0, 1, 134, 160)))


@pytest.mark.parametrize("kind", ["B", "I"])
def test_iptc_as_other_programs_write_it(tmp_path: Path, kind: str) -> None:
    """As bytes and as whole numbers in a TIFF; beside other blocks of Photoshop's in a JPEG."""
    padded = IPTC + bytes(-len(IPTC) % 4)
    value = padded if kind == "B" else struct.unpack(f">{len(padded) // 4}I", padded)
    tag = (33723, kind, len(value), value, True)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, photo(9, 8), byteorder=">", extratags=[tag], photometric="rgb")
    assert read(path).metadata.iptc == padded
    other = b"8BIM" + struct.pack(">H", 0x0425) + b"\0\0" + struct.pack(">I", 3) + b"abc\0"
    block = b"Photoshop 3.0\0" + other + photoshop_block(IPTC).removeprefix(b"Photoshop 3.0\0")
    segment = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    image = Image.fromarray(photo(9, 8))
    image.save(tmp_path / "a.jpg", extra=segment)
    assert read(tmp_path / "a.jpg").metadata.iptc == IPTC


def test_what_is_too_long_for_a_jpeg_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = b"<x>" + b"a" * 70_000 + b"</x>"
    block = Image.Exif()
    block[0x010F] = "Maker" * 20_000
    metadata = Metadata(exif=block.tobytes().removeprefix(b"Exif\0\0"), xmp=long, iptc=long)
    for suffix in (".tif", ".jpg"):
        write(Picture(pixels=photo(9, 8), metadata=metadata), tmp_path / f"a{suffix}")
        back = read(tmp_path / f"a{suffix}").metadata
        there = [back.exif is not None, back.xmp is not None, back.iptc is not None]
        assert there == [suffix == ".tif"] * 3
    assert [record.message.split(" left")[0] for record in caplog.records] == [
        "EXIF",
        "XMP",
        "IPTC",
    ]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif"])
@pytest.mark.parametrize("dots", [0, 300, 70_000, 2**32 - 1])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_dots_an_inch_that_a_file_cannot_hold_are_left_out(
    tmp_path: Path, suffix: str, dots: int, depth: type
) -> None:
    """A microscope's are beyond JPEG, a damaged file's beyond all."""
    usual = {".jpg": (72.0, 72.0), ".bmp": pytest.approx((96.0, 96.0), rel=1e-3)}
    buffer = io.BytesIO()
    pixels = photo(9, 8).astype(depth)
    tifffile.imwrite(
        buffer, pixels, photometric="rgb", resolution=[(dots, 1)] * 2, resolutionunit="INCH"
    )
    write(decode(buffer.getvalue()), tmp_path / f"a{suffix}")
    back = read(tmp_path / f"a{suffix}").metadata.dpi
    if dots == 300 or (dots == 70_000 and suffix != ".jpg"):
        assert back == pytest.approx((dots, dots), rel=1e-3)
    else:
        assert back == usual.get(suffix)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(file_format: str, orientation: int) -> None:
    """The pixels are turned, and nothing in the file asks for it again."""
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:8, :8] = 255  # the corner where the first pixel stands
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    xmp: dict[str, object] = {"xmp": XMP} if file_format in ("JPEG", "WEBP", "AVIF") else {}
    if file_format == "PNG":
        xmp["pnginfo"] = PngImagePlugin.PngInfo()
        xmp["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())  # type: ignore[attr-defined]
    block = Image.Exif()
    block[0x0112] = orientation
    image.save(buffer, file_format, exif=block, **xmp)
    picture = decode(buffer.getvalue())
    turned = orientation >= 5
    assert picture.size == ((48, 32) if turned else (32, 48))
    bright = picture.pixels.mean(axis=2) > 128
    places = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0)}
    places |= {5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert bright[places[orientation]]
    assert bright.mean() < 0.1
    again = decode(encode(picture, file_format))
    assert np.array_equal(again.pixels.mean(axis=2) > 128, bright)
    assert orientation_of(picture.metadata.exif) == 1
    if xmp:
        assert b'Orientation="1"' in (again.metadata.xmp or b"")


def test_a_thumbnail_is_dropped_with_its_bytes() -> None:
    block = exif(3, thumbnail=True)
    assert b"JFIF" in block
    upright = upright_exif(block)
    assert upright is not None
    assert len(upright) == len(block)
    assert b"JFIF" not in upright
    assert fields(upright) == EXPECTED


def test_sizes_beside_the_camera_s_are_those_of_the_result() -> None:
    block = Image.Exif()
    block[256], block[257] = 6, 8
    packet = (
        b"<a tiff:ImageWidth=\"6\" exif:PixelYDimension='8'>"
        b"<tiff:ImageLength>8</tiff:ImageLength></a>"
    )
    metadata = Metadata(exif=block.tobytes().removeprefix(b"Exif\0\0"), xmp=packet)
    larger = decode(encode(Picture(pixels=photo(24, 18), metadata=metadata), "PNG")).metadata
    found = Image.Exif()
    found.load(larger.exif or b"")
    assert (found[256], found[257]) == (18, 24)
    expected = packet.replace(b"'", b'"').replace(b'"6"', b'"18"').replace(b'"8"', b'"24"')
    assert larger.xmp == expected.replace(b">8<", b">24<")


def test_the_size_in_exif_is_that_of_the_result(tmp_path: Path) -> None:
    enlarged = exif_for_size(exif(), (123, 70_000))
    loaded = Image.Exif()
    loaded.load(enlarged)
    inner = loaded.get_ifd(0x8769)
    assert (inner[0xA002], inner[0xA003], inner[0x927C]) == (70_000, 123, MAKER_NOTE)


@pytest.mark.parametrize("length", range(0, 200, 7))
def test_damaged_exif_is_dropped_or_followed(length: int) -> None:
    upright_exif(exif(6, thumbnail=True)[:length])
    damaged = bytearray(exif(6))
    if length < len(damaged):
        damaged[length] ^= 0xFF
    upright_exif(bytes(damaged))
    orientation_of(bytes(damaged))


def test_corrupt_profile_and_exif_in_a_file() -> None:
    buffer = io.BytesIO()
    Image.fromarray(photo(20, 20)).save(
        buffer, "JPEG", icc_profile=b"no profile", exif=b"Exif\0\0x"
    )
    picture = decode(buffer.getvalue())
    assert picture.metadata.exif is None
    assert np.array_equal(decode(encode(picture, "PNG")).pixels, picture.pixels)


@pytest.mark.parametrize("mode", ["P", "L", "LA", "1"])
def test_palettes_and_gray_with_transparency(mode: str) -> None:
    values = photo(24, 24)
    image = Image.fromarray(values)
    image = image.quantize(16) if mode == "P" else image.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **({"transparency": 0} if mode == "P" else {}))
    picture = decode(buffer.getvalue())
    stored = Image.open(io.BytesIO(buffer.getvalue()))
    expected = stored.convert("RGBA") if mode == "P" else stored.convert("L").convert("LA")
    assert np.array_equal(picture.pixels, np.asarray(expected)[:, :, :-1])
    assert (picture.alpha is not None) == (mode in ("P", "LA"))
    assert picture.is_gray == (mode in ("L", "LA", "1"))


def cmyk(icc: bytes | None, file_format: str) -> bytes:
    buffer = io.BytesIO()
    kept = {"icc_profile": icc} if icc else {}
    Image.fromarray(photo(16, 16)).convert("CMYK").save(buffer, file_format, **kept)
    return buffer.getvalue()


def cmyk_profile() -> bytes:
    """A profile of four inks on paper that is not quite white, made by code."""
    corners = np.array(list(product((0.0, 1.0), repeat=4)))  # the first ink varies slowest
    rgb = (1.0 - corners[:, :3]) * (1.0 - 0.95 * corners[:, 3:]) * (0.95, 0.94, 0.90)
    lab = rgb2lab(rgb)
    table = np.clip(np.rint(lab * (2.55, 1, 1) + (0, 128, 128)), 0, 255).astype(np.uint8)
    identity = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes((4, 3, 2, 0))
    lut += struct.pack(">9i", *(65536 * (n % 4 == 0) for n in range(9)))
    lut += 4 * identity + table.tobytes() + 3 * identity
    return profile_of(b"prtrCMYKLab ", "Inks", [(b"A2B0", lut)])


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_without_a_profile(file_format: str, caplog: pytest.LogCaptureFixture) -> None:
    data = cmyk(None, file_format)
    with pytest.raises(InputError, match="assume_cmyk=True"):
        decode(data)
    picture = decode(data, options=ReadOptions(assume_cmyk=True))
    assert picture.pixels.shape == (16, 16, 3)
    assert np.abs(picture.pixels.astype(int) - photo(16, 16)).mean() < 12
    assert "without a profile" in caplog.text


@pytest.mark.parametrize("file_format", ["JPEG", "TIFF"])
def test_cmyk_through_its_profile(file_format: str, caplog: pytest.LogCaptureFixture) -> None:
    picture = decode(cmyk(cmyk_profile(), file_format))
    assert picture.metadata.icc is None  # sRGB now
    assert "through its profile" in caplog.text
    plain = decode(cmyk(None, file_format), options=ReadOptions(assume_cmyk=True))
    assert not np.array_equal(picture.pixels, plain.pixels)


def test_a_cmyk_picture_with_a_profile_for_rgb_is_refused() -> None:
    with pytest.raises(InputError, match="assume_cmyk=True"):
        decode(cmyk(SRGB, "JPEG"))


def animation() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.fromarray(photo(16, 16, seed=seed)) for seed in range(3)]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    return buffer.getvalue()


def pages() -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        for seed in range(3):
            file.write(photo(16, 16, seed=seed))
    return buffer.getvalue()


@pytest.mark.parametrize("data", [animation(), pages()], ids=["animation", "pages"])
def test_one_of_several_pictures(data: bytes) -> None:
    with pytest.raises(InputError, match=r"holds 3 .*; frame=1 takes the first"):
        decode(data)
    for frame in (1, 3):
        picture = decode(data, options=ReadOptions(frame=frame))
        assert np.array_equal(picture.pixels, photo(16, 16, seed=frame - 1))
    with pytest.raises(InputError, match="has no frame 4; it holds 3"):
        decode(data, options=ReadOptions(frame=4))
    with pytest.raises(ConfigError, match="frame= must be at least 1"):
        ReadOptions(frame=0)


def test_depth_as_asked(tmp_path: Path) -> None:
    picture = Picture(pixels=photo(12, 12))
    write(picture, tmp_path / "a.png", options=WriteOptions(bit_depth=16))
    assert np.array_equal(read(tmp_path / "a.png").pixels, photo(12, 12).astype(np.uint16) * 257)
    write(picture, tmp_path / "a.tif", options=WriteOptions(bit_depth=32))
    assert read(tmp_path / "a.tif").pixels.dtype == np.float32
    with pytest.raises(InputError, match="JPEG does not hold 16 bits"):
        write(picture, tmp_path / "a.jpg", options=WriteOptions(bit_depth=16))
    with pytest.raises(ConfigError, match="bit_depth= must be"):
        WriteOptions(bit_depth=12)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="jpeg_quality= must"):
        WriteOptions(jpeg_quality=0)


def test_colour_under_transparency_is_that_of_the_surroundings() -> None:
    colour = np.full((40, 60, 3), 0.75, np.float32)
    alpha = np.full((40, 60), 255, np.uint8)
    alpha[:, 30:] = 0
    hidden = np.where(alpha[:, :, None] > 0, colour, 0.0).astype(np.float32)
    assert np.allclose(filled(hidden, alpha), 0.75)
    untouched = filled(hidden, np.full_like(alpha, 255))
    assert untouched is hidden


def test_no_halo_at_the_edge_of_a_cut_out() -> None:
    """A white figure on nothing keeps its white up to the edge."""
    from rnan import load_restorer

    alpha = np.zeros((64, 64), np.uint8)
    alpha[16:48, 16:48] = 255
    pixels = np.where(alpha[:, :, None] > 0, 240, 0).astype(np.uint8) * np.ones((1, 1, 3), np.uint8)
    cut_out = Picture(pixels=pixels, alpha=alpha)
    restored = load_restorer("denoise-color")(cut_out, level=25)
    assert np.array_equal(restored.alpha, alpha)
    inside = restored.pixels[alpha > 0].astype(int)
    assert np.abs(inside - 240).max() <= 3


@pytest.mark.parametrize("profile", ["Display P3", "Adobe RGB"])
def test_pictures_with_another_profile_keep_their_colours(profile: str) -> None:
    """Numbers and profile stay together: what a viewer shows shifts by less than a step."""
    from rnan import load_restorer

    icc = matrix_profile(profile)
    flat = np.full((48, 48, 3), (200, 90, 40), np.uint8)
    picture = Picture(pixels=flat, metadata=Metadata(icc=icc))
    restored = load_restorer("denoise-color")(picture, level=10)
    assert restored.metadata.icc == icc
    assert np.abs(restored.pixels.reshape(-1, 3).mean(axis=0) - flat[0, 0]).max() < 1.0


def matrix_profile(name: str) -> bytes:
    """A small profile of three primaries, as cameras and phones embed."""
    red, green, blue = {
        "Display P3": [
            (0.5151, 0.2412, -0.0011),
            (0.2919, 0.6922, 0.0419),
            (0.1572, 0.0666, 0.7841),
        ],
        "Adobe RGB": [(0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446)],
    }[name]

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * v) for v in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    tags = [(b"rXYZ", xyz(red)), (b"gXYZ", xyz(green)), (b"bXYZ", xyz(blue))]
    tags += [(key, curve) for key in (b"rTRC", b"gTRC", b"bTRC")]
    return profile_of(b"mntrRGB XYZ ", name, tags)


def profile_of(kind: bytes, name: str, tags: list[tuple[bytes, bytes]]) -> bytes:
    """An ICC profile of version 2."""
    white = struct.pack(">3i", 63190, 65536, 54061)
    text = b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name.encode() + b"\0" + bytes(79)
    every = [(b"desc", text), (b"wtpt", b"XYZ \0\0\0\0" + white), *tags]
    table, body, offset = b"", b"", 128 + 4 + 12 * len(every)
    for key, content in every:
        table += key + struct.pack(">II", offset + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I", offset + len(body)) + bytes(4) + struct.pack(">I", 0x02100000)
    header += kind + bytes(12) + b"acsp" + bytes(28) + white
    header += bytes(128 - len(header))
    return header + struct.pack(">I", len(every)) + table + body


def test_enlarged_pictures_say_their_size(tmp_path: Path) -> None:
    picture = Picture(pixels=photo(30, 40), metadata=Metadata(format="JPEG", exif=exif()))
    larger = replace(picture, pixels=photo(60, 80))
    loaded = Image.Exif()
    loaded.load(decode(encode(larger, "JPEG")).metadata.exif or b"")
    assert loaded.get_ifd(0x8769)[0xA002] == 80
