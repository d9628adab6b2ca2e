"""Pictures that are gray though they have three channels: restored as gray, back with three."""

from __future__ import annotations

import io

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from conftest import auto, photo
from rnan.api import load_restorer
from rnan.images import Picture, decode
from rnan.images.colour import is_gray, is_toned, one_channel
from rnan.images.write import encode
from rnan.inference.restorers import Restorers
from rnan.pipeline.inspection import inspect


def noisy_gray(sigma: float = 25.0) -> np.ndarray:
    clean = photo(160, 160, channels=1)[:, :, 0]
    draws = np.random.default_rng(0).standard_normal(clean.shape)
    return np.clip(np.rint(clean + sigma * draws), 0, 255).astype(np.uint8)


def tripled(gray: np.ndarray) -> np.ndarray:
    return np.repeat(gray[:, :, None], 3, axis=2)


def jpeg(pixels: np.ndarray, quality: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return decode(buffer.getvalue())


@pytest.mark.parametrize("restoration", ["denoise", "dejpeg", "upscale"])
def test_three_equal_channels_take_the_gray_road(restoration: str) -> None:
    gray = noisy_gray()
    restorers = Restorers(restoration)
    one = Picture(pixels=gray[:, :, None])
    three = Picture(pixels=tripled(gray))
    assert restorers(three) is restorers(one)
    level = {"denoise": 25, "dejpeg": 20, "upscale": 2}[restoration]
    expected = restorers(one)(one, level=level).pixels
    got = restorers(three)(three, level=level).pixels
    assert np.array_equal(got, np.repeat(expected, 3, axis=2))


def test_arrays_tensors_and_pil_too() -> None:
    gray = noisy_gray()
    restorer = load_restorer("denoise-gray")
    expected = restorer(gray, level=25)
    assert np.array_equal(restorer(tripled(gray), level=25), tripled(expected))
    assert np.array_equal(
        np.asarray(restorer(Image.fromarray(tripled(gray)), level=25)), tripled(expected)
    )
    tensor = torch.from_numpy(tripled(gray)).permute(2, 0, 1)
    assert torch.equal(
        restorer(tensor, level=25), torch.from_numpy(tripled(expected)).permute(2, 0, 1)
    )
    deep = tripled(gray).astype(np.uint16) * 257
    restored = restorer(deep, level=25)
    assert restored.dtype == np.uint16
    assert (np.ptp(restored, axis=2) == 0).all()


def test_a_batch_may_hold_both() -> None:
    gray = torch.from_numpy(tripled(noisy_gray())).permute(2, 0, 1)
    colour = torch.from_numpy(photo(160, 160)).permute(2, 0, 1)
    restored = load_restorer("denoise-color")(torch.stack([gray, colour]), level=25)
    assert (restored[0] == restored[0, :1]).all()
    assert not (restored[1] == restored[1, :1]).all()


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
def test_auto_gives_three_equal_channels_back(file_format: str) -> None:
    picture = decode(encode(Picture(pixels=tripled(noisy_gray())), file_format))
    restored, done = auto(picture)
    assert done
    assert restored.pixels.shape == picture.pixels.shape
    assert (np.ptp(restored.pixels, axis=2) == 0).all()


@pytest.mark.parametrize("quality", [75, 92])
def test_noise_under_jpeg_is_told_as_that_of_gray(quality: int) -> None:
    gray = noisy_gray(20)
    as_gray, as_colour = (jpeg(pixels, quality) for pixels in (gray, tripled(gray)))
    found = inspect(as_colour)
    assert found.is_gray
    assert found.sigma == pytest.approx(inspect(as_gray).sigma, rel=0.02)
    assert found.sigma == pytest.approx(20, rel=0.15)


def test_colour_that_nobody_sees_makes_no_colour_picture() -> None:
    pixels, alpha = tripled(noisy_gray()), np.full((160, 160), 255, np.uint8)
    pixels[:40], alpha[:40] = (255, 0, 80), 0
    picture = Picture(pixels=pixels, alpha=alpha)
    restorer = Restorers("denoise")(picture)
    assert restorer.task.name == "denoise-gray"
    restored = restorer(picture, level=25)
    assert (np.ptp(restored.pixels[40:], axis=2) == 0).all()
    assert inspect(picture).is_gray
    assert not Picture(pixels=pixels).looks_gray


def test_faint_toning_stays_colour() -> None:
    toned = np.clip(tripled(noisy_gray(0)) + np.array([1, 0, -1]), 0, 255).astype(np.uint8)
    assert not is_gray(toned)
    restored = Restorers("denoise")(Picture(pixels=toned))(toned, level=5)
    apart = restored.astype(int)[:, :, 0] - restored[:, :, 2]
    assert 1.0 < apart.mean() < 3.0


def test_what_compression_leaves_of_gray_is_gray() -> None:
    nearly = tripled(noisy_gray(0)).astype(int)
    nearly[::7, ::5, 0] += 2
    assert is_gray(np.clip(nearly, 0, 255).astype(np.uint8))
    assert not is_gray(np.clip(nearly, 0, 255).astype(np.uint16))  # of 16 bits they must be equal
    nearly[3, 3, 0] += 9  # one coloured pixel is colour
    assert not is_gray(np.clip(nearly, 0, 255).astype(np.uint8))
    assert one_channel(tripled(noisy_gray(0))).shape == (160, 160, 1)


def test_a_mosaic_of_three_channels_is_no_gray_picture() -> None:
    black = np.zeros((64, 64, 3), np.uint8)
    assert load_restorer("demosaic")(black, level="grbg").shape == (64, 64, 3)


@pytest.mark.parametrize("tone", [(1.0, 0.9, 0.7), (1.0, 0.98, 0.95)])
@pytest.mark.parametrize("quality", [None, 80, 96])
def test_noise_of_toned_pictures(tone: tuple[float, float, float], quality: int | None) -> None:
    """Sepia and tinted gray: the noise of all channels is one."""
    values = noisy_gray(20)[:, :, None] * np.array(tone)
    pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    picture = Picture(pixels=pixels) if quality is None else jpeg(pixels, quality)
    assert not picture.looks_gray
    assert inspect(picture).sigma == pytest.approx(20, rel=0.2)
    restored, done = auto(picture)
    assert any("denoised" in one for one in done)
    clean = np.clip(np.rint(photo(160, 160, channels=1) * np.array(tone)), 0, 255)
    before, after = (np.abs(one.astype(float) - clean).mean() for one in (pixels, restored.pixels))
    assert after < 0.4 * before


def test_photographs_are_not_toned() -> None:
    assert not is_toned(photo(160, 160))
    assert not is_toned(skimage.data.coffee())
    assert not is_toned(skimage.data.astronaut())


def test_a_clean_toned_photograph_is_left_alone() -> None:
    clean = skimage.data.camera()[100:356, 100:356, None] * np.array([1.0, 0.95, 0.85])
    picture = Picture(pixels=np.rint(clean).astype(np.uint8))
    assert auto(picture)[1] == []


def test_a_lamp_makes_no_toned_picture() -> None:
    lq = (skimage.data.coffee()[100:260, 150:310] / 255.0).astype(np.float32)
    lq += 15 / 255 * np.random.default_rng(0).standard_normal(lq.shape).astype(np.float32)
    expected = Restorers("denoise").for_channels(3).estimate(lq)
    lq[40:50, 40:50] = 1000.0
    assert not is_toned(lq)
    found = Restorers("denoise").for_channels(3).estimate(np.clip(lq, -500, 900))
    assert np.mean(found) == pytest.approx(np.mean(expected), rel=0.1)
