"""Camera raw: files of a known camera come out as the picture that they were made of."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

import raws
import rnan
from conftest import photo
from conftest import rnan as run
from raws import dng, numbers, samples, write_dng
from rnan import load_restorer
from rnan.errors import ConfigError, InputError, MissingExtraError
from rnan.estimation.sensor_noise import noise_of
from rnan.evaluation.metrics import psnr
from rnan.images import read
from rnan.images.metadata import Metadata
from rnan.images.raw import Raw, SensorNoise, read_raw
from rnan.images.raw.about import exif_of_raw, iso_of
from rnan.images.raw.colours import colours_of
from rnan.images.raw.libraw import developed_by_library, read_by_library
from rnan.options.raw import RawOptions
from rnan.pipeline.developing import develop, open_negative

CLEAN = RawOptions(noise=(0.0, 0.0))
TOLD = [(raws.NOISE_PROFILE, "d", 2, (1.6e-3, 4e-5))]


@pytest.fixture
def scene(data: Path) -> np.ndarray:
    """A part of a picture that no network was trained on."""
    return read(data / "test" / "kodak24" / "kodim08.png").pixels[100:356, 200:584]


@pytest.fixture(autouse=True)
def _rawpy(request: pytest.FixtureRequest) -> None:
    if "without_rawpy" not in request.keywords:
        pytest.importorskip("rawpy", reason="needs rawpy")


def developed(path: Path, options: RawOptions = CLEAN) -> np.ndarray:
    """Developed on the 0-255 scale."""
    negative = open_negative(read_raw(path), options)
    name = "demosaic" if negative.noise.is_none else "demosaic-raw"
    if not negative.raw.is_mosaic:
        name = "denoise-color"
    return develop(load_restorer(name), negative, options).pixels / 257.0


@pytest.mark.parametrize("pattern", ["rggb", "grbg", "gbrg", "bggr"])
def test_the_network_is_nearer_than_the_library(
    scene: np.ndarray, tmp_path: Path, pattern: str
) -> None:
    path = dng(tmp_path / "scene.dng", scene, pattern)
    raw = read_raw(path)
    assert raw.pattern == pattern
    assert raw.white_balance == pytest.approx((2.0, 1.0, 1.6), rel=0.01)
    inner = (slice(8, -8), slice(8, -8))
    scores = {
        name: psnr(scene[inner], developed_by_library(path, name).pixels[inner] / 257)
        for name in ("AHD", "DHT")
    }
    mine = psnr(scene[inner], developed(path)[inner])
    assert mine > max(scores.values()) + 1, scores
    assert mine > 33


@pytest.mark.parametrize(
    ("noise", "least"), [((4e-4, 4e-6), 0.3), ((1.6e-3, 4e-5), 2.0), ((6.4e-3, 5e-4), 5.0)]
)
@pytest.mark.parametrize("told", [True, False])
def test_noise_is_taken_away(
    scene: np.ndarray, tmp_path: Path, noise: tuple[float, float], least: float, told: bool
) -> None:
    more = [(raws.NOISE_PROFILE, "d", 2, noise)] if told else []
    path = dng(tmp_path / "scene.dng", scene, noise=noise, more=more)
    inner = (slice(8, -8), slice(8, -8))
    before = psnr(scene[inner], developed(path)[inner])
    after = psnr(scene[inner], developed(path, RawOptions())[inner])
    assert after > before + least


@pytest.mark.parametrize("noise", [(4e-4, 4e-6), (1.6e-3, 4e-5), (6.4e-3, 5e-4), (1.28e-2, 1.8e-3)])
@pytest.mark.parametrize("name", ["kodim03", "kodim23"])
def test_noise_is_measured(
    data: Path, tmp_path: Path, name: str, noise: tuple[float, float]
) -> None:
    whole = read(data / "test" / "kodak24" / f"{name}.png").pixels
    found, _ = noise_of(read_raw(dng(tmp_path / "a.dng", whole, noise=noise)))
    assert found.variance(0.5) == pytest.approx(0.5 * noise[0] + noise[1], rel=0.3)


@pytest.mark.parametrize(
    ("profile", "believed"),
    [
        ((1.6e-3, 4e-5), True),
        ((1.6e-3, 4e-5) * 3, True),
        ((1.6e-3, 4e-5) * 4, True),
        ((0.3, 0.2), False),
        ((1e-9, 0.0), False),
        ((-1.6e-3, 4e-5), False),
        ((float("nan"), 4e-5), False),
        ((1.6e-3, 4e-5, 1.0), False),
        ((1.6e-3,), False),
    ],
)
def test_profiles_that_contradict_the_samples_are_not_believed(
    scene: np.ndarray, tmp_path: Path, profile: tuple[float, ...], believed: bool
) -> None:
    more = [(raws.NOISE_PROFILE, "d", len(profile), profile)]
    raw = read_raw(dng(tmp_path / "a.dng", scene, noise=(1.6e-3, 4e-5), more=more))
    found, _ = noise_of(raw)
    assert (found == SensorNoise.of(1.6e-3, 4e-5)) == believed
    assert 4e-4 < found.variance(0.5) < 2e-3


def test_a_profile_with_its_colours_in_reverse(scene: np.ndarray, tmp_path: Path) -> None:
    """Red is four times as noisy as the file says, which names it last."""
    light = samples(scene)
    draws = np.random.default_rng(1).standard_normal(light.shape)
    variance = 1e-3 * light + 1e-5
    variance[::2, ::2] *= 6
    values = numbers(light + np.sqrt(variance) * draws)
    turned = (1e-3, 1e-5, 1e-3, 1e-5, 6e-3, 6e-5)
    raw = read_raw(
        write_dng(tmp_path / "a.dng", values, more=[(raws.NOISE_PROFILE, "d", 6, turned)])
    )
    assert noise_of(raw)[0].photon == pytest.approx((6e-3, 1e-3, 1e-3))


def test_texture_is_not_noise_beyond_what_an_iso_can_have() -> None:
    """Of a picture without any flat place only EXIF's ISO says that it is texture."""
    draws = np.random.default_rng(0).standard_normal((256, 256)).astype(np.float32)
    raw = Raw(
        samples=np.clip(0.4 + 0.1 * draws, 0.0, 0.9).astype(np.float32),
        pattern="rggb",
        crop=(0, 0, 256, 256),
        white_balance=(2.0, 1.0, 1.6),
        xyz_to_camera=None,
        orientation=1,
    )
    assert noise_of(raw)[0].iso > 20_000
    found, how = noise_of(replace(raw, iso=100))
    assert found.iso <= 1600
    assert how == "at most, by its ISO"


def test_colours_and_levels_are_those_of_the_picture(tmp_path: Path) -> None:
    flat = np.full((64, 64, 3), (180, 120, 60), np.uint8)
    result = developed(dng(tmp_path / "flat.dng", flat))
    assert np.abs(result[8:-8, 8:-8].reshape(-1, 3).mean(axis=0) - flat[0, 0]).max() < 1.0


def near(path: Path, pixels: np.ndarray, least: float = 27.0) -> bool:
    """Whether a file comes out as a picture."""
    result = developed(path)
    assert result.shape == pixels.shape
    return psnr(pixels[4:-4, 4:-4], result[4:-4, 4:-4]) > least


def test_black_levels_of_the_cell_and_of_rows(tmp_path: Path) -> None:
    """LibRaw 0.22.2, as rawpy shows it, knows one black level for each colour."""
    picture = photo(64, 96)
    light = samples(picture) * (WHITE - 1000)
    down = np.arange(64) % 7 * 20.0
    cell = np.tile([[300, 400], [500, 600]], (32, 48))
    values = np.rint(light + cell + down[:, None]).astype(np.uint16)
    path = write_dng(
        tmp_path / "a.dng",
        values,
        more=[
            (raws.BLACK_SIZE, "H", 2, (2, 2)),
            (raws.BLACK_LEVEL, "H", 4, (300, 400, 500, 600)),
            (raws.BLACK_DOWN, "2i", 64, raws.rationals(down)),
            (raws.WHITE_LEVEL, "H", 1, WHITE - 1000 + 600 + 120),
        ],
    )
    assert near(path, picture)


WHITE = raws.WHITE


def test_a_table_that_makes_samples_linear(tmp_path: Path) -> None:
    picture = photo(64, 96)
    table = np.rint(np.linspace(0, 1, 4096) ** 2 * 65535).astype(np.uint16)
    codes = np.rint(np.sqrt(samples(picture).clip(0)) * 4095).astype(np.uint16)
    path = write_dng(
        tmp_path / "a.dng",
        codes,
        more=[
            (raws.TABLE, "H", 4096, tuple(table.tolist())),
            (raws.BLACK_LEVEL, "H", 1, 0),
            (raws.WHITE_LEVEL, "I", 1, 65535),
        ],
    )
    assert near(path, picture)


def test_brightness_that_the_maker_wants(tmp_path: Path) -> None:
    picture = photo(64, 96) // 2
    plain = developed(dng(tmp_path / "a.dng", picture))
    brighter = [(raws.EXPOSURE, "2i", 1, (1, 1))]
    path = dng(tmp_path / "b.dng", picture, more=brighter)
    expected = np.clip(2 * raws.linear(plain), 0, 1)
    assert np.abs(raws.linear(developed(path)) - expected).max() < 2e-3


@pytest.mark.parametrize("pattern", ["rggb", "grbg"])
@pytest.mark.parametrize(("top", "left"), [(1, 1), (2, 3), (0, 1)])
def test_masked_borders_and_the_makers_crop(
    tmp_path: Path, pattern: str, top: int, left: int
) -> None:
    """LibRaw 0.22.2 shows the whole active area, less one column, whatever the crop says."""
    picture = photo(100, 140)
    inside = numbers(samples(picture, pattern))
    values = np.full((108, 150), 9000, np.uint16)
    values[top : top + 100, left : left + 140] = inside
    more = [
        (raws.ACTIVE, "I", 4, (top, left, top + 100, left + 140)),
        (raws.CROP_ORIGIN, "I", 2, (9, 6)),
        (raws.CROP_SIZE, "I", 2, (120, 85)),
    ]
    path = write_dng(tmp_path / "a.dng", values, pattern, more=more)
    assert near(path, picture[6:91, 9:129])
    full = developed(path, RawOptions(noise=(0.0, 0.0), full=True))
    assert psnr(picture[4:-4, 4:-4], full[4:-4, 4:-4]) > 27


def test_four_pixels_under_each_filter(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    picture = photo(64, 96)
    values = numbers(samples(picture)).repeat(2, axis=0).repeat(2, axis=1)
    path = write_dng(tmp_path / "a.dng", values, "rrggrrggggbbggbb")
    assert near(path, picture)
    assert "four pixels under each colour filter" in caplog.text


@pytest.mark.parametrize("compression", [None, "jpegxl_dng", "deflate", "lzw"])
def test_compressed_samples(tmp_path: Path, compression: str | None) -> None:
    """LibRaw 0.22.2 refuses JPEG XL."""
    picture = photo(64, 96)
    settings: dict[str, Any] = {"compression": compression, "tile": (64, 64)}
    if compression == "jpegxl_dng":
        settings["compressionargs"] = {"lossless": True}
    path = dng(tmp_path / "a.dng", picture, **settings)
    assert near(path, picture)


@pytest.mark.parametrize("named", [True, False])
def test_floating_point(tmp_path: Path, named: bool) -> None:
    """LibRaw 0.22.2 takes the brightest sample for white, and shows black where none is named."""
    picture = photo(64, 96)
    light = samples(picture).astype(np.float32)
    light[10:12, 10:12] = 8.0
    white = [(raws.WHITE_LEVEL, "I", 1, 1)] if named else []
    path = write_dng(
        tmp_path / "a.dng",
        light,
        without=() if named else (raws.WHITE_LEVEL,),
        more=[(raws.BLACK_LEVEL, "H", 1, 0), *white],
    )
    result = developed(path)
    assert psnr(picture[24:-4, 24:-4], result[24:-4, 24:-4]) > 27
    linear = RawOptions(noise=(0.0, 0.0), rendering="linear")
    assert developed(path, linear).dtype != np.uint16


def test_pixels_that_have_all_colours_are_denoised_only(tmp_path: Path) -> None:
    picture = photo(96, 128)
    light = raws.linear(picture) * np.array(raws.NEUTRAL)
    draws = np.random.default_rng(0).standard_normal(light.shape)
    clean = write_dng(tmp_path / "a.dng", numbers(light))
    assert np.abs(developed(clean) - picture).max() < 1.5
    noisy = write_dng(tmp_path / "b.dng", numbers(light + np.sqrt(2e-3 * light + 2e-5) * draws))
    before, after = developed(noisy), developed(noisy, RawOptions())
    assert psnr(picture, after) > psnr(picture, before) + 3


def test_gain_maps_are_applied_and_other_operations_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    picture = np.full((64, 96, 3), 120, np.uint8)
    falls = np.linspace(1.0, 0.5, 96)
    values = numbers(samples(picture) * falls)
    points = np.tile(1.0 / np.linspace(1.0, 0.5, 33), (2, 1))
    lists = [raws.gain_map(points, top=top, left=left) for top in (0, 1) for left in (0, 1)]
    whole = (4).to_bytes(4, "big") + b"".join(one[4:] for one in lists)
    path = write_dng(
        tmp_path / "a.dng",
        values,
        more=[
            (raws.OPCODES_2, "B", len(whole), whole),
            (raws.OPCODES_3, "B", len(raws.warp()), raws.warp()),
        ],
    )
    assert np.abs(developed(path)[8:-8, 8:-8] - 120).max() < 2.0
    done = run("inspect", path)
    assert "WarpRectilinear" in done.stdout
    done = run("demosaic", path, "-o", tmp_path / "a.png", "--noise", "0,0")
    assert "not done: WarpRectilinear" in done.stderr


def test_a_gain_map_of_a_part(tmp_path: Path) -> None:
    """For the second green of the left half alone."""
    picture = np.full((64, 96, 3), 120, np.uint8)
    one = raws.gain_map(np.full((2, 2), 2.0), top=1, right=48)
    light = samples(picture)
    light[1::2, :48:2] /= 2
    more = [(raws.OPCODES_2, "B", len(one), one)]
    raw = read_raw(write_dng(tmp_path / "a.dng", numbers(light), more=more))
    assert np.abs(raw.samples - samples(picture)).max() < 2e-3
    assert raw.shading is not None
    assert raw.shading[1, 0] == 2
    assert raw.shading[0, 0] == raw.shading[1, 60] == 1


@pytest.mark.parametrize(
    "damage", [{"spacing": float("nan")}, {"origin": float("inf")}, {"gain": 1e30}]
)
def test_damaged_gain_maps_are_named(tmp_path: Path, damage: dict[str, float]) -> None:
    one = raws.gain_map(np.full((2, 2), damage.pop("gain", 1.0)), **damage)
    path = dng(tmp_path / "a.dng", photo(64, 96), more=[(raws.OPCODES_2, "B", len(one), one)])
    assert "cannot be read" in read_raw(path).left_out[0]


def test_samples_that_are_cut_off(tmp_path: Path) -> None:
    """A decoder of lossless JPEG makes something up for what is missing."""
    settings = {"compression": "jpeg", "compressionargs": {"lossless": True, "bitspersample": 16}}
    path = dng(tmp_path / "a.dng", photo(64, 96), **settings)
    assert near(path, photo(64, 96))
    whole = path.read_bytes()
    for share in (0.5, 0.8, 0.95):
        (tmp_path / "b.dng").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match=r"cut off|no camera raw"):
            read_raw(tmp_path / "b.dng")


@pytest.mark.parametrize("neutral", [None, (0, 1) * 3, (1, 10**6, 1, 1, 1, 1), (0, 0) * 3])
def test_a_white_balance_that_cannot_be(
    tmp_path: Path, neutral: tuple[int, ...] | None, caplog: pytest.LogCaptureFixture
) -> None:
    more = [] if neutral is None else [(50728, "2I", 3, neutral)]
    raw = read_raw(dng(tmp_path / "a.dng", photo(64, 64), without=(50728,), more=more))
    assert raw.white_balance == (1.0, 1.0, 1.0)
    assert "says nothing of its white balance" in caplog.text


def test_a_number_that_is_none_does_not_cost_the_picture(tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng", photo(64, 64), more=[(raws.EXPOSURE, "2i", 1, (0, 0))])
    assert read_raw(path).exposure == 0.0


def test_a_cell_that_is_named_twice(tmp_path: Path) -> None:
    more = [(raws.CFA_SIZE, "H", 2, (4, 2)), (raws.CFA, "B", 8, bytes((0, 1, 1, 2) * 2))]
    assert near(dng(tmp_path / "a.dng", photo(64, 96), more=more), photo(64, 96))


def test_the_order_of_the_colours_by_bytes(tmp_path: Path) -> None:
    """CFAPlaneColor, as Adobe's converter writes it."""
    path = dng(tmp_path / "a.dng", photo(64, 64), more=[(50710, "B", 3, bytes((0, 1, 2)))])
    assert read_raw(path).pattern == "rggb"


def test_broken_pixels(scene: np.ndarray, tmp_path: Path) -> None:
    light = samples(scene)
    light[40:200:40, 60:360:60] = 1.0
    path = write_dng(tmp_path / "a.dng", numbers(light))
    whole = developed(dng(tmp_path / "b.dng", scene))
    assert np.abs(developed(path) - whole).max(axis=2)[20:-20, 20:-20].mean() < 0.2
    changed = developed(path)[40:200:40, 60:360:60] - whole[40:200:40, 60:360:60]
    assert np.median(np.abs(changed)) < 12


def test_highlights_stay_neutral(tmp_path: Path) -> None:
    light = np.ones((64, 96))
    light[:, :32] = 0.3
    result = developed(write_dng(tmp_path / "a.dng", numbers(light)))
    assert np.abs(result[8:-8, 48:-8] - 255).max() < 1.0


@pytest.mark.parametrize(
    ("orientation", "size"), [(1, (64, 96)), (3, (64, 96)), (6, (96, 64)), (8, (96, 64))]
)
def test_orientation(tmp_path: Path, orientation: int, size: tuple[int, int]) -> None:
    picture = photo(64, 96)
    result = developed(dng(tmp_path / "turned.dng", picture, orientation=orientation))
    assert result.shape[:2] == size
    turned = {1: picture, 3: picture[::-1, ::-1], 6: np.rot90(picture, -1), 8: np.rot90(picture)}
    assert psnr(turned[orientation], result) > 25


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (23, 37)])
@pytest.mark.parametrize("pattern", ["rggb", "grbg", "gbrg", "bggr"])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int], pattern: str) -> None:
    picture = np.full((*size, 3), (180, 120, 60), np.uint8)
    for options in (CLEAN, RawOptions(noise=(1e-4, 1e-6)), RawOptions()):
        result = developed(dng(tmp_path / "a.dng", picture, pattern), options)
        assert result.shape == picture.shape
    assert min(size) < 3 or np.abs(developed(tmp_path / "a.dng") - picture).mean() < 3


# What is refused, or read with a notice


@pytest.mark.parametrize("length", [0, 1, 8, 60, 200, 1000])
def test_damaged_raw(tmp_path: Path, length: int) -> None:
    whole = dng(tmp_path / "a.dng", photo(64, 64)).read_bytes()
    (tmp_path / "b.dng").write_bytes(whole[:length])
    with pytest.raises(InputError) as caught:
        read_raw(tmp_path / "b.dng")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([(raws.BLACK_LEVEL, "H", 1, 65535)], "black level of 65535, above its white level"),
        ([(raws.CFA, "B", 4, bytes((0, 1, 1, 3)))], "colour filters other than"),
        ([(raws.ACTIVE, "I", 4, (50, 50, 10, 10))], "active area is empty"),
        ([(50711, "H", 1, 2)], "staggered rows"),
        ([(raws.CFA, "B", 4, bytes((0, 1, 2, 1)))], "in an order that is not read: rgbg"),
        ([(raws.BLACK_SIZE, "H", 2, (3000, 3000))], "black levels for cells of 3000 x 3000"),
        ([(raws.BLACK_LEVEL, "H", 1, 20000)], "black level of 20000, above its white level"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, more: list[Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_raw(dng(tmp_path / "a.dng", photo(64, 64), more=more))


def test_a_white_level_below_the_samples(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The next power of two above the samples is taken."""
    raw = read_raw(dng(tmp_path / "a.dng", photo(64, 64), more=[(raws.WHITE_LEVEL, "H", 1, 300)]))
    assert "its white level, 300, lies below its samples; 16383 is taken" in caplog.text
    assert raw.samples.max() <= 1.0


def test_a_camera_that_nobody_knows(tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng", photo(64, 64), without=(raws.MATRIX,))
    done = run("demosaic", path, "-o", tmp_path / "a.png", "--noise", "0,0")
    assert done.returncode == 0
    assert "nobody says what its colours mean" in done.stderr


@pytest.mark.parametrize("noise", ["nan,1", "1", "1,2,3", "-1,0", "a,b", "1e400,0", ""])
def test_noise_that_cannot_be(tmp_path: Path, noise: str) -> None:
    path = dng(tmp_path / "a.dng", photo(64, 64))
    done = run("demosaic", path, "-o", tmp_path / "a.png", "--noise", noise)
    assert done.returncode in (1, 2)
    assert "--noise" in done.stderr
    assert not (tmp_path / "a.png").exists()


def test_sigma_is_for_pictures(tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng", photo(64, 64))
    for command in ("demosaic", "denoise"):
        done = run(command, path, "-o", tmp_path / "a.png", "--sigma", "5")
        assert "--sigma is for pictures; of camera raw say --noise" in done.stderr
    done = run("denoise", path, "-o", tmp_path / "a.png", "--sigma", "0")
    assert "--sigma is for pictures; of camera raw say --noise" in done.stderr
    done = run("demosaic", path, "-o", tmp_path / "a.png", "--pattern", "bggr")
    assert "--pattern is for pictures; camera raw says its own" in done.stderr
    done = run("denoise", path, "-o", tmp_path / "a.png", "--model", "denoise-color")
    assert "--model is for pictures" in done.stderr
    assert not (tmp_path / "a.png").exists()
    done = run("upscale", path, "-o", tmp_path / "a.png")
    assert done.returncode == 1
    assert "camera raw" in done.stderr


@pytest.mark.without_rawpy
def test_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    (tmp_path / "a.nef").write_bytes(b"II*\0")
    with pytest.raises(MissingExtraError, match="pip install rawpy"):
        read_raw(tmp_path / "a.nef")


@pytest.mark.without_rawpy
def test_a_dng_needs_no_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    assert read_raw(dng(tmp_path / "a.dng", photo(32, 32))).pattern == "rggb"


# What belongs to a raw


def exif_tiff(directory: dict[int, Any]) -> bytes:
    exif = Image.Exif()
    exif.update(directory)
    return exif.tobytes().removeprefix(b"Exif\0\0")


def box(kind: bytes, body: bytes) -> bytes:
    return (8 + len(body)).to_bytes(4, "big") + kind + body


def test_exif_of_canons_boxes() -> None:
    """A CR3 holds three small TIFFs, for the camera, the picture and the place."""
    inner = box(b"CMT1", exif_tiff({271: "Canon", 272: "EOS"}))
    inner += box(b"CMT2", exif_tiff({34855: 3200, 33434: 0.01}))
    uuid = box(b"uuid", bytes(16) + inner)
    data = box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", uuid)
    exif = exif_of_raw(data)
    assert exif is not None
    assert iso_of(exif) == 3200
    assert b"Canon" in exif


def test_exif_of_fujifilms_files() -> None:
    """A RAF says where its JPEG lies, whose EXIF is that of the raw."""
    exif = Image.Exif()
    exif[271] = "FUJIFILM"
    exif.get_ifd(34665)[34855] = 800
    jpeg = io.BytesIO()
    Image.fromarray(photo(16, 16)).save(jpeg, "JPEG", exif=exif)
    content = jpeg.getvalue()
    head = b"FUJIFILMCCD-RAW 0201".ljust(84, b"\0")
    data = head + (100).to_bytes(4, "big") + len(content).to_bytes(4, "big") + bytes(8) + content
    found = exif_of_raw(data)
    assert found is not None
    assert (iso_of(found), b"FUJIFILM" in found) == (800, True)
    assert exif_of_raw(data[:150]) is None


# LibRaw's way, for the files of other makers


def test_both_ways_of_reading_agree(scene: np.ndarray, tmp_path: Path) -> None:
    """Also in colours: of a DNG LibRaw 0.22.2 shows no matrix from XYZ, and it was lost once."""
    mixing = np.array([[0.8, 0.15, 0.05], [0.2, 0.7, 0.1], [0.05, 0.25, 0.7]])
    matrix = raws.rationals(np.diag(raws.NEUTRAL) @ mixing @ raws.XYZ_TO_SRGB)
    path = dng(tmp_path / "a.dng", scene, more=[(raws.MATRIX, "2i", 9, matrix)])
    ours, theirs = read_raw(path), read_by_library(path.read_bytes(), "a", Metadata(), 10**8)
    assert ours.pattern == theirs.pattern
    assert ours.white_balance == pytest.approx(theirs.white_balance, rel=1e-4)
    assert np.abs(ours.samples - theirs.samples).max() < 1e-6
    srgb = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
    assert colours_of(ours, srgb) == pytest.approx(np.linalg.inv(mixing), abs=0.01)
    assert colours_of(theirs, srgb) == pytest.approx(np.linalg.inv(mixing), abs=0.01)


X_TRANS = "ggrggbggbggrbrgrbgggbggrggrggbrbgbrg"


def test_other_sensors_are_interpolated_by_the_library(tmp_path: Path) -> None:
    picture = photo(96, 96)
    path = write_dng(tmp_path / "x.dng", numbers(samples(picture, X_TRANS)), X_TRANS)
    raw = read_raw(path)
    assert (raw.interpolated, raw.is_mosaic) == ("LibRaw", False)
    result = developed(path)
    assert np.abs(result[8:-8, 8:-8].mean((0, 1)) - picture[8:-8, 8:-8].mean((0, 1))).max() < 3
    command = [sys.executable, "-m", "rnan", "demosaic", str(path), "-o", str(tmp_path / "x.tif")]
    strict = subprocess.run([*command, "--strict"], capture_output=True, text=True)
    assert (strict.returncode, "not from a Bayer sensor" in strict.stderr) == (1, True)
    assert not (tmp_path / "x.tif").exists()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "demosaiced by LibRaw" in done.stderr
    assert read(tmp_path / "x.tif").size == (96, 96)


def test_gain_maps_of_other_sensors_are_named(tmp_path: Path) -> None:
    """They are for samples, which LibRaw has interpolated already."""
    one = raws.gain_map(np.full((2, 2), 2.0))
    more = [(raws.OPCODES_2, "B", len(one), one)]
    picture = photo(96, 96)
    path = write_dng(tmp_path / "x.dng", numbers(samples(picture, X_TRANS)), X_TRANS, more=more)
    assert read_raw(path).left_out == ("GainMap",)
    assert developed(path, RawOptions()).shape == picture.shape


def linear_dng(path: Path, brightest: int) -> Path:
    """Values of a sensor that were demosaiced already, with a bright patch."""
    values = np.full((64, 96, 3), 4000, np.uint16)
    values[20:30, 20:40] = brightest
    more = [(raws.BLACK_LEVEL, "H", 3, (0, 0, 0)), (raws.WHITE_LEVEL, "H", 3, (16383,) * 3)]
    return write_dng(path, values, more=more)


def test_the_brightest_sample_does_not_say_how_bright_the_rest_is(tmp_path: Path) -> None:
    """LibRaw stretches to the brightest sample where it lies near white, unless told not to."""
    for develop_one in (
        lambda path: developed_by_library(path).pixels[40:, 50:],
        lambda path: developed(path)[40:, 50:],
    ):
        shown = [
            develop_one(linear_dng(tmp_path / f"{brightest}.dng", brightest))
            for brightest in (9000, 11_000, 13_000, 16_000)
        ]
        for one in shown[1:]:
            assert np.array_equal(one, shown[0])


# From the command line


@pytest.mark.parametrize("command", ["demosaic", "denoise", "auto"])
def test_one_road(scene: np.ndarray, tmp_path: Path, command: str) -> None:
    path = dng(tmp_path / "a.dng", scene[:96, :128], noise=(1.6e-3, 4e-5), more=TOLD)
    done = run(command, path, "-o", tmp_path / "a.tif")
    assert "camera raw, RGGB, noise like ISO 6400" in done.stdout
    first = run("demosaic", path, "-o", tmp_path / "b.tif")
    assert first.returncode == 0
    one, other = (read(tmp_path / f"{name}.tif").pixels.astype(float) for name in "ab")
    assert np.abs(one - other).max() < 257  # bfloat16 in other parts may round otherwise


def test_in_python_and_compared(scene: np.ndarray, tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng", scene[:96, :128], noise=(1.6e-3, 4e-5), more=TOLD)
    pixels = rnan.develop(path, dtype="float32", chroma=0.5)
    options = ["--chroma", "0.5", "--dtype", "float32", "--compare"]
    for ending in ("tif", "dng"):
        done = run("auto", path, "-o", tmp_path / f"b.{ending}", *options, "--overwrite")
        assert done.returncode == 0, done.stderr
        assert read(tmp_path / "b-compare.png").size[1] >= 256
    assert np.array_equal(read(tmp_path / "b.tif").pixels, pixels)
    with pytest.raises(ConfigError, match="noise="):
        rnan.develop(path, noise=(1.0, 2.0))


def test_a_folder(scene: np.ndarray, tmp_path: Path) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    for name in ("one.dng", "two.DNG"):
        dng(folder / name, scene[:96, :128])
    (folder / "broken.nef").write_bytes(b"II*\0" + bytes(100))
    tifffile.imwrite(folder / "other.tif", scene[:32, :32])
    Image.fromarray(scene[:96, :128]).save(folder / "one.jpg")
    done = run("demosaic", folder, "-o", tmp_path / "out")
    assert done.returncode == 3, done.stderr
    assert "broken.nef is no camera raw that can be read" in done.stderr
    assert "--both takes both" in done.stderr
    assert "camera raw, RGGB" in done.stdout
    for name in ("one.tif", "two.tif"):
        back = read(tmp_path / "out" / name)
        assert back.pixels.dtype == np.uint16
        assert back.metadata.icc is not None
        assert b"Maker" in (back.metadata.exif or b"")
    with pytest.raises(InputError, match="camera raw"):
        read(folder / "one.dng")
    both = run("auto", folder, "-o", tmp_path / "both", "--both", "--dry-run")
    assert "one.jpg" in both.stdout


def test_inspect(scene: np.ndarray, tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng", scene, noise=(1.6e-3, 4e-5), more=TOLD)
    said = run("inspect", path).stdout
    for words in ("camera raw of Maker Model", "RGGB", "noise like ISO 6400", "rnan demosaic"):
        assert words in said
    facts = json.loads(run("inspect", path, "--json").stdout)
    assert facts["pattern"] == "rggb"
    assert facts["noise"]["like_iso"] == 6400


def test_grain_and_specks_apart(tmp_path: Path) -> None:
    ramp = np.linspace(60, 200, 160)[None, :, None] * np.ones((128, 1, 1))
    scene = np.rint(ramp * [1.0, 0.8, 0.6]).astype(np.uint8)
    path = dng(tmp_path / "a.dng", scene, noise=(6.4e-3, 5e-4))

    def noise_left(**shares: float) -> tuple[float, float]:
        negative = open_negative(read_raw(path), RawOptions())
        result = develop(load_restorer("demosaic-raw", **shares), negative).pixels / 257.0
        difference = (result - scene).reshape(-1, 3)
        gray = difference @ [0.299, 0.587, 0.114]
        return float(gray.std()), float((difference - gray[:, None]).std())

    whole, half = noise_left(), noise_left(strength=0.5)
    grain, specks = noise_left(luma=0.3), noise_left(chroma=0.3)
    assert half[0] > 1.2 * whole[0]
    assert half[1] > 1.2 * whole[1]
    assert grain[0] > 1.5 * whole[0]
    assert grain[1] < 1.6 * whole[1]
    assert specks[1] > 1.5 * whole[1]
    assert specks[0] < 1.6 * whole[0]


def test_eight_ways_and_kept_samples(scene: np.ndarray, tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng", scene[:95, :127], "grbg", noise=(1.6e-3, 4e-5))
    negative = open_negative(read_raw(path), RawOptions(noise=(1.6e-3, 4e-5)))

    def score(**options: Any) -> float:
        result = develop(load_restorer("demosaic-raw", **options), negative).pixels / 257.0
        return psnr(scene[4:91, 4:123], result[4:-4, 4:-4])

    plain, ensemble, kept = score(), score(self_ensemble=True), score(keep_samples=True)
    assert ensemble > plain
    assert kept < plain - 1


def test_renderings(scene: np.ndarray, tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng", scene)
    srgb, neutral, linear = (
        developed(path, RawOptions(noise=(0.0, 0.0), rendering=name))
        for name in ("srgb", "neutral", "linear")
    )
    assert neutral.std() > 1.05 * srgb.std()
    assert abs(np.median(neutral) - np.median(srgb)) < 40
    luma = [0.2627, 0.6780, 0.0593]
    expected = raws.linear(srgb) @ [0.2126, 0.7152, 0.0722]
    assert np.abs(linear * 257 / 65535 @ luma - expected).mean() < 2e-3
    done = run("demosaic", path, "-o", tmp_path / "a.tif", "--rendering", "linear")
    assert done.returncode == 0
    assert b"Rec. 2020, linear".decode().encode("utf-16-be") in (
        read(tmp_path / "a.tif").metadata.icc or b""
    )


def test_a_mosaic_is_mixed_with_its_plain_interpolation() -> None:
    picture = photo(32, 32)
    from rnan.degradations.mosaic import mosaic
    from rnan.inference.sensors import bilinear

    lq = mosaic(picture / 255.0, "grbg").astype(np.float32)
    plain = bilinear(lq.sum(axis=2), "grbg").transpose(1, 2, 0)
    none = load_restorer("demosaic", strength=0.0)(lq, pattern="grbg")
    assert np.abs(none - plain).max() < 1e-6
