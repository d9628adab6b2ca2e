"""Linear DNGs: what is written is what other programs read, with the colours of the original."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

import raws
from conftest import photo
from conftest import rnan as run
from raws import dng
from rnan.images import read
from rnan.images.raw import read_raw

NOISE = (2e-5, 1e-7)
CROP = [(raws.CROP_ORIGIN, "I", 2, (9, 6)), (raws.CROP_SIZE, "I", 2, (360, 240))]


@pytest.fixture
def scene(data: Path) -> np.ndarray:
    return read(data / "test" / "kodak24" / "kodim08.png").pixels[100:356, 200:584]


def restored(path: Path, *more: str) -> Path:
    """A linear DNG of a raw file."""
    target = path.with_name(f"{path.stem}-clean.dng")
    done = run("demosaic", path, "-o", target, *more)
    assert done.returncode == 0, done.stderr
    return target


def test_it_is_developed_as_the_raw_itself(scene: np.ndarray, tmp_path: Path) -> None:
    profile = (raws.NOISE_PROFILE, "d", 2, (1.6e-3, 4e-5))
    path = dng(tmp_path / "a.dng", scene, noise=(1.6e-3, 4e-5), more=[profile, *CROP])
    target = restored(path)
    again = run("demosaic", target, "-o", tmp_path / "again.tif", "--noise", "0,0")
    once = run("demosaic", path, "-o", tmp_path / "once.tif")
    assert (again.returncode, once.returncode) == (0, 0)
    one, other = (read(tmp_path / f"{name}.tif").pixels / 257.0 for name in ("again", "once"))
    assert one.shape == other.shape == (240, 360, 3)
    assert np.abs(one - other).max() < 3.0
    assert np.abs(one - other).mean() < 0.1


def test_what_it_says(scene: np.ndarray, tmp_path: Path) -> None:
    more = [(raws.EXPOSURE, "2i", 1, (1, 2)), (50732, "2I", 1, (3, 2)), *CROP]
    path = dng(tmp_path / "a.dng", scene, orientation=6, more=more)
    raw = read_raw(restored(path, "--noise", "1e-3,1e-5", "--strength", "0.5"))
    before = read_raw(path)
    assert not raw.is_mosaic
    assert (raw.crop, raw.orientation, raw.exposure) == ((6, 9, 246, 369), 6, 0.5)
    assert raw.white_balance == pytest.approx(before.white_balance, rel=1e-5)
    assert raw.xyz_to_camera == pytest.approx(before.xyz_to_camera, abs=1e-5)
    assert raw.camera == "Maker Model"
    assert raw.profile is not None
    assert raw.profile.photon == pytest.approx((2.5e-4,) * 3)
    with tifffile.TiffFile(restored(path, "--noise", "1e-3,1e-5", "--overwrite")) as file:
        preview = file.pages[0].aspage()
        whole = preview.pages[0].aspage()
        assert preview.tags[50732].value == (3, 2)
        assert max(preview.imagewidth, preview.imagelength) <= 1024
        assert whole.tags[50935].value == (10**6, 10**6)  # NoiseReductionApplied
        stops = np.log2(raws.linear(preview.asarray()).mean() / raws.linear(scene).mean())
        assert stops == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("name", ["Kamera ß", ""])
def test_names_that_tiff_does_not_hold(tmp_path: Path, name: str) -> None:
    more = [(272, "s", 0, name.encode("latin-1") or b" ")]
    path = dng(tmp_path / "a.dng", photo(64, 96), without=(50708, 271), more=more)
    assert read_raw(restored(path)).size == (64, 96)


def test_a_camera_without_a_matrix_keeps_its_looks(tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng", photo(64, 96), without=(raws.MATRIX,))
    target = restored(path, "--noise", "0,0")
    for name, source in (("a", path), ("b", target)):
        run("demosaic", source, "-o", tmp_path / f"{name}.tif", "--noise", "0,0")
    one, other = (read(tmp_path / f"{name}.tif").pixels / 257.0 for name in "ab")
    assert np.abs(one - other)[4:-4, 4:-4].max() < 1.0


def test_highlights_beyond_white(tmp_path: Path) -> None:
    """Of a merge in floating point they are kept, and the picture is as bright as before."""
    light = raws.samples(photo(64, 96)).astype(np.float32)
    light[20:30, 20:30] *= 6.0
    levels = [(raws.BLACK_LEVEL, "H", 1, 0), (raws.WHITE_LEVEL, "I", 1, 1)]
    path = raws.write_dng(tmp_path / "a.dng", light, more=levels)
    raw = read_raw(restored(path, "--noise", "0,0"))
    brighter = raw.samples * 2.0**raw.exposure
    assert brighter.max() > 1.5
    assert brighter[:, 48:, 1].mean() == pytest.approx(light[:, 48:][::2, 1::2].mean(), rel=0.05)


def test_it_replaces_nothing_unasked(tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng", photo(64, 96))
    (tmp_path / "b.dng").write_bytes(b"mine")
    done = run("demosaic", path, "-o", tmp_path / "b.dng")
    assert done.returncode == 1
    assert "b.dng exists" in done.stderr
    assert (tmp_path / "b.dng").read_bytes() == b"mine"
    assert run("demosaic", path, "-o", path, "--overwrite").returncode == 1
    Image.fromarray(photo(64, 96)).save(tmp_path / "c.jpg")
    done = run("denoise", tmp_path / "c.jpg", "-o", tmp_path / "c.dng")
    assert "only camera raw can be written as DNG" in done.stderr
    assert not (tmp_path / "c.dng").exists()


def by_library(path: Path, folder: Path) -> np.ndarray:
    rawpy = pytest.importorskip("rawpy", reason="needs rawpy")
    with rawpy.imread(str(path)) as raw:
        return raw.postprocess(use_camera_wb=True, no_auto_bright=True, adjust_maximum_thr=0.0)


def by_darktable(path: Path, folder: Path) -> np.ndarray:
    out, config = folder / f"dt-{path.stem}.png", folder / "config"
    command = ["darktable-cli", str(path), str(out), "--core", "--library", ":memory:"]
    command += ["--configdir", str(config), "--conf", "plugins/darkroom/workflow=none"]
    environment = {**os.environ, "HOME": str(folder)}
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=300)
    return np.asarray(Image.open(out).convert("RGB"))


def by_rawtherapee(path: Path, folder: Path) -> np.ndarray:
    out = folder / f"rt-{path.stem}.tif"
    command = ["rawtherapee-cli", "-o", str(out), "-t", "-b8", "-Y", "-c", str(path)]
    environment = {**os.environ, "HOME": str(folder)}
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=300)
    return tifffile.imread(out)[..., :3]


PROGRAMS: dict[str, Callable[[Path, Path], np.ndarray]] = {
    "rawpy": by_library,
    "darktable-cli": by_darktable,
    "rawtherapee-cli": by_rawtherapee,
}


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_other_programs_see_the_colours_of_the_original(
    data: Path, tmp_path: Path, program: str
) -> None:
    """Less than 2 of 255 apart in the mean, no hot border, the right size."""
    if program != "rawpy" and shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    whole = read(data / "test" / "kodak24" / "kodim03.png").pixels[8:-8, 8:-8]
    path = dng(tmp_path / "a.dng", whole, noise=NOISE)
    develop = PROGRAMS[program]
    theirs, ours = (develop(one, tmp_path).astype(float) for one in (path, restored(path)))
    assert ours.shape == whole.shape
    down, across = ((a - b) // 2 for a, b in zip(ours.shape, theirs.shape, strict=True) if a > 3)
    inside = ours[down : down + theirs.shape[0], across : across + theirs.shape[1]]
    assert np.abs(inside - theirs)[8:-8, 8:-8].mean() < 2.0
    edges = np.concatenate([ours[0], ours[-1], ours[:, 0], ours[:, -1]]).mean(axis=0)
    near = np.concatenate([ours[4], ours[-5], ours[:, 4], ours[:, -5]]).mean(axis=0)
    assert np.abs(edges - near).max() < 4.0


@pytest.mark.slow
def test_exiftool_finds_nothing_wrong(scene: np.ndarray, tmp_path: Path) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("needs exiftool")
    target = restored(dng(tmp_path / "a.dng", scene, noise=NOISE))
    command = ["exiftool", "-validate", "-warning", "-error", "-a", str(target)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split(":")[1].strip() == "OK", said
