"""``rnan inspect`` and ``rnan auto``: what a picture went through, and doing what it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import auto, photo, rnan
from rnan.degradations.mosaic import PATTERNS, mosaic
from rnan.degradations.noise import noisy
from rnan.estimation.mosaic import mosaic_pattern
from rnan.evaluation.metrics import psnr
from rnan.images import Picture, read, write
from rnan.pipeline.inspection import inspect


def saved(path: Path, pixels: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def with_noise(pixels: np.ndarray, sigma: float) -> np.ndarray:
    lq = noisy(pixels.astype(np.float64), sigma, name="x")
    return np.clip(np.rint(lq), 0, 255).astype(np.uint8)


def test_a_clean_picture_is_left_alone(tmp_path: Path) -> None:
    source = saved(tmp_path / "clean.png", photo(200, 240))
    found = inspect(read(source))
    assert found.steps == []
    assert "none to speak of" in " ".join(found.sentences())
    said = rnan("inspect", source)
    assert "nothing to do" in said.stdout
    assert "240 x 200 pixels (0.0 megapixels), colour, 8 bits a channel" in said.stdout
    done = rnan("auto", source, "-o", tmp_path / "out.png")
    assert "clean, left alone" in done.stdout
    assert np.array_equal(read(tmp_path / "out.png").pixels, photo(200, 240))


def test_a_clean_jpeg_is_not_compressed_anew(tmp_path: Path) -> None:
    source = tmp_path / "clean.jpg"
    Image.fromarray(photo(200, 240)).save(source, quality=97, subsampling=0)
    for name, same, more in (
        ("same.jpeg", True, ()),
        ("asked.jpg", False, ("--jpeg-quality", "90")),
        ("other.webp", False, ()),
    ):
        done = rnan("auto", source, "-o", tmp_path / name, *more)
        assert "clean, left alone" in done.stdout
        assert ((tmp_path / name).read_bytes() == source.read_bytes()) == same
    assert np.array_equal(read(tmp_path / "other.webp").pixels, read(source).pixels)


def test_folders_and_bad_files(tmp_path: Path) -> None:
    folder = tmp_path / "some pictures"
    for name in ("a.png", "deep/c.png"):
        saved(folder / name, photo(60, 70))
    (folder / "b.png").write_text("no picture")
    (folder / "d.dng").write_text("camera raw")
    done = rnan("inspect", folder, "--json")
    assert done.returncode == 3
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["path"] == str(folder / "a.png")
    assert f"{folder / 'b.png'} is not a picture" in done.stderr
    assert f"{folder / 'd.dng'} is no camera raw that can be read" in done.stderr
    assert "2 of 3 pictures failed" in done.stderr
    deeper = rnan("inspect", folder / "**" / "c.png", folder, "--recursive", "--json")
    assert len(deeper.stdout.splitlines()) == 3


def test_a_noisy_picture(tmp_path: Path) -> None:
    source = saved(tmp_path / "noisy picture.png", with_noise(photo(200, 240), 20))
    found = inspect(read(source))
    assert [step.restoration for step in found.steps] == ["denoise"]
    assert found.sigma == pytest.approx(20, abs=2)
    said = rnan("inspect", source)
    assert f"rnan denoise '{source}' -o restored.png" in said.stdout
    done = rnan("auto", source, "-o", tmp_path / "out.png")
    assert "denoised at sigma 2" in done.stdout or "denoised at sigma 19" in done.stdout
    before, after = (
        psnr(photo(200, 240), one.pixels) for one in (read(source), read(tmp_path / "out.png"))
    )
    assert after > before + 5


def test_one_page_of_a_file_with_a_name_like_an_option(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [Image.fromarray(with_noise(photo(96, 96, seed=n), 20)) for n in range(2)]
    pages[0].save(tmp_path / "-n.tif", save_all=True, append_images=pages[1:])
    monkeypatch.chdir(tmp_path)
    assert "--frame 1 takes the first" in rnan("inspect", "./-n.tif").stderr
    said = rnan("inspect", "./-n.tif", "--frame", "2").stdout
    (line,) = (line for line in said.splitlines() if "rnan denoise" in line)
    assert line.split()[2:4] == ["./-n.tif", "-o"]
    assert line.endswith("--frame 2")


def test_a_noisy_jpeg_is_repaired_and_then_denoised(tmp_path: Path) -> None:
    source = saved(tmp_path / "a.jpg", with_noise(photo(200, 240), 25), quality=60)
    found = inspect(read(source))
    assert found.is_jpeg
    assert (found.quality, found.subsampling) == (60, "4:2:0")
    assert [step.restoration for step in found.steps] == ["dejpeg", "denoise"]
    restored, said = auto(read(source))
    assert said[0] == "repaired from quality 60"
    assert restored.size == (200, 240)
    assert psnr(photo(200, 240), restored.pixels) > psnr(photo(200, 240), read(source).pixels) + 1


def test_a_jpeg_that_was_saved_again(tmp_path: Path) -> None:
    first = saved(tmp_path / "a.jpg", photo(200, 240), quality=20)
    source = saved(tmp_path / "a.png", read(first).pixels)
    found = inspect(read(source))
    assert not found.is_jpeg
    assert abs(found.quality - 20) <= 3
    commands = found.commands(source)
    assert f"--quality {found.quality}" in commands[0]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_mosaics_are_recognised(pattern: str, tmp_path: Path) -> None:
    zero_filled = mosaic(photo(120, 160).astype(np.float64), pattern).astype(np.uint8)
    assert mosaic_pattern(zero_filled) == pattern
    plane = zero_filled.sum(axis=2, keepdims=True, dtype=np.uint8)
    assert pattern in (mosaic_pattern(plane) or "").split(" or ")
    source = tmp_path / "mosaic.png"
    write(Picture(pixels=zero_filled), source)
    done = rnan("demosaic", source, "-o", tmp_path / "out.png")
    assert done.returncode == 0, done.stderr
    assert pattern.upper() in done.stdout
    write(Picture(pixels=plane), source, overwrite=True)
    for command in ("demosaic", "auto") if pattern == "grbg" else ("demosaic",):
        unclear = rnan(command, source, "-o", tmp_path / "two.png")
        assert (unclear.returncode, "say its pattern" in unclear.stderr) == (1, True)


def test_pictures_are_no_mosaics(data: Path) -> None:
    files = sorted((data / "test" / "kodak24").glob("*.png"))[:8]
    for path in files:
        pixels = read(path).pixels
        assert mosaic_pattern(pixels) is None
        assert mosaic_pattern(pixels[:, :, 1:2]) is None
    assert mosaic_pattern(with_noise(photo(64, 64), 40)[:, :, :1]) is None
    assert mosaic_pattern(np.zeros((64, 64, 3), np.uint8)) is None
    assert mosaic_pattern(np.zeros((64, 64, 1), np.uint8)) is None


def test_what_is_said_as_json(tmp_path: Path) -> None:
    icc = __import__("test_metadata").matrix_profile("Display P3")
    Image.fromarray(photo(40, 50)).save(tmp_path / "p3.png", icc_profile=icc)
    done = rnan("inspect", tmp_path / "p3.png", "--json")
    facts = json.loads(done.stdout)
    assert facts["profile"] == "Display P3"
    assert (facts["height"], facts["width"], facts["depth"]) == (40, 50, 8)
    bad = rnan("inspect", tmp_path / "missing.png")
    assert (bad.returncode, bad.stderr.count("\n")) == (1, 1)


def test_gray_and_deep_pictures() -> None:
    gray = Picture(pixels=with_noise(photo(200, 240, channels=1), 15))
    found = inspect(gray)
    assert found.is_gray
    assert [step.restoration for step in found.steps] == ["denoise"]
    deep = Picture(pixels=(photo(64, 64).astype(np.uint16) * 257))
    assert inspect(deep).depth == 16
    restored, _ = auto(gray)
    assert restored.is_gray


@pytest.mark.parametrize("dither", [Image.Dither.NONE, Image.Dither.FLOYDSTEINBERG])
def test_two_values_are_no_mosaic(tmp_path: Path, dither: Image.Dither) -> None:
    pixels = np.asarray(
        Image.fromarray(photo(96, 120, channels=1)[:, :, 0]).convert("1", dither=dither)
    )
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert not inspect(read(tmp_path / "a.png")).mosaic
    ordered = np.kron(photo(48, 60, channels=1)[:, :, 0] > 128, np.array([[1, 0], [0, 1]]))
    assert mosaic_pattern((255 * ordered).astype(np.uint8)[:, :, None]) is None


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_formats_that_hide_noise_are_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    Image.fromarray(photo(96, 120)).save(path, kind, quality=80)
    assert "compression hides it" in inspect(read(path)).sentences()[-1]
    Image.fromarray(photo(96, 120)).save(tmp_path / "a.png")
    assert "hides it" not in inspect(read(tmp_path / "a.png")).sentences()[-1]


def test_standard_input(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", photo(40, 48))
    command = [sys.executable, "-m", "rnan", "inspect", "-"]
    done = subprocess.run(command, input=path.read_bytes(), capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines()[0] == "-"
    assert b"48 x 40 pixels" in done.stdout
    with_others = rnan("inspect", "-", path)
    assert (with_others.returncode, "stands alone" in with_others.stderr) == (1, True)


@pytest.mark.parametrize("quality", [20, 60])
def test_denoise_says_that_the_damage_is_jpeg(tmp_path: Path, quality: int) -> None:
    source = tmp_path / "a.jpg"
    Image.fromarray(photo(200, 240)).save(source, quality=quality)
    done = rnan("denoise", source, "-o", tmp_path / "b.png")
    assert done.returncode == 0
    assert f"a JPEG of quality {quality}: try rnan dejpeg" in done.stderr
    assert "try rnan" not in rnan("dejpeg", source, "-o", tmp_path / "c.png").stderr
    assert "try rnan" not in rnan("denoise", source, "-o", tmp_path / "d.png", "--sigma", 5).stderr


def test_dejpeg_says_that_the_damage_is_noise(tmp_path: Path) -> None:
    noisy = photo(200, 240) + 15 * np.random.default_rng(0).standard_normal((200, 240, 3))
    source = tmp_path / "a.jpg"
    Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8)).save(source, quality=97)
    done = rnan("dejpeg", source, "-o", tmp_path / "b.png")
    assert "but noise of sigma 1" in done.stderr
    assert "try rnan denoise" in done.stderr
    assert "try rnan" not in rnan("denoise", source, "-o", tmp_path / "c.png").stderr


def test_a_clean_picture_gets_no_advice(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    Image.fromarray(photo(200, 240)).save(source)
    for command in ("denoise", "dejpeg"):
        done = rnan(command, source, "-o", tmp_path / f"{command}.png")
        assert "try rnan" not in done.stderr
