"""What a picture went through, read off the picture."""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
import pytest

from conftest import photo
from rnan.degradations.jpeg import compress
from rnan.degradations.noise import noisy
from rnan.estimation import estimate_quality, estimate_sigma, quality_of_table
from rnan.evaluation.datasets import picture_files, references
from rnan.evaluation.metrics import as_eight_bit
from rnan.tasks import get_task


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [0, 1, 3, 5, 10, 30, 50, 70])
@pytest.mark.parametrize("clipped", [False, True], ids=["free", "8-bit"])
def test_kodak24(data: Path, sigma: int, clipped: bool) -> None:
    errors = []
    for picture in references(picture_files(data / "test" / "kodak24"), get_task("denoise-color")):
        lq = noisy(picture.gt, sigma, name=picture.name)
        errors.append(
            abs(estimate_sigma(as_eight_bit(lq) if clipped else lq, clipped=clipped) - sigma)
        )
    median = float(np.median(errors))
    assert median < (1.0 if sigma <= 5 else sigma * (0.15 if clipped else 0.10))


@pytest.mark.parametrize("channels", [1, 3])
def test_smooth_pictures(channels: int) -> None:
    gt = photo(200, 300, channels=channels).astype(np.float64)
    assert estimate_sigma(gt, clipped=True) < 1.0
    assert estimate_sigma(noisy(gt, 20, name="a"), clipped=False) == pytest.approx(20, rel=0.1)


def test_gray_kept_as_colour_is_gray() -> None:
    lq = noisy(photo(200, 200, channels=1).astype(np.float64), 20, name="a")
    assert estimate_sigma(np.repeat(lq, 3, axis=2), clipped=False) == estimate_sigma(
        lq, clipped=False
    )


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_have_no_noise(value: int) -> None:
    assert estimate_sigma(np.full((64, 64, 3), value), clipped=True) == 0.0


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (3, 200), (5, 7, 3), (33, 47, 3)], ids=str)
def test_any_size_gives_a_number(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).normal(128, 10, shape)
    assert 0.0 <= estimate_sigma(image, clipped=False) <= 255.0


def test_large_pictures_take_no_longer() -> None:
    image = np.random.default_rng(0).normal(128, 10, (3000, 4000, 3)).astype(np.float32)
    start = time.process_time()
    assert estimate_sigma(image, clipped=False) == pytest.approx(10, rel=0.05)
    assert time.process_time() - start < 5.0


QUALITIES = [10, 20, 40, 60, 80, 95]


@pytest.mark.parametrize("channels", [1, 3])
def test_quality_of_a_decoded_jpeg(channels: int) -> None:
    gt = np.rint(noisy(photo(160, 208, channels=channels).astype(np.float64), 4, name="a"))
    gt = as_eight_bit(gt)
    for quality in QUALITIES:
        lq = compress(gt, quality)
        assert abs(estimate_quality(lq) - quality) <= 1
        if quality <= 80:  # cropped, so that the grid moved
            assert abs(estimate_quality(lq[3:, 5:]) - quality) <= 1


@pytest.mark.slow
def test_quality_of_photographs(data: Path) -> None:
    wrong = 0
    pictures = list(references(picture_files(data / "test" / "kodak24"), get_task("dejpeg-color")))
    for picture in pictures[::2]:
        for quality in (5, 10, 30, 80):
            wrong += abs(estimate_quality(compress(picture.gt, quality)) - quality) > 1
        assert estimate_quality(picture.gt) >= 98
    assert wrong == 0


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (40, 40, 3), (9, 8, 1)])
def test_quality_where_there_is_nothing_to_see(shape: tuple[int, ...]) -> None:
    assert estimate_quality(np.full(shape, 77.0)) == 100


def test_quality_of_a_table() -> None:
    from PIL import Image

    for quality in (1, 25, 50, 77, 98):
        file = io.BytesIO()
        Image.fromarray(photo(16, 16)).save(file, "JPEG", quality=quality)
        assert quality_of_table(Image.open(file).quantization[0]) == quality
    assert quality_of_table([16] * 64) in range(75, 90)  # of no libjpeg quality
