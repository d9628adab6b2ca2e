"""Noise that is not white: brightness that it depends on, and JPEG that it went through."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from conftest import photo
from rnan import load_restorer
from rnan.degradations.noise import noisy
from rnan.estimation import estimate_noise, estimate_sigma, estimate_sigma_before_jpeg
from rnan.evaluation.metrics import psnr
from rnan.images import decode
from rnan.pipeline.inspection import inspect


def hills(height: int = 300, width: int = 400) -> np.ndarray:
    """Smooth, from dark to bright."""
    y, x = np.mgrid[0:height, 0:width] / 100.0
    planes = [128 + 100 * np.sin(a * x + 0.7 * y) for a in (1.0, 1.1, 0.9)]
    return np.stack(planes, axis=-1)


def test_white_noise_is_one_number() -> None:
    for sigma in (0, 5, 15, 40):
        found = estimate_noise(noisy(hills(), sigma, name="x"), clipped=False)
        assert isinstance(found, float)
        assert found == pytest.approx(sigma, abs=1.0)


def test_noise_that_grows_with_the_light() -> None:
    """σ 3 in the dark, 20 in the light: the map is near the truth, and serves better than σ."""
    clean = hills()
    sigma = 3 + 17 * (clean.mean(axis=2) / 255)
    lq = clean + sigma[:, :, None] * np.random.default_rng(0).standard_normal(clean.shape)
    lq = np.clip(np.rint(lq), 0, 255).astype(np.uint8)
    found = estimate_noise(lq, clipped=True)
    assert isinstance(found, np.ndarray)
    assert found.shape == lq.shape[:2]
    assert np.median(np.abs(found - sigma)) < 2.0
    restorer = load_restorer("denoise-color")
    with_map = psnr(clean, restorer(lq, level="auto").astype(float))
    one = estimate_sigma(lq, clipped=True)
    assert with_map > psnr(clean, restorer(lq, level=one).astype(float))


@pytest.mark.slow
@pytest.mark.parametrize("quality", [60, 75, 90])
@pytest.mark.parametrize("colour", [True, False])
def test_noise_under_jpeg(quality: int, colour: bool) -> None:
    clean = hills() if colour else hills()[:, :, :1]
    for sigma in (0, 15, 30):
        values = np.clip(np.rint(noisy(clean, sigma, name="x")), 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        image = Image.fromarray(values if colour else values[:, :, 0])
        image.save(buffer, "JPEG", quality=quality)
        picture = decode(buffer.getvalue())
        table = picture.metadata.jpeg_table
        assert table is not None
        found = estimate_sigma_before_jpeg(picture.pixels, table)
        assert found == pytest.approx(sigma, abs=max(1.0, 0.25 * sigma))
        if sigma:
            restorer = load_restorer("denoise-color" if colour else "denoise-gray")
            restored = restorer(picture, level="auto").pixels.astype(float)
            # In colour the network has seen such noise.
            gain = 10 if colour else 5
            assert psnr(clean, restored) > psnr(clean, picture.pixels.astype(float)) + gain


@pytest.mark.parametrize("orientation", [3, 6])
def test_noise_under_a_jpeg_that_was_turned(orientation: int) -> None:
    stored = np.clip(np.rint(noisy(hills()[:-3, :-5], 20, name="x")), 0, 255).astype(np.uint8)
    exif = Image.Exif()
    found = []
    for exif[0x0112] in (1, orientation):
        buffer = io.BytesIO()
        Image.fromarray(stored).save(buffer, "JPEG", quality=75, exif=exif)
        picture = decode(buffer.getvalue())
        found.append(inspect(picture).sigma)
        found.append(float(np.mean(load_restorer("denoise-color").estimate(picture))))
    assert found == pytest.approx(4 * [found[0]], rel=1e-6)


def test_small_and_dark_pictures() -> None:
    table = [16] * 64
    for pixels in (photo(1, 1), photo(8, 8), photo(40, 40), np.zeros((200, 200, 3), np.uint8)):
        assert estimate_sigma_before_jpeg(pixels, table) == 0.0
        assert isinstance(estimate_noise(pixels, clipped=True), float)
