"""Colours that a file says otherwise than by a profile travel, become a profile, or are refused."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from conftest import photo
from conftest import rnan as run
from rnan.images import Picture, decode, read
from rnan.images.cicp import Cicp
from rnan.images.formats.boxes import cicp_of
from rnan.images.formats.png_chunks import chunk, with_chunks
from rnan.images.icc import Curve, profile
from rnan.images.light import named
from rnan.images.write import encode

P3, PQ, HLG = (Cicp(primaries=p, transfer=t) for p, t in ((12, 13), (9, 16), (9, 18)))


def avif(cicp: Cicp) -> bytes:
    codes = {"primaries": cicp.primaries, "transfer": cicp.transfer, "matrix": 6}
    return bytes(imagecodecs.avif_encode(photo(64, 64), level=95, **codes))


def heic(cicp: Cicp) -> bytes:
    file = pillow_heif.from_pillow(Image.fromarray(photo(64, 64)))
    buffer = io.BytesIO()
    file.save(
        buffer,
        save_nclx_profile=True,
        color_primaries=cicp.primaries,
        transfer_characteristics=cicp.transfer,
    )
    return buffer.getvalue()


def png(cicp: Cicp) -> bytes:
    plain = encode(Picture(pixels=photo(64, 64)), "PNG")
    return with_chunks(plain, chunk(b"cICP", cicp.chunk_body()))


MAKERS = {"avif": avif, "heic": heic, "png": png}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("cicp", [P3, PQ, HLG], ids=["P3", "PQ", "HLG"])
def test_code_points_are_read_and_travel(tmp_path: Path, kind: str, cicp: Cicp) -> None:
    source = tmp_path / f"a.{kind}"
    source.write_bytes(MAKERS[kind](cicp))
    assert read(source).metadata.cicp == cicp
    for name in ("b.png", "b.avif"):
        ended = run("denoise", source, "-o", tmp_path / name, "--sigma", 5)
        assert ended.returncode == 0, ended.stderr
        back = read(tmp_path / name)
        assert back.metadata.cicp == cicp
        assert back.metadata.icc is None
    assert b"cICP" in (tmp_path / "b.png").read_bytes()[:100]
    assert cicp_of((tmp_path / "b.avif").read_bytes()) == cicp


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("ending", [".jpg", ".tif", ".webp"])
def test_where_there_is_no_other_way_a_profile_says_the_same(
    tmp_path: Path, kind: str, ending: str
) -> None:
    source, target = tmp_path / f"a.{kind}", tmp_path / f"b{ending}"
    source.write_bytes(MAKERS[kind](P3))
    assert run("denoise", source, "-o", target, "--sigma", 5).returncode == 0
    icc = read(target).metadata.icc
    assert icc is not None
    found = ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile
    assert found.profile_description == "Display P3"
    assert found.red_colorant[0] == pytest.approx((0.5151, 0.2412, -0.0011), abs=2e-4)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("cicp", [PQ, HLG], ids=["PQ", "HLG"])
def test_hdr_is_never_taken_for_srgb(tmp_path: Path, kind: str, cicp: Cicp) -> None:
    source = tmp_path / f"a.{kind}"
    source.write_bytes(MAKERS[kind](cicp))
    for ending in (".jpg", ".tif", ".webp", ".bmp"):
        ended = run("denoise", source, "-o", tmp_path / f"b{ending}", "--sigma", 5)
        assert ended.returncode == 1
        assert "write PNG or AVIF" in ended.stderr
        assert not (tmp_path / f"b{ending}").exists()


@pytest.mark.parametrize("kind", MAKERS)
def test_inspect_names_them(tmp_path: Path, kind: str) -> None:
    for cicp, name in ((P3, "Display P3, by code points"), (PQ, "BT.2020, PQ (HDR)")):
        source = tmp_path / f"a.{kind}"
        source.write_bytes(MAKERS[kind](cicp))
        assert name in run("inspect", source).stdout


def test_srgb_said_by_code_points_needs_nothing() -> None:
    for kind in MAKERS.values():
        picture = decode(kind(Cicp(primaries=1, transfer=13)))
        assert picture.metadata.cicp is None
        assert decode(encode(picture, "JPEG")).metadata.icc is None


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_gamma_and_primaries_of_a_png(tmp_path: Path, depth: type) -> None:
    plain = encode(Picture(pixels=photo(48, 48).astype(depth)), "PNG")
    primaries = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    wide = chunk(b"cHRM", struct.pack(">8I", *primaries))
    source, target = tmp_path / "a.png", tmp_path / "b.tif"
    for chunks, said in (
        (chunk(b"gAMA", struct.pack(">I", 100_000)), "linear"),
        (wide + chunk(b"gAMA", struct.pack(">I", 45_455)), "primaries of its own"),
    ):
        source.write_bytes(with_chunks(plain, chunks))
        assert said in named(read(source).metadata)
        ended = run("denoise", source, "-o", target, "--sigma", 5, "--overwrite")
        assert ended.returncode == 0, ended.stderr
        icc = read(target).metadata.icc
        assert icc is not None
        assert said in ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.profile_description
    usual = chunk(b"gAMA", struct.pack(">I", 45_455)) + chunk(
        b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
    )
    for chunks in (usual, wide + chunk(b"sRGB", b"\0")):
        assert named(decode(with_chunks(plain, chunks)).metadata) == ""


def adobe_rgb() -> bytes:
    """A camera's JPEG that says Adobe RGB as DCF has it."""
    exif = Image.Exif()
    camera = exif.get_ifd(0x8769)
    camera[0xA001] = 0xFFFF
    camera[0xA005] = {1: "R03"}
    buffer = io.BytesIO()
    Image.fromarray(photo(64, 64)).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp", ".avif"])
def test_adobe_rgb_of_cameras(tmp_path: Path, ending: str) -> None:
    source, target = tmp_path / "a.jpg", tmp_path / f"b{ending}"
    source.write_bytes(adobe_rgb())
    assert "Adobe RGB, by EXIF" in run("inspect", source).stdout
    assert run("denoise", source, "-o", target, "--sigma", 5).returncode == 0
    assert "Adobe RGB" in named(read(target).metadata)
    icc = read(target).metadata.icc
    assert icc is not None
    assert ImageCms.ImageCmsProfile(io.BytesIO(icc)).profile.red_colorant[0] == pytest.approx(
        (0.6097, 0.3111, 0.0195), abs=3e-4
    )


def test_profiles_of_ours_are_what_they_say() -> None:
    """Held against LittleCMS: sRGB's is the library's to a step, a gamma curves as told."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (50, 50, 3), dtype=np.uint8))
    ours = ImageCms.ImageCmsProfile(io.BytesIO(Cicp(primaries=1, transfer=13).icc() or b""))
    shown = ImageCms.profileToProfile(image, ours, ImageCms.createProfile("sRGB"))
    assert shown is not None
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(image)).max() <= 1
    srgb = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.329)
    linear = ImageCms.ImageCmsProfile(io.BytesIO(profile("linear", srgb, Curve(gamma=1.0))))
    gray = Image.new("RGB", (1, 1), (55, 55, 55))
    shown = ImageCms.profileToProfile(gray, linear, ImageCms.createProfile("sRGB"))
    assert shown is not None
    encoded = 255 * (1.055 * (55 / 255) ** (1 / 2.4) - 0.055)
    assert shown.getpixel((0, 0)) == pytest.approx((encoded,) * 3, abs=1)


def test_damaged_boxes_say_nothing() -> None:
    data = avif(P3)
    for length in range(0, len(data), 7):
        cicp_of(data[:length])
    at = data.find(b"colr")
    assert cicp_of(data[: at - 4] + b"\0\0\0\x01" + data[at:]) is None


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_avif_of_more_than_eight_bits_keeps_them(bits: int, channels: int) -> None:
    most = 2**bits - 1
    rng = np.random.default_rng(0)
    values = rng.integers(0, most + 1, (64, 48, channels)).astype(np.uint16)
    values[:8] = most
    made = imagecodecs.avif_encode(values.squeeze(), level=100, bitspersample=bits)
    picture = decode(bytes(made))
    assert picture.pixels.dtype == np.uint16
    colour = values[:, :, :-1] if channels == 4 else values
    expected = np.rint(colour.astype(np.float64) * 65535 / most)
    assert np.abs(picture.pixels - expected).max() <= 65535 / most
    assert picture.pixels[:8].min() == 65535
    assert (picture.alpha is not None) == (channels == 4)
    back = decode(encode(picture, "PNG"))
    assert np.array_equal(back.pixels, picture.pixels)


def test_code_points_come_before_a_profile(tmp_path: Path) -> None:
    """PNG, third edition: an HDR picture may hold a profile for programs that know no other."""
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    buffer = io.BytesIO()
    Image.fromarray(photo(64, 64)).save(buffer, "PNG", icc_profile=icc)
    source = tmp_path / "a.png"
    source.write_bytes(with_chunks(buffer.getvalue(), chunk(b"cICP", PQ.chunk_body())))
    assert "PQ (HDR)" in run("inspect", source).stdout
    ended = run("denoise", source, "-o", tmp_path / "b.jpg", "--sigma", 5)
    assert ended.returncode == 1
    assert run("denoise", source, "-o", tmp_path / "b.png", "--sigma", 5).returncode == 0
    assert read(tmp_path / "b.png").metadata.cicp == PQ


@pytest.mark.parametrize(
    ("ending", "space"), [(".jpg", "GRAY"), (".tif", "GRAY"), (".webp", "RGB"), (".avif", "RGB")]
)
def test_gray_gets_a_profile_for_its_channels(tmp_path: Path, ending: str, space: str) -> None:
    """WebP and AVIF hold gray in three channels, and get a profile of colour."""
    plain = encode(Picture(pixels=photo(48, 48, channels=1)), "PNG")
    source, target = tmp_path / "a.png", tmp_path / f"b{ending}"
    source.write_bytes(with_chunks(plain, chunk(b"gAMA", struct.pack(">I", 100_000))))
    assert run("denoise", source, "-o", target, "--sigma", 5).returncode == 0
    found = ImageCms.ImageCmsProfile(io.BytesIO(read(target).metadata.icc or b""))
    assert found.profile.xcolor_space.strip() == space
    with Image.open(target) as image:
        shown = ImageCms.profileToProfile(
            image, found, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    assert shown is not None


@pytest.mark.parametrize(
    "chunks",
    [
        chunk(b"gAMA", struct.pack(">I", 1)),
        chunk(b"gAMA", struct.pack(">I", 0)),
        chunk(b"cHRM", struct.pack(">8I", *(30_000,) * 8)),
        chunk(b"cHRM", bytes(32)),
        chunk(b"cHRM", b"\xff" * 32),
    ],
)
def test_chunks_that_mean_nothing_are_passed_over(chunks: bytes) -> None:
    picture = decode(with_chunks(encode(Picture(pixels=photo(48, 48)), "PNG"), chunks))
    assert named(picture.metadata) == ""
    assert decode(encode(picture, "JPEG")).metadata.icc is None


@pytest.mark.parametrize(("primaries", "transfer"), [(2, 1), (12, 2), (2, 13), (2, 2)])
def test_what_is_left_unspecified_is_srgb_s(primaries: int, transfer: int) -> None:
    picture = decode(png(Cicp(primaries=primaries, transfer=transfer)))
    meant = (1 if primaries == 2 else primaries, 13 if transfer == 2 else transfer)
    cicp = picture.metadata.cicp
    assert (cicp and (cicp.primaries, cicp.transfer)) == (None if meant == (1, 13) else meant)
    encode(picture, "JPEG")


def test_bmp_has_no_place_for_colours_and_that_is_said(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(png(P3))
    ended = run("denoise", source, "-o", tmp_path / "b.bmp", "--sigma", 5)
    assert ended.returncode == 0
    assert "BMP has no place: colour profile" in ended.stderr


def test_inks_that_became_srgb_are_not_said_to_be_adobe_rgb(tmp_path: Path) -> None:
    exif = Image.Exif()
    camera = exif.get_ifd(0x8769)
    camera[0xA001], camera[0xA005] = 0xFFFF, {1: "R03"}
    source, target = tmp_path / "a.jpg", tmp_path / "b.png"
    Image.fromarray(photo(48, 48)).convert("CMYK").save(source, exif=exif)
    assert run("denoise", source, "-o", target, "--sigma", 5, "--assume-cmyk").returncode == 0
    assert named(read(target).metadata) == ""
