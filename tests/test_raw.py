"""Camera raw: a DNG made from a known picture is developed nearer to it than by LibRaw."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from conftest import photo
from rnan import load_restorer
from rnan.errors import InputError, MissingExtraError
from rnan.evaluation.metrics import psnr
from rnan.images import read
from rnan.images.raw import library_demosaic, read_raw
from rnan.pipeline.developing import develop

BLACK, WHITE = 256, 15_000
NEUTRAL = (0.5, 1.0, 0.625)
"""What the camera measures of white: red and blue less than green."""
XYZ_TO_SRGB = np.linalg.inv(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
CODES = {"r": 0, "g": 1, "b": 2}


def linear(pixels: np.ndarray) -> np.ndarray:
    value = pixels / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def dng(path: Path, pixels: np.ndarray, pattern: str = "rggb", orientation: int = 1) -> Path:
    """A raw file of a camera whose colours are those of sRGB, lit by a warm lamp."""
    light = linear(pixels) * np.array(NEUTRAL)
    samples = np.empty(pixels.shape[:2])
    for place, letter in enumerate(pattern):
        rows, columns = slice(place // 2, None, 2), slice(place % 2, None, 2)
        samples[rows, columns] = light[rows, columns, CODES[letter]]
    values = np.rint(BLACK + samples * (WHITE - BLACK)).astype(np.uint16)

    def rationals(numbers: object) -> tuple[int, ...]:
        return tuple(part for number in np.ravel(numbers) for part in (round(1e6 * number), 10**6))

    extra = [
        (271, "s", 0, "Maker", True),
        (272, "s", 0, "Model", True),
        (274, "H", 1, orientation, True),
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, bytes(CODES[letter] for letter in pattern), True),
        (50706, "B", 4, bytes((1, 4, 0, 0)), True),
        (50708, "s", 0, "Maker Model", True),
        (50714, "H", 1, BLACK, True),
        (50717, "H", 1, WHITE, True),
        (50721, "2i", 9, rationals(XYZ_TO_SRGB), True),
        (50728, "2I", 3, rationals(NEUTRAL), True),
        (50778, "H", 1, 21, True),
    ]
    tifffile.imwrite(
        path, values, photometric=32803, metadata=None, extratags=extra, software=False
    )
    return path


@pytest.fixture
def scene(data: Path) -> np.ndarray:
    """A part of a picture that no network was trained on."""
    return read(data / "test" / "kodak24" / "kodim08.png").pixels[100:356, 200:584]


@pytest.fixture(autouse=True)
def _rawpy(request: pytest.FixtureRequest) -> None:
    if "without_rawpy" not in request.keywords:
        pytest.importorskip("rawpy", reason="needs the extra raw")


@pytest.mark.parametrize("pattern", ["rggb", "grbg", "gbrg", "bggr"])
def test_the_network_is_nearer_than_the_library(
    scene: np.ndarray, tmp_path: Path, pattern: str
) -> None:
    path = dng(tmp_path / "scene.dng", scene, pattern)
    raw = read_raw(path)
    assert raw is not None
    assert raw.pattern == pattern
    assert raw.white_balance == pytest.approx((2.0, 1.0, 1.6), rel=0.01)
    ours = develop(load_restorer("demosaic"), raw)
    assert ours.pixels.dtype == np.uint16
    inner = (slice(8, -8), slice(8, -8))
    scores = {
        name: psnr(scene[inner], library_demosaic(path, name).pixels[inner] / 257)
        for name in ("AHD", "DHT")
    }
    mine = psnr(scene[inner], ours.pixels[inner] / 257)
    assert mine > max(scores.values()) + 1, scores
    assert mine > 33


def test_colours_and_levels_are_those_of_the_picture(tmp_path: Path) -> None:
    flat = np.full((64, 64, 3), (180, 120, 60), np.uint8)
    raw = read_raw(dng(tmp_path / "flat.dng", flat))
    assert raw is not None
    developed = develop(load_restorer("demosaic", dtype="float32"), raw).pixels / 257
    assert np.abs(developed[8:-8, 8:-8].reshape(-1, 3).mean(axis=0) - flat[0, 0]).max() < 1.0


@pytest.mark.parametrize(
    ("orientation", "size"), [(1, (64, 96)), (3, (64, 96)), (6, (96, 64)), (8, (96, 64))]
)
def test_orientation(tmp_path: Path, orientation: int, size: tuple[int, int]) -> None:
    picture = photo(64, 96)
    path = dng(tmp_path / "turned.dng", picture, orientation=orientation)
    raw = read_raw(path)
    assert raw is not None
    developed = develop(load_restorer("demosaic"), raw)
    assert developed.size == size
    turned = {1: picture, 3: picture[::-1, ::-1], 6: np.rot90(picture, -1), 8: np.rot90(picture)}
    assert psnr(turned[orientation], developed.pixels / 257) > 25


def test_from_the_command_line(scene: np.ndarray, tmp_path: Path) -> None:
    folder = tmp_path / "card"
    folder.mkdir()
    for name in ("one.dng", "two.DNG"):
        dng(folder / name, scene[:96, :128])
    (folder / "broken.nef").write_bytes(b"II*\0" + bytes(100))
    command = [sys.executable, "-m", "rnan", "demosaic", str(folder), "-o", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 3, done.stderr
    assert "broken.nef is no camera raw that can be read" in done.stderr
    assert "camera raw, RGGB" in done.stdout
    for name in ("one.tif", "two.tif"):
        back = read(tmp_path / "out" / name)
        assert back.pixels.dtype == np.uint16
        assert back.metadata.icc is not None
        assert b"Maker" in (back.metadata.exif or b"")
    with pytest.raises(InputError, match="rnan demosaic makes a picture of it"):
        read(folder / "one.dng")


def x_trans(path: Path) -> Path:
    """A raw file of a sensor with another pattern than Bayer's."""
    pattern = "ggrggbggbggrbrgrbgggbggrggrggbrbgbrg"
    pixels = photo(96, 96)
    light = linear(pixels)
    values = np.empty((96, 96))
    for place, letter in enumerate(pattern):
        rows, columns = slice(place // 6, None, 6), slice(place % 6, None, 6)
        values[rows, columns] = light[rows, columns, CODES[letter]]
    extra = [
        (271, "s", 0, "Fujifilm", True),
        (272, "s", 0, "X", True),
        (33421, "H", 2, (6, 6), True),
        (33422, "B", 36, bytes(CODES[letter] for letter in pattern), True),
        (50706, "B", 4, bytes((1, 4, 0, 0)), True),
        (50708, "s", 0, "Fujifilm X", True),
        (50717, "H", 1, WHITE, True),
    ]
    samples = np.rint(values * WHITE).astype(np.uint16)
    tifffile.imwrite(
        path, samples, photometric=32803, metadata=None, extratags=extra, software=False
    )
    return path


def test_other_sensors_are_left_to_the_library(tmp_path: Path) -> None:
    path = x_trans(tmp_path / "x.dng")
    assert read_raw(path) is None
    command = [sys.executable, "-m", "rnan", "demosaic", str(path), "-o", str(tmp_path / "x.tif")]
    strict = subprocess.run([*command, "--strict"], capture_output=True, text=True)
    assert (strict.returncode, "not from a Bayer sensor" in strict.stderr) == (1, True)
    assert not (tmp_path / "x.tif").exists()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "demosaiced by LibRaw" in done.stderr
    assert read(tmp_path / "x.tif").size == (96, 96)


@pytest.mark.parametrize("length", [0, 1, 8, 60, 200, 1000])
def test_damaged_raw(tmp_path: Path, length: int) -> None:
    whole = dng(tmp_path / "a.dng", photo(64, 64)).read_bytes()
    (tmp_path / "b.dng").write_bytes(whole[:length])
    with pytest.raises(InputError) as caught:
        read_raw(tmp_path / "b.dng")
    assert "\n" not in str(caught.value)


@pytest.mark.without_rawpy
def test_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    (tmp_path / "a.dng").write_bytes(b"II*\0")
    with pytest.raises(MissingExtraError, match=r"rnan\[raw\]"):
        read_raw(tmp_path / "a.dng")


def linear_dng(path: Path, brightest: int) -> Path:
    """Values of a sensor that were demosaiced already, with a bright patch."""
    values = np.full((64, 96, 3), 4000, np.uint16)
    values[20:30, 20:40] = brightest
    unit = tuple(part for value in np.eye(3).ravel() for part in (int(value), 1))
    extra = [
        (50706, "B", 4, bytes((1, 4, 0, 0)), True),
        (50708, "s", 0, "Maker Model", True),
        (50714, "H", 3, (0, 0, 0), True),
        (50717, "H", 3, (16383,) * 3, True),
        (50721, "2i", 9, unit, True),
        (50728, "2I", 3, (1, 1) * 3, True),
        (50778, "H", 1, 21, True),
    ]
    tifffile.imwrite(path, values, photometric=34892, metadata=None, extratags=extra)
    return path


def test_the_brightest_sample_does_not_say_how_bright_the_rest_is(tmp_path: Path) -> None:
    """LibRaw stretches to the brightest sample where it lies near white, unless told not to."""
    shown = [
        library_demosaic(linear_dng(tmp_path / f"{brightest}.dng", brightest)).pixels[40:, 50:]
        for brightest in (9000, 11_000, 13_000, 16_000)
    ]
    for one in shown[1:]:
        assert np.array_equal(one, shown[0])
