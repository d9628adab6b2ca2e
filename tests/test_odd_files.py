"""Files that are whole but odd, and those that are not: read right, refused, or salvaged."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from conftest import photo
from conftest import rnan as run
from rnan.errors import InputError
from rnan.images import Picture, ReadOptions, decode, read
from rnan.images.formats import jpeg_end
from rnan.images.write import encode

SALVAGE = ReadOptions(salvage=True)

KINDS = {
    "plain": {},
    "progressive": {"progressive": True},
    "fine": {"quality": 98, "optimize": True, "subsampling": 0},
    "restarts": {"restart_marker_blocks": 4},
}


def jpeg(**how: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photo(120, 200)).save(buffer, "JPEG", **how)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", [1, 2])
def test_a_jpeg_without_its_last_bytes_is_whole(
    kind: str, missing: int, caplog: pytest.LogCaptureFixture
) -> None:
    data = jpeg(**KINDS[kind])
    picture = decode(data[:-missing])
    assert np.array_equal(picture.pixels, decode(data).pixels)
    assert "the picture is whole" in caplog.text
    assert picture.metadata.jpeg_table == decode(data).metadata.jpeg_table


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("missing", [8, 40, 300])
def test_one_that_lacks_pixels_is_refused_or_salvaged(
    kind: str, missing: int, caplog: pytest.LogCaptureFixture
) -> None:
    data = jpeg(**KINDS[kind])
    with pytest.raises(InputError, match="salvage") as refused:
        decode(data[:-missing])
    assert refused.value.remedy == {"salvage": True}
    picture = decode(data[:-missing], options=SALVAGE)
    whole = decode(data).pixels
    assert picture.pixels.shape == whole.shape
    if kind != "progressive":
        assert np.array_equal(picture.pixels[:16], whole[:16])
    assert "cut off" in caplog.text


def test_a_progressive_jpeg_that_lacks_scans_is_not_whole() -> None:
    data = jpeg(progressive=True)
    scans = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 3
    with pytest.raises(InputError):
        decode(data[: scans[-1]])


def test_a_thumbnail_s_end_is_not_the_file_s() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    small = io.BytesIO()
    Image.fromarray(photo(16, 16)).save(small, "JPEG")
    data = jpeg(exif=exif.tobytes() + small.getvalue())
    assert data.count(b"\xff\xd9") == 2
    assert decode(data[:-2]).size == (120, 200)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_a_png_that_is_cut_off(depth: type) -> None:
    pixels = photo(120, 200).astype(depth)
    whole = encode(Picture(pixels=pixels), "PNG")
    half = whole[: len(whole) // 2]
    with pytest.raises(InputError):
        decode(half)
    picture = decode(half, options=SALVAGE)
    assert np.array_equal(picture.pixels[:20], pixels[:20])
    assert picture.pixels[-10:].max() == 0
    for length in range(0, 80, 7):
        with pytest.raises(InputError):
            decode(whole[:length], options=replace(SALVAGE, max_pixels=100))


def test_salvaging_harms_no_sound_picture(tmp_path: Path) -> None:
    for suffix in ("png", "jpg", "webp", "tif"):
        path = tmp_path / f"a.{suffix}"
        Image.fromarray(photo(40, 60)).save(path)
        assert np.array_equal(read(path, SALVAGE).pixels, read(path).pixels)


def test_the_command_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg()[:-300])
    ended = run("denoise", path, "-o", tmp_path / "b.png", "--sigma", 5)
    assert ended.returncode == 1
    assert "--salvage" in ended.stderr
    ended = run("denoise", path, "-o", tmp_path / "b.png", "--sigma", 5, "--salvage")
    assert ended.returncode == 0
    assert read(tmp_path / "b.png").size == (120, 200)
    assert "cut off" in run("inspect", path, "--salvage").stderr


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
def test_packed_samples_of_a_tiff(bits: int, channels: int) -> None:
    most = 2**bits - 1
    values = np.random.default_rng(0).integers(0, most + 1, (32, 48, channels)).astype(np.uint16)
    values[0, 0], values[0, 1] = 0, most
    data = packed_tiff(values, bits)
    assert tifffile.imread(io.BytesIO(data)).max() == most
    picture = decode(data)
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels, np.rint(values * (65535 / most)).astype(np.uint16))


def packed_tiff(values: np.ndarray, bits: int) -> bytes:
    """Rows of samples without gaps between them, as scanners and cameras write them."""
    height, width, channels = values.shape
    rows = [
        np.packbits((row.ravel()[:, None] >> np.arange(bits - 1, -1, -1)) & 1) for row in values
    ]
    body = b"".join(row.tobytes() for row in rows)
    depth = (bits,) * channels
    head = 8 + 2 + 12 * 9 + 4
    entries = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, channels, head if channels == 3 else bits),
        (259, 3, 1, 1),
        (262, 3, 1, 2 if channels == 3 else 1),
        (273, 4, 1, head + 6),
        (277, 3, 1, channels),
        (278, 3, 1, height),
        (279, 4, 1, len(body)),
    ]
    table = b"".join(
        tag.to_bytes(2, "little")
        + kind.to_bytes(2, "little")
        + number.to_bytes(4, "little")
        + value.to_bytes(4, "little")
        for tag, kind, number, value in entries
    )
    depths = b"".join(one.to_bytes(2, "little") for one in depth).ljust(6, b"\0")
    start = b"II*\0\x08\0\0\0" + len(entries).to_bytes(2, "little")
    return start + table + bytes(4) + depths + body


@pytest.mark.parametrize(
    ("kind", "white"),
    [(np.int8, 127), (np.int16, 32767), (np.int32, 2**31 - 1), (np.uint32, 2**32 - 1)],
)
def test_signed_and_long_samples(kind: type, white: int, tmp_path: Path) -> None:
    values = np.linspace(0, white, 32 * 48 * 3).reshape(32, 48, 3).astype(kind)
    if np.issubdtype(kind, np.signedinteger):
        values[:10, :10] = -(white // 10)
    source, target = tmp_path / "a.tif", tmp_path / "b.tif"
    tifffile.imwrite(source, values, photometric="rgb")
    picture = read(source)
    assert picture.pixels.dtype == np.float32
    assert np.allclose(picture.pixels, values.astype(np.float64) / white, atol=1e-6)
    if np.issubdtype(kind, np.signedinteger):
        assert picture.pixels[0, 0, 0] == pytest.approx(-0.1, abs=0.01)
    assert run("denoise", source, "-o", target, "--sigma", 0).returncode == 0
    assert np.abs(read(target).pixels - picture.pixels).max() < 0.02


def test_doubles(tmp_path: Path) -> None:
    values = photo(32, 48) / 255.0
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    assert np.allclose(read(tmp_path / "a.tif").pixels, values, atol=1e-6)


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd", "lzma", "packbits", "jpegxl"])
def test_what_compression_tiffs_have(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.tif"
    pixels = photo(64, 48)
    tifffile.imwrite(path, pixels, photometric="rgb", compression=compression)
    tolerance = 12 if compression == "jpegxl" else 0
    assert np.abs(read(path).pixels.astype(int) - pixels).max() <= tolerance


def test_colour_that_cannot_be_seen_stays_in_webp(tmp_path: Path) -> None:
    pixels = np.dstack([photo(32, 48), np.zeros((32, 48), np.uint8)])
    pixels[8:, :, 3] = 255
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    assert run("denoise", path, "-o", tmp_path / "b.webp", "--sigma", 0).returncode == 0
    back = imagecodecs.webp_decode((tmp_path / "b.webp").read_bytes())
    assert back[:8, :, :3].std() > 5


@pytest.mark.parametrize("how", [{"restart_marker_rows": 1}, {"restart_marker_blocks": 2}])
def test_a_jpeg_that_ends_at_a_restart_marker_lacks_pixels(how: dict[str, int]) -> None:
    """A decoder looks for the next marker there and takes anything else for nothing."""
    data = jpeg(quality=80, **how)
    start = data.find(b"\xff\xda")
    places = [
        at
        for at in range(start, len(data) - 1)
        if data[at] == 0xFF and 0xD0 <= data[at + 1] <= 0xD7
    ]
    assert len(places) > 3
    for at in (places[0], places[len(places) // 2], places[-1]):
        for end in (at, at + 1, at + 2):
            with pytest.raises(InputError, match="cut off"):
                decode(data[:end])
    assert decode(data[:-2]).size == (120, 200)


def test_a_jpeg_that_lacks_a_component_s_scan() -> None:
    """Sequential files may have a scan for each component: their heads say which are there."""
    data = jpeg()
    at = data.find(b"\xff\xda")
    assert data[at + 4] == 3  # components in the one scan
    alone = bytes((0xFF, 0xDA, 0, 8, 1, data[at + 5], data[at + 6], 0, 63, 0))
    luma_alone = data[:at] + alone + data[at + 14 : -2]
    assert jpeg_end.is_cut_off(luma_alone)
    assert jpeg_end.completed(luma_alone) is None
    assert jpeg_end.completed(data[:-2]) is not None


@pytest.mark.parametrize("bits", [17, 20, 24, 31])
def test_depths_that_are_read_wrongly_are_refused_by_name(bits: int) -> None:
    values = np.zeros((8, 8, 1), np.uint32)
    with pytest.raises(InputError, match=f"{bits} bits"):
        decode(packed_tiff(values, bits))


def test_salvaging_a_png_without_pixels_is_refused() -> None:
    whole = encode(Picture(pixels=photo(40, 60)), "PNG")
    with pytest.raises(InputError):
        decode(whole[:33], options=SALVAGE)


def test_a_png_that_lacks_its_end_alone_is_whole(caplog: pytest.LogCaptureFixture) -> None:
    whole = encode(Picture(pixels=photo(40, 60)), "PNG")
    picture = decode(whole[:-12], options=SALVAGE)
    assert np.array_equal(picture.pixels, photo(40, 60))
    assert "the picture is whole" in caplog.text
    caplog.clear()
    assert np.array_equal(decode(whole + bytes(40), options=SALVAGE).pixels, photo(40, 60))
    assert caplog.text == ""


def test_a_huge_double_is_refused_without_a_warning(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((8, 8, 3), 1e300), photometric="rgb")
    with pytest.raises(InputError, match="not finite"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize("size", [(1, 1), (1, 64), (64, 1), (4, 4), (3, 40)])
@pytest.mark.parametrize(
    ("command", "told"),
    [("denoise", ("--sigma", 10)), ("dejpeg", ("--quality", 30)), ("upscale", ("--scale", 2))],
)
def test_tiny_pictures_stay_what_they_are(
    tmp_path: Path, size: tuple[int, int], command: str, told: tuple[object, ...]
) -> None:
    for name, pixels in (
        ("gray", np.full(size, 128, np.uint8)),
        ("colour", np.full((*size, 3), (200, 128, 90), np.uint8)),
    ):
        source, target = tmp_path / f"{name}.png", tmp_path / f"{name}-{command}.png"
        Image.fromarray(pixels).save(source)
        assert run(command, source, "-o", target, *told).returncode == 0
        restored = read(target).pixels.astype(int)
        scale = 2 if command == "upscale" else 1
        assert restored.shape[:2] == (size[0] * scale, size[1] * scale)
        assert np.abs(restored - read(source).pixels[0, 0]).max() <= 6
