"""What is no photograph says nothing of noise or JPEG, whoever asks."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from conftest import auto
from conftest import rnan as run
from rnan.degradations.jpeg import compress
from rnan.estimation import Traces
from rnan.estimation.photographic import photographic
from rnan.evaluation.metrics import psnr
from rnan.images import Picture, decode, read
from rnan.inference.restorers import Restorers
from rnan.pipeline.inspection import inspect

SIGMA = 20.0


def hills(height: int, width: int) -> np.ndarray:
    """Smooth, neither black nor burnt out."""
    y, x = np.mgrid[0:height, 0:width] / 60.0
    planes = [128 + 60 * np.sin(a * x + 0.7 * y) for a in (1.0, 1.3, 0.8)]
    return np.stack(planes, axis=-1)


def noisy(height: int = 160, width: int = 160, sigma: float = SIGMA) -> np.ndarray:
    draws = np.random.default_rng(0).standard_normal((height, width, 3))
    return np.clip(np.rint(hills(height, width) + sigma * draws), 0, 255).astype(np.uint8)


def cut_out() -> Picture:
    pixels, alpha = np.zeros((400, 400, 3), np.uint8), np.zeros((400, 400), np.uint8)
    pixels[120:280, 120:280], alpha[120:280, 120:280] = noisy(), 255
    return Picture(pixels=pixels, alpha=alpha)


def bordered(value: tuple[int, int, int]) -> Picture:
    pixels = np.full((400, 400, 3), value, np.uint8)
    pixels[120:280, 120:280] = noisy()
    return Picture(pixels=pixels)


def letterboxed() -> Picture:
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[50:250] = noisy(200, 400)
    return Picture(pixels=pixels)


def captioned() -> Picture:
    pixels = noisy(300, 300)
    pixels[200:260, 20:280] = (240, 240, 235)
    pixels[225:230, 40:200:3] = 20
    return Picture(pixels=pixels)


def burnt_out() -> Picture:
    pixels = noisy(300, 300)
    pixels[:150, :200] = 255
    return Picture(pixels=pixels)


def hidden_noise() -> Picture:
    """Clean where it is seen, strong noise where it is not."""
    pixels = hills(300, 300).astype(np.uint8)
    alpha = np.full((300, 300), 255, np.uint8)
    alpha[:200] = 0
    pixels[:200] = np.random.default_rng(0).integers(0, 256, (200, 300, 3))
    return Picture(pixels=pixels, alpha=alpha)


PICTURES = {
    "cut out": (cut_out(), SIGMA),
    "white border": (bordered((255, 255, 255)), SIGMA),
    "gray border": (bordered((117, 120, 125)), SIGMA),
    "letterbox": (letterboxed(), SIGMA),
    "caption": (captioned(), SIGMA),
    "burnt out": (burnt_out(), SIGMA),
    "hidden noise": (hidden_noise(), 0.0),
}


@pytest.mark.parametrize("name", PICTURES)
def test_everybody_says_the_same_and_the_right_thing(name: str) -> None:
    picture, sigma = PICTURES[name]
    told = np.max(Restorers("denoise")(picture).estimate(picture))
    assert told == pytest.approx(sigma, abs=max(1.5, 0.08 * sigma))
    assert inspect(picture).sigma == pytest.approx(told, abs=0.5)
    _, done = auto(picture)
    assert bool(done) == bool(sigma)


@pytest.mark.parametrize("name", ["white border", "letterbox", "caption"])
def test_what_is_no_photograph_is_told_to_have_no_noise(name: str) -> None:
    """So that it stays as it is, and noise ends where it does."""
    picture, sigma = PICTURES[name]
    level = Restorers("denoise")(picture).estimate(picture)
    assert isinstance(level, np.ndarray)
    even = (picture.pixels == picture.pixels[0, 0]).all(axis=2) if name != "caption" else level == 0
    assert even.any()
    assert (level[even] == 0).all()
    assert level.max() == pytest.approx(sigma, rel=0.08)
    restored, done = auto(picture)
    assert done == [f"denoised at sigma {level.max():.0f}"]
    moved = np.abs(restored.pixels.astype(int) - picture.pixels).max(axis=2)
    assert (moved[even] <= 2).mean() > 0.9


def test_a_letterbox_round_a_jpeg() -> None:
    pixels = letterboxed().pixels
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=80)
    assert inspect(decode(buffer.getvalue())).sigma == pytest.approx(SIGMA, rel=0.15)


@pytest.mark.parametrize(("top", "left"), [(40, 24), (43, 29)])
def test_quality_and_grid_of_what_stands_in_a_border(top: int, left: int) -> None:
    clean = hills(200, 240) + 12 * np.random.default_rng(0).standard_normal((25, 30, 1)).repeat(
        8, axis=0
    ).repeat(8, axis=1)
    inside = compress(np.clip(np.rint(clean), 0, 255), 40)
    pixels = np.full((320, 360, 3), 250.0)
    pixels[top : top + 200, left : left + 240] = inside
    traces = Traces(pixels, clipped=True)
    assert abs(traces.quality - 40) <= 2
    assert traces.grid == (top % 8, left % 8)


@pytest.mark.parametrize("size", [11, 16, 30])
@pytest.mark.parametrize("ground", [(255, 255, 255), (30, 34, 40)])
def test_text_is_no_noise(size: int, ground: tuple[int, int, int]) -> None:
    page = Image.new("RGB", (400, 300), ground)
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(size)
    for row in range(5, 290, size + 4):
        pen.text((6, row), "What a screen shows, word for word, 0123456789", (120, 130, 140), font)
    assert inspect(Picture(pixels=np.asarray(page))).sigma < 2.0


def test_all_of_one_colour_or_nothing_to_see() -> None:
    flat = np.full((64, 64, 3), 90, np.uint8)
    assert inspect(Picture(pixels=flat)).sigma == 0.0
    unseen = Picture(pixels=noisy(64, 64), alpha=np.zeros((64, 64), np.uint8))
    assert np.isfinite(inspect(unseen).sigma)
    assert photographic(flat.astype(float)) is not None
    assert photographic(noisy().astype(float)) is None


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_jpegs_of_fewer_than_eight_rows(tmp_path: Path, rows: int) -> None:
    for name, size in (("low", (rows, 200)), ("narrow", (200, rows))):
        source = tmp_path / f"{name}.jpg"
        Image.fromarray(noisy(*size)).save(source, "JPEG", quality=60)
        for command in ("denoise", "dejpeg", "auto"):
            target = tmp_path / f"{name}-{command}.png"
            ended = run(command, source, "-o", target)
            assert ended.returncode == 0, ended.stderr
            assert read(target).size == size
        assert run("inspect", source).returncode == 0


@pytest.mark.parametrize(("name", "quality"), [("kodim13", 35), ("kodim13", 50), ("kodim14", 45)])
def test_texture_under_jpeg_is_no_noise(data: Path, name: str, quality: int) -> None:
    """What ``auto`` does to clean JPEGs is at most 0.1 dB worse than their repair alone."""
    loss = behind_repair(data / "test" / "kodak24" / f"{name}.png", quality)
    assert loss <= 0.1


@pytest.mark.bars
def test_texture_under_jpeg_is_no_noise_in_any_picture(data: Path) -> None:
    files = sorted((data / "test" / "kodak24").glob("*.png"))
    assert len(files) == 24
    losses = [behind_repair(file, quality) for file in files for quality in range(10, 61, 10)]
    assert max(losses) <= 0.1


def behind_repair(file: Path, quality: int) -> float:
    buffer = io.BytesIO()
    Image.open(file).convert("RGB").save(buffer, "JPEG", quality=quality)
    picture, clean = decode(buffer.getvalue()), read(file).pixels.astype(float)
    repaired = Restorers("dejpeg")(picture)(picture)
    restored, done = auto(picture)
    if len(done) == 1:
        return 0.0  # the same
    return psnr(clean, repaired.pixels.astype(float)) - psnr(clean, restored.pixels.astype(float))
