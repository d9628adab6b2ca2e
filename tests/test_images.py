"""Pictures to files and back, and files that are none."""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from conftest import photo
from rnan.errors import InputError, MissingExtraError, ResourceError
from rnan.images import Metadata, Picture, ReadOptions, decode, from_float, read, to_float, write
from rnan.images.compare import side_by_side
from rnan.images.read import size_of
from rnan.images.write import encode, write_whole

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("channels", [1, 3], ids=["gray", "colour"])
@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize(
    ("suffix", "depth"),
    [
        (".png", np.uint8),
        (".png", np.uint16),
        (".tif", np.uint8),
        (".tif", np.uint16),
        (".tif", np.float32),
        (".webp", np.uint8),
    ],
)
def test_lossless_round_trip(
    tmp_path: Path, suffix: str, depth: type, alpha: bool, channels: int
) -> None:
    rng = np.random.default_rng(0)
    pixels = from_float(rng.random((13, 7, channels), np.float32), np.dtype(depth))
    opacity = from_float(rng.random((13, 7), np.float32), np.dtype(depth)) if alpha else None
    metadata = Metadata(icc=SRGB, dpi=(300, 150))
    path = tmp_path / f"with blank é{suffix}"
    write(Picture(pixels=pixels, alpha=opacity, metadata=metadata), path)
    back = read(path)
    if suffix == ".webp" and channels == 1:
        assert np.array_equal(back.pixels, np.repeat(pixels, 3, axis=2))  # WebP knows no gray
    else:
        assert np.array_equal(back.pixels, pixels)
    assert back.pixels.dtype == depth
    assert (back.alpha is None) == (not alpha)
    if alpha:
        assert np.array_equal(back.alpha, opacity)
    assert back.metadata.icc == SRGB
    if suffix != ".webp":
        assert back.metadata.dpi == pytest.approx((300, 150), abs=0.02)


def test_jpeg_keeps_profile_exif_and_resolution(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "camera"
    exif[0x0112] = 6  # turned by 90 degrees
    source = tmp_path / "in.jpg"
    Image.fromarray(photo(20, 40)).save(source, icc_profile=SRGB, exif=exif, dpi=(300, 300))
    picture = read(source)
    assert picture.size == (40, 20)
    write(picture, tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.size == (20, 40)
        assert image.info["icc_profile"] == SRGB
        assert image.info["dpi"] == (300, 300)
        assert image.getexif()[0x010F] == "camera"
        assert image.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_alike(tmp_path: Path, orientation: int) -> None:
    """JPEG by Pillow, TIFF by us: the same turn."""
    pixels = np.kron(photo(2, 3), np.ones((16, 16, 1), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, quality=100, subsampling=0)
    Image.fromarray(pixels).save(tmp_path / "b.tif", tiffinfo={274: orientation})
    jpeg, tiff = (read(tmp_path / name).pixels.astype(int) for name in ("a.jpg", "b.tif"))
    assert jpeg.shape == tiff.shape
    assert np.abs(jpeg - tiff).max() <= 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_modes_of_png(mode: str) -> None:
    image = Image.fromarray(photo(9, 8))
    image = (
        Image.fromarray(photo(9, 8).astype(np.uint16)[:, :, 0] * 257)
        if mode == "I;16"
        else image.convert(mode)
    )
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    picture = decode(buffer.getvalue())
    assert picture.size == (9, 8)
    assert picture.is_gray == (mode in ("1", "L", "LA", "I;16"))
    assert (picture.alpha is not None) == mode.endswith("A")
    expected = image.convert("L" if mode in ("1", "LA") else "RGB" if mode != "I;16" else "I;16")
    if mode not in ("L",):
        shape = picture.pixels.shape[:2] + ((1,) if picture.is_gray else (3,))
        assert np.array_equal(picture.pixels, np.asarray(expected).reshape(shape))


def test_low_bits_of_16_bit_survive() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    assert np.array_equal(from_float(to_float(values), np.dtype(np.uint16)), values)


def png_header(width: int, height: int, depth: int = 8) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 10)
    chunks = [body, data, b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in chunks
    )


def encoded(file_format: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photo(64, 64)).save(buffer, file_format)
    return buffer.getvalue()


def float_tiff(value: float, dtype: type = np.float32) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.full((8, 8), value, dtype))
    return buffer.getvalue()


def gif() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.fromarray(photo(8, 8, seed=seed)).convert("P") for seed in (0, 1)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def two_pages(*, equal: bool = False) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        file.write(photo(8, 8))
        file.write(photo(8, 8) if equal else photo(9, 9))
    return buffer.getvalue()


def cmyk() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photo(8, 8)).convert("CMYK").save(buffer, "JPEG")
    return buffer.getvalue()


HOSTILE = {
    "empty": (b"", "is empty"),
    "text": (b"this is no picture\n" * 10, "not a picture"),
    "png signature alone": (b"\x89PNG\r\n\x1a\n", "x is"),
    "png of no width": (png_header(0, 5), "x "),
    "png of no height": (png_header(5, 0), "x "),
    "16-bit png of no width": (png_header(0, 5, 16), "no pixels"),
    "enormous png": (png_header(65_535, 65_535), "claims 65535x65535 pixels"),
    "enormous 16-bit png": (png_header(65_535, 65_535, 16), "claims 65535x65535 pixels"),
    "png without its pixels": (png_header(64, 64), "x is damaged"),
    "16-bit png without its pixels": (png_header(64, 64, 16), "x is damaged"),
    "truncated jpeg": (encoded("JPEG")[:900], "x is cut off"),
    "truncated webp": (encoded("WEBP")[:200], "x is"),
    "truncated tiff": (encoded("TIFF")[:300], "x is damaged"),
    "tiff of an absurd offset": (b"II*\x00" + b"\xff" * 40, "x is damaged"),
    "tiff with values that are not finite": (float_tiff(float("nan")), "not finite"),
    "animation": (gif(), "holds 2 pictures"),
    "two pages": (two_pages(), "holds 2 pages"),
    "two equal pages": (two_pages(equal=True), "holds 2 pages"),
    "complex tiff": (float_tiff(0.5, np.complex64), "complex64 samples"),
    "cmyk": (cmyk(), "is CMYK"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_bytes_end_in_one_line(kind: str) -> None:
    data, message = HOSTILE[kind]
    with pytest.raises(InputError) as caught:
        decode(data, name="x")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_truncation_anywhere_is_no_traceback(file_format: str) -> None:
    whole = encoded(file_format)
    for length in range(1, len(whole), max(1, len(whole) // 40)):
        try:
            picture = decode(whole[:length], name="x")
        except InputError:
            continue
        assert picture.size == (64, 64)  # only a trailer was missing


def test_16_bit_png_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(MissingExtraError, match="run: pip install imagecodecs"):
        decode(png_header(8, 8, 16))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "none.png")
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path)


def test_an_output_is_kept_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    picture = Picture(pixels=photo(8, 8))
    write(picture, path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="pass overwrite=True"):
        write(Picture(pixels=photo(9, 9)), path)
    assert path.read_bytes() == before
    write(Picture(pixels=photo(9, 9)), path, overwrite=True)
    assert read(path).size == (9, 9)
    with pytest.raises(InputError, match="the ending must be one of"):
        write(picture, tmp_path / "a.xyz")
    with pytest.raises(InputError, match="no transparency"):
        write(Picture(pixels=photo(8, 8), alpha=photo(8, 8)[:, :, 0]), tmp_path / "a.jpg")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> object:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(ResourceError, match="no space left"):
        write(Picture(pixels=photo(8, 8)), tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        write(Picture(pixels=photo(8, 8)), tmp_path / "file" / "a.png")


def test_premultiplied_colour_is_divided_again() -> None:
    buffer = io.BytesIO()
    straight, alpha = photo(8, 8), np.full((8, 8, 1), 128, np.uint8)
    stored = np.rint(straight * (128 / 255)).astype(np.uint8)
    rgba = np.concatenate((stored, alpha), axis=2)
    tifffile.imwrite(buffer, rgba, photometric="rgb", extrasamples=["assocalpha"])
    picture = decode(buffer.getvalue())
    assert np.abs(picture.pixels.astype(int) - straight).max() <= 1


def test_ycbcr_tiff_is_converted() -> None:
    buffer = io.BytesIO()
    image = Image.fromarray(photo(16, 16))
    image.convert("YCbCr").save(buffer, "TIFF", compression="tiff_lzw")
    picture = decode(buffer.getvalue())
    assert np.abs(picture.pixels.astype(int) - photo(16, 16)).max() <= 4


def test_the_photograph_of_a_phones_jpeg_is_taken() -> None:
    buffer = io.BytesIO()
    first, second = (Image.fromarray(photo(16, 16, seed=seed)) for seed in (0, 1))
    first.save(buffer, "MPO", save_all=True, append_images=[second])
    assert np.abs(decode(buffer.getvalue()).pixels.astype(int) - photo(16, 16)).mean() < 10


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_picture(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.png")
    with pytest.raises(InputError, match="a device or a pipe"):
        read(tmp_path / "p.png")


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1)], ids=str)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_thin_pictures(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    for channels in (1, 3):
        path = tmp_path / f"{channels}{suffix}"
        write(Picture(pixels=photo(*size, channels=channels)), path)
        assert read(path).pixels.shape == (*size, 3 if suffix == ".webp" else channels)


def test_size_is_read_from_the_header(tmp_path: Path) -> None:
    write(Picture(pixels=photo(20, 30)), tmp_path / "a.png")
    assert size_of(tmp_path / "a.png") == (20, 30)
    (tmp_path / "b.png").write_bytes(b"nothing")
    assert size_of(tmp_path / "b.png") is None


def test_side_by_side() -> None:
    before = Picture(pixels=photo(8, 10))
    after = Picture(pixels=photo(8, 10, seed=1))
    both = side_by_side(before, after).pixels
    assert np.array_equal(both[:, :10], before.pixels)
    assert np.array_equal(both[:, -10:], after.pixels)
    larger = Picture(pixels=photo(12, 15))  # half as large again
    both = side_by_side(before, larger).pixels
    thirds = np.tile([0, 0, 1], 5) + np.repeat(np.arange(0, 10, 2), 3)
    assert np.array_equal(both[:, :15], before.pixels[thirds[:12, None], thirds])
    assert both.shape == (12, 15 + 8 + 15, 3)
    assert np.array_equal(both[:, -15:], larger.pixels)


def test_only_opacity_is_opacity() -> None:
    colour, mask = photo(6, 8), photo(6, 8, seed=2, channels=1)
    file = io.BytesIO()
    five = np.dstack((colour, mask, 255 - mask))
    tifffile.imwrite(file, five, photometric="rgb", extrasamples=["unspecified", "unassalpha"])
    picture = decode(file.getvalue())
    assert np.array_equal(picture.pixels, colour)
    assert np.array_equal(picture.alpha, 255 - mask[:, :, 0])
    file = io.BytesIO()
    tifffile.imwrite(file, five[:, :, :4], photometric="rgb", extrasamples=["unspecified"])
    picture = decode(file.getvalue())
    assert np.array_equal(picture.pixels, colour)
    assert picture.alpha is None


@pytest.mark.parametrize("depth", [np.uint8, np.float32])
def test_white_at_zero(depth: type) -> None:
    gray, opacity = (
        from_float(to_float(photo(6, 8, seed=seed, channels=1)), np.dtype(depth)) for seed in (1, 2)
    )
    white = 255 if depth is np.uint8 else np.float32(1)
    file = io.BytesIO()
    values = np.dstack((white - gray, opacity))
    tifffile.imwrite(file, values, photometric="miniswhite", extrasamples=["unassalpha"])
    picture = decode(file.getvalue())
    assert np.allclose(picture.pixels, gray, atol=1e-6)
    assert np.array_equal(picture.alpha, opacity[:, :, 0])


def test_twelve_bits_reach_white() -> None:
    # 12 bits packed two samples to three bytes, in the smallest file that says so.
    packed = bytes.fromhex("000800ffffff")
    tags = [(256, 3, 4), (257, 3, 1), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 8)]
    tags += [(277, 3, 1), (278, 3, 1), (279, 4, len(packed))]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    data = struct.pack("<2sHI", b"II", 42, 8 + len(packed)) + packed + directory
    assert np.array_equal(decode(data).pixels[:, :, 0], [[0, 32776, 65535, 65535]])


def test_the_only_page_may_be_a_small_one(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", photo(6, 8), photometric="rgb", subfiletype=1)
    assert read(tmp_path / "x.tif").size == (6, 8)


def test_each_page_says_its_own(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        for author in (b"first", b"second"):
            extra = [(315, "s", 0, author, True)]
            file.write(photo(6, 8), photometric="rgb", extratags=extra, metadata=None)
    for frame, author in ((1, "first"), (2, "second")):
        exif = Image.Exif()
        exif.load(read(tmp_path / "x.tif", ReadOptions(frame=frame)).metadata.exif or b"")
        assert exif[315] == author


def test_words_that_are_not_ascii_come_along(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0131], exif[0x013B] = "S__ft", "J__rgen"
    exif.get_ifd(0x8769)[0xA434] = "Zeiss S__d"
    block = exif.tobytes().replace(b"__", "ü".encode())
    source, there, back = (tmp_path / name for name in ("x.jpg", "x.tif", "y.tif"))
    Image.fromarray(photo(8, 8)).save(source, exif=block)
    write(read(source), there)
    write(read(there), back)
    found = Image.Exif()
    found.load(read(back).metadata.exif or b"")
    words = (found[0x0131], found[0x013B], found.get_ifd(0x8769)[0xA434])
    assert [word.encode("latin-1").decode() for word in words] == ["Süft", "Jürgen", "Zeiss Süd"]


def test_damaged_exif_costs_no_picture(tmp_path: Path) -> None:
    broken = b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x8769, 4, 1, 9) + bytes(4)
    picture = Picture(pixels=photo(8, 8), metadata=Metadata(exif=broken))
    write(picture, tmp_path / "x.tif")
    assert np.array_equal(read(tmp_path / "x.tif").pixels, picture.pixels)


def test_xmp_alone_may_turn_a_deep_picture() -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    pixels = photo(6, 9).astype(np.uint16) * 257
    for picture in (Picture(pixels=pixels), Picture(pixels=photo(6, 9))):
        upright = Picture(pixels=picture.pixels, metadata=Metadata(xmp=xmp))
        assert decode(encode(upright, "PNG")).size == (9, 6)


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks meanwhile sees the old file; a failure at the last moment leaves it."""
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    replace, seen = Path.replace, []

    def watching(self: Path, target: Path) -> Path:
        seen.append((path.read_bytes(), self.read_bytes(), self.parent))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", watching)
    write_whole(path, b"new")
    assert seen == [(b"old", b"new", tmp_path)]
    assert path.read_bytes() == b"new"

    def failing(self: Path, target: Path) -> Path:
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(InputError):
        write_whole(path, b"newer")
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["a.bin"]
