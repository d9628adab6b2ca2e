"""The do-nothing rows of the paper's protocol, and the loop that measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conftest import photo, restorer
from rnan.errors import InputError
from rnan.evaluation.datasets import Reference, picture_files, references
from rnan.evaluation.runner import measure
from rnan.images import Picture, write
from rnan.tasks import get_task

TASK = get_task("denoise-color")


@pytest.mark.parametrize("dataset", ["kodak24", "cbsd68"])
def test_do_nothing_rows(data: Path, dataset: str) -> None:
    """Noise is neither clipped nor rounded: 20·log10(255/σ), whatever the pictures."""
    pictures = references(picture_files(data / "test" / dataset), channels=3)
    scores = measure(TASK, pictures, [10, 30, 50, 70], None, with_ssim=False)
    expected = [28.13, 18.59, 14.15, 11.23]
    assert [score.psnr for score in scores] == pytest.approx(expected, abs=0.01)


def test_a_network_that_does_nothing_is_measured_in_8_bit() -> None:
    picture = Reference(name="a", gt=photo(64, 64).astype(np.float64))
    (bare,) = measure(TASK, [picture], [50], None)
    (clipped,) = measure(TASK, [picture], [50], restorer())
    # Clipping to 0-255 takes some of the noise away.
    assert clipped.psnr > bare.psnr + 0.1


def test_order_and_company_do_not_matter() -> None:
    pictures = [Reference(name=n, gt=photo(32, 32).astype(np.float64)) for n in "ab"]
    alone = measure(TASK, pictures[1:], [30], None)[0].psnr
    both = measure(TASK, pictures[::-1], [50, 30], None)[1].psnr
    first = measure(TASK, pictures[:1], [30], None)[0].psnr
    assert both == pytest.approx((alone + first) / 2)


def test_gray_among_colour_is_three_equal_planes(tmp_path: Path) -> None:
    write(Picture(pixels=photo(20, 20, channels=1)), tmp_path / "gray.png")
    write(Picture(pixels=photo(30, 20)), tmp_path / "colour.png")
    colour, gray = references(picture_files(tmp_path), channels=3)
    assert colour.gt.shape == (30, 20, 3)
    assert np.array_equal(gray.gt[:, :, 0], gray.gt[:, :, 2])
    (crop, _) = references(picture_files(tmp_path), channels=3, crop=16)
    assert crop.gt.shape == (16, 16, 3)


def test_folders_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        picture_files(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        picture_files(tmp_path / "none")
