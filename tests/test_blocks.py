"""The blocks of JPEG: found where they lie, and restored as if they lay where training had them."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage import data

from rnan.api import load_restorer
from rnan.degradations.jpeg import compress
from rnan.estimation import estimate_grid, quality
from rnan.evaluation.metrics import psnr
from rnan.images import decode
from rnan.images.orientation import upright
from rnan.inference.blocks import on_the_grid
from rnan.tasks import Condition


def clean(height: int, width: int) -> np.ndarray:
    """A part of a photograph."""
    return np.ascontiguousarray(data.coffee()[100 : 100 + height, 150 : 150 + width])


def compressed(height: int, width: int, quality: int) -> np.ndarray:
    return compress(clean(height, width).astype(np.float64), quality)


@pytest.mark.parametrize("quality", [10, 40, 75])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 0), (5, 7), (8, 1)])
def test_where_the_blocks_lie(quality: int, row: int, column: int) -> None:
    for channels in (1, 3):
        picture = clean(200, 216)[:, :, :channels].astype(np.float64)
        cropped = compress(picture, quality)[row:, column:]
        assert estimate_grid(cropped) == (-row % 8, -column % 8)


def test_where_there_are_none() -> None:
    assert estimate_grid(clean(200, 216)) == (0, 0)
    assert estimate_grid(np.zeros((5, 300))) == (0, 0)


def test_the_middle_tells_of_large_pictures() -> None:
    large = np.tile(compressed(200, 216, 40), (8, 8, 1))[3:, 5:]
    assert estimate_grid(large) == (5, 3)


def test_cropped_pictures_are_restored_as_whole_ones() -> None:
    restorer = load_restorer("dejpeg-color", dtype="float32")
    whole = np.rint(compressed(120, 136, 20)).astype(np.uint8)
    expected = restorer(whole, level=20).astype(np.float64)
    cropped = restorer(np.ascontiguousarray(whole[3:, 5:]), level=20).astype(np.float64)
    # But for the first rows and columns, which see a mirror instead of what was cut off.
    assert np.abs(cropped - expected[3:, 5:])[16:, 16:].mean() < 0.05


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_file_says_where_its_blocks_lie(orientation: int) -> None:
    stored = clean(67, 85)
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(stored).save(file, "JPEG", quality=30, exif=exif)
    picture = decode(file.getvalue())
    bottom, right = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    height, width = picture.size
    assert picture.metadata.jpeg_grid == (height % 8 * bottom, width % 8 * right)


def test_a_turned_file_is_restored_as_well_as_it_was_stored() -> None:
    restorer = load_restorer("dejpeg-color", dtype="float32")
    truth = clean(67, 85)
    exif = Image.Exif()
    exif[0x0112] = 3
    file = io.BytesIO()
    Image.fromarray(upright(truth, 3)).save(file, "JPEG", quality=30, exif=exif)
    picture = decode(file.getvalue())
    turned = psnr(truth, restorer(picture).pixels)
    with Image.open(file) as image:
        as_stored = psnr(upright(truth, 3), restorer(np.asarray(image), level=30))
    off_the_grid = replace(picture, metadata=replace(picture.metadata, jpeg_grid=(0, 0)))
    assert turned > as_stored - 0.05
    assert turned > psnr(truth, restorer(off_the_grid).pixels) + 0.1


def test_what_is_put_before() -> None:
    x = np.random.default_rng(0).random((1, 3, 20, 30), np.float32)
    told = Condition(level=x[:, :1], grid=(3, 0))
    before, of_it, (top, left) = on_the_grid(x, told)
    assert (top, left) == (5, 0)
    assert before.shape == (1, 3, 25, 30)
    assert np.array_equal(before[..., 5:, :], x)
    assert of_it.level is not None
    assert of_it.level.shape == (1, 1, 25, 30)
    assert on_the_grid(x, Condition(level=None))[0] is x
    assert on_the_grid(x[:, :, :4], told.__class__(level=None, grid=(3, 0)))[2] == (5, 0)


def test_pixels_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []
    best = quality._best
    monkeypatch.setattr(quality, "_best", lambda image: looks.append(image.shape) or best(image))
    cropped = np.rint(compressed(200, 216, 20)[3:, 5:]).astype(np.uint8)
    restorer = load_restorer("dejpeg-color")
    found = restorer.estimate(cropped)
    alone = len(looks)
    assert alone > 0
    automatic = restorer(cropped)
    assert len(looks) == 2 * alone
    assert np.array_equal(automatic, restorer(cropped, level=found))
