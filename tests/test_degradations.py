"""Resizing, JPEG and mosaics: exact against MATLAB, libjpeg and the authors' files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import photo
from rnan.degradations import jpeg, mosaic, resize
from rnan.degradations.batched import jpeg as batched_jpeg
from rnan.degradations.batched.mosaic import mosaic_batch
from rnan.degradations.batched.resize import downscale_batch
from rnan.errors import InputError


def batch_of(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]


def picture_of(batch: torch.Tensor) -> np.ndarray:
    return (batch[0] * 255).round().permute(1, 2, 0).numpy().astype(np.float64)


def pixels(path: Path) -> np.ndarray:
    values = np.asarray(Image.open(path))
    return values.reshape(*values.shape[:2], -1)


def test_resize_is_matlabs_bit_for_bit(data: Path) -> None:
    files = sorted((data / "reference" / "matlab_bicubic").glob("*/*.png"))
    assert len(files) == 57
    for file in files:
        dataset, scale = file.parent.name.split("_x")
        gt = pixels(data / "test" / dataset / file.name)
        height, width = (side // int(scale) for side in gt.shape[:2])
        gt = gt[: height * int(scale), : width * int(scale)]
        expected = pixels(file)
        ours = resize.resize(gt, height, width)
        assert np.array_equal(np.broadcast_to(ours, expected.shape), expected), file
        batched = downscale_batch(batch_of(gt), int(scale))
        assert np.array_equal(picture_of(batched), ours), file


def test_resize_keeps_type_and_flat_pictures() -> None:
    for dtype, value in ((np.uint8, 200), (np.uint16, 60000), (np.float32, 0.3)):
        flat = np.full((13, 17, 3), value, dtype)
        for size in ((5, 30), (26, 34), (1, 1)):
            out = resize.resize(flat, *size)
            assert out.shape == (*size, 3)
            assert out.dtype == dtype
            assert np.allclose(out, value, rtol=1e-6)
    same = photo(20, 30)
    assert np.array_equal(resize.resize(same, 20, 30), same)
    assert resize.resize(same[:, :, 0], 40, 60).shape == (40, 60)
    with pytest.raises(InputError, match="cannot resize"):
        resize.resize(same, 0, 4)


def test_float_is_neither_rounded_nor_clipped() -> None:
    edge = np.zeros((16, 16))
    edge[:, 8:] = 1.0
    out = resize.resize(edge, 32, 32)
    assert out.min() < -0.01
    assert out.max() > 1.01


QUALITIES = [1, 5, 10, 20, 30, 49, 50, 51, 75, 90, 95, 99, 100]


@pytest.mark.parametrize("subsampling", ["gray", "4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize("quality", QUALITIES)
def test_batched_jpeg_equals_libjpeg_bit_for_bit(subsampling: str, quality: int) -> None:
    channels, how = (1, {}) if subsampling == "gray" else (3, {"subsampling": subsampling})
    noise = np.random.default_rng(quality).integers(0, 256, (48, 80, channels))
    for gt in (photo(96, 128, channels=channels), noise):
        gt = gt.astype(np.float64)
        batch = torch.cat([batch_of(gt), batch_of(gt[::-1].copy())])
        ours = batched_jpeg.compress_batch(batch, torch.tensor([quality, 101 - quality]), **how)
        assert np.array_equal(picture_of(ours[:1]), jpeg.compress(gt, quality, **how))
        turned = jpeg.compress(gt[::-1].copy(), 101 - quality, **how)
        assert np.array_equal(picture_of(ours[1:]), turned)


def test_jpeg_is_matlabs_on_the_authors_files(data: Path) -> None:
    files = sorted((data / "reference" / "released_inputs" / "classic5_q10").iterdir())
    assert len(files) == 5
    for file in files:
        name = file.stem.split("_")[0]
        (gt,) = (data / "test" / "classic5").glob(f"{name}.*")
        ours = jpeg.compress(pixels(gt).astype(np.float64), 10)
        assert np.array_equal(ours, pixels(file)), name


def test_the_transform_is_nearly_orthonormal() -> None:
    matrix = jpeg.transform() / 2**13 / 8**0.5
    assert np.allclose(matrix @ matrix.T, np.eye(8), atol=2e-4)


def test_mosaic_is_that_of_the_authors_file(data: Path) -> None:
    gt = pixels(data / "test" / "kodak24" / "kodim01.png").astype(np.float64)
    theirs = pixels(data / "reference" / "released_inputs" / "demosaic_kodim01.png")
    assert np.array_equal(mosaic.mosaic(gt, "grbg"), theirs)


@pytest.mark.parametrize("pattern", mosaic.PATTERNS)
def test_patterns_spell_their_colours(pattern: str) -> None:
    where = mosaic.measured(5, 7, pattern)
    assert (where.sum(axis=0) == 1).all()
    spelt = "".join("rgb"[int(where[:, y, x].argmax())] for y in (0, 1) for x in (0, 1))
    assert spelt == pattern
    assert np.array_equal(where[:, :3, :3], where[:, 2:, 2:5])


def test_batched_mosaic_equals_the_definition() -> None:
    gt = photo(10, 14)
    ours = mosaic_batch(batch_of(gt))
    assert np.array_equal(picture_of(ours), mosaic.mosaic(gt.astype(np.float64), "grbg"))
