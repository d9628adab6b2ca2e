"""The do-nothing rows of the paper's protocol, and the loop that measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import photo, restorer, small_model
from rnan.degradations.jpeg import compress
from rnan.engines.torch import TorchEngine
from rnan.errors import ConfigError, InputError
from rnan.evaluation.attention_maps import attention_maps, save_attention_maps
from rnan.evaluation.datasets import Reference, pair, picture_files, references
from rnan.evaluation.figures import Crop, check_crop, liveliest_crop
from rnan.evaluation.inputs import make_input
from rnan.evaluation.methods import Network, classical, nothing
from rnan.evaluation.published import is_comparable, published, published_for, trained_on
from rnan.evaluation.records import COLUMNS
from rnan.evaluation.report import table
from rnan.evaluation.runner import measure, records
from rnan.images import Picture, read, write
from rnan.inference import Restorer
from rnan.tasks import TASKS, get_task
from rnan.tasks.level import Level

TASK = get_task("denoise-color")


def reference(height: int = 40, width: int = 40, name: str = "a", channels: int = 3) -> Reference:
    gt = photo(height, width, channels=channels, seed=ord(name)).astype(np.float64)
    return Reference(name=name, gt=gt)


DO_NOTHING = [
    ("super-resolution", "set5", [33.674, 30.405, 28.430], [0.9303, 0.8689, 0.8111]),
    ("super-resolution", "set14", [30.232, 27.539, 25.997], [0.8691, 0.7745, 0.7029]),
    ("super-resolution", "b100", [29.561, 27.210, 25.962], [0.8434, 0.7391, 0.6681]),
    ("demosaic", "kodak24", [8.558], [0.0682]),
    ("demosaic", "mcmaster18", [9.168], [0.1674]),
    ("demosaic", "cbsd68", [8.434], [0.0850]),
    ("dejpeg", "classic5", [27.821, 30.123, 31.484, 32.428], [0.7595, 0.8344, 0.8666, 0.8849]),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "dataset", "psnr", "ssim"), DO_NOTHING, ids=[f"{r[0]}-{r[1]}" for r in DO_NOTHING]
)
def test_do_nothing_rows(
    data: Path, task: str, dataset: str, psnr: list[float], ssim: list[float]
) -> None:
    one = get_task(task)
    pictures = references(picture_files(data / "test" / dataset), one)
    scores = measure(one, pictures, [one.level(text) for text in one.table_levels], nothing)
    assert [score.psnr for score in scores] == pytest.approx(psnr, abs=0.005)
    assert [score.ssim for score in scores] == pytest.approx(ssim, abs=0.0003)


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["kodak24", "cbsd68"])
def test_do_nothing_rows_of_noise(data: Path, dataset: str) -> None:
    """Noise is neither clipped nor rounded: 20·log10(255/σ), whatever the pictures."""
    pictures = references(picture_files(data / "test" / dataset), TASK)
    levels = [TASK.level(text) for text in TASK.table_levels]
    scores = measure(TASK, pictures, levels, nothing, with_ssim=False)
    expected = [28.13, 18.59, 14.15, 11.23]
    assert [score.psnr for score in scores] == pytest.approx(expected, abs=0.01)


def test_quantised_input_of_the_authors(data: Path) -> None:
    pictures = references(picture_files(data / "test" / "kodak24"), TASK)
    (score,) = measure(
        TASK, pictures, [TASK.level("70")], nothing, quantise_lq=True, with_ssim=False
    )
    assert score.psnr == pytest.approx(12.45, abs=0.05)


def test_a_network_that_does_nothing_is_measured_in_8_bit() -> None:
    level = TASK.level("50")
    (bare,) = measure(TASK, [reference(64, 64)], [level], nothing)
    (clipped,) = measure(TASK, [reference(64, 64)], [level], Network(restorer()))
    # Clipping to 0-255 takes some of the noise away.
    assert clipped.psnr > bare.psnr + 0.1


@pytest.mark.parametrize("task", TASKS)
def test_order_and_company_do_not_matter(task: str) -> None:
    one = get_task(task)
    level = one.level(one.table_levels[0])
    pictures = [reference(name=name) for name in "ab"]

    def psnr(pictures: list[Reference]) -> float:
        return measure(one, pictures, [level], nothing)[0].psnr

    assert psnr(pictures[::-1]) == pytest.approx((psnr(pictures[:1]) + psnr(pictures[1:])) / 2)


@pytest.mark.parametrize("task", TASKS)
def test_gray_and_mixed_sizes_in_every_task(tmp_path: Path, task: str) -> None:
    write(Picture(pixels=photo(48, 41, channels=1)), tmp_path / "gray.png")
    write(Picture(pixels=photo(45, 64)), tmp_path / "colour.png")
    one = get_task(task)
    found = list(references(picture_files(tmp_path), one))
    assert [picture.gt.shape[2] for picture in found] == [one.channels, 1]
    scores = measure(one, found, [one.level(text) for text in one.table_levels], nothing)
    assert all(np.isfinite(score.psnr) for score in scores)


def test_bad_folders_and_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        picture_files(tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        picture_files(tmp_path / "none")
    level = TASK.level("10")
    with pytest.raises(InputError, match="a, level 10: SSIM needs sides of at least 11"):
        measure(TASK, [reference(9, 50)], [level], nothing)
    upscale = get_task("super-resolution")
    with pytest.raises(InputError, match="border"):
        measure(upscale, [reference(8, 50)], [upscale.level("x4")], nothing)
    with pytest.raises(InputError, match="smaller than the scale"):
        measure(upscale, [reference(3, 50)], [upscale.level("x4")], nothing)


def test_given_inputs_are_paired_by_name(tmp_path: Path) -> None:
    gt, lq = tmp_path / "gt", tmp_path / "lq"
    for name in ("a.png", "ab.png"):
        write(Picture(pixels=photo(40, 32)), gt / name)
    for name in ("a_LQ_Q10.jpg", "abx2.png"):
        write(Picture(pixels=photo(20, 16)), lq / name)
    files = picture_files(gt)
    pairs = pair(files, lq)
    assert [pairs[file].name for file in files] == ["a_LQ_Q10.jpg", "abx2.png"]
    upscale = get_task("super-resolution")
    found = references(files, upscale, lq_files=pairs)
    assert measure(upscale, found, [upscale.level("x2")], nothing)
    found = references(files, upscale, lq_files=pairs)
    with pytest.raises(InputError, match="given picture is 16x20, its reference asks for 8x10"):
        measure(upscale, found, [upscale.level("x4")], nothing)
    (lq / "abx2.png").unlink()
    with pytest.raises(InputError, match=r"no picture for ab\.png"):
        pair(files, lq)
    write(Picture(pixels=photo(20, 16)), lq / "a-2.png")
    with pytest.raises(InputError, match=r"2 pictures for a\.png"):
        pair(files[:1], lq)


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("menon", "demosaic"),
        ("ahd", "demosaic"),
        ("dht", "demosaic"),
        ("nlm", "denoise-color"),
        ("nlm", "denoise-gray"),
        ("wavelet", "denoise-color"),
        ("wavelet", "denoise-gray"),
        ("bicubic", "super-resolution"),
    ],
)
def test_classical_methods_help(name: str, task: str) -> None:
    if name in ("ahd", "dht"):
        pytest.importorskip("rawpy", reason="needs rawpy")
    one = get_task(task)
    level = one.level(one.table_levels[-1])
    picture = reference(96, 96, channels=one.channels)
    (before,) = measure(one, [picture], [level], nothing, with_ssim=False)
    (after,) = measure(one, [picture], [level], classical(name, one), with_ssim=False)
    if name == "bicubic":
        (before,) = measure(one, [picture], [level], nearest, with_ssim=False)
    assert after.psnr >= before.psnr + (0.3 if name == "bicubic" else 5)


@pytest.mark.parametrize("pattern", ["grbg", "rggb", "bggr", "gbrg"])
@pytest.mark.parametrize("name", ["ahd", "dht"])
def test_libraw_gets_the_mosaic_as_it_is(name: str, pattern: str) -> None:
    """No colours change places, nothing is balanced, scaled, bent or cut."""
    pytest.importorskip("rawpy", reason="needs rawpy")
    task = get_task("demosaic")
    level = task.level(pattern)
    flat = np.broadcast_to([10.0, 250.0, 97.0], (31, 40, 3))
    restored = classical(name, task)(task.degrade(flat, level, name="", seed=0), level)
    assert restored.shape == flat.shape
    assert np.abs(restored - flat).max() < 0.01
    with pytest.raises(InputError, match="no mosaics with sides below 22"):
        classical(name, task)(flat[:21], level)


def nearest(lq: np.ndarray, level: Level) -> np.ndarray:
    return lq.repeat(level.scale, axis=0).repeat(level.scale, axis=1)


def test_classical_methods_of_other_tasks() -> None:
    with pytest.raises(ConfigError, match="not for denoise-color; try nlm, wavelet"):
        classical("menon", TASK)
    with pytest.raises(ConfigError, match="did you mean menon"):
        classical("menin", get_task("demosaic"))


def test_published_rows() -> None:
    assert len(published()) == 543
    rows = published_for("dejpeg", "classic5")
    assert {row.method for row in rows if not is_comparable(row)} == {"none", "SA-DCT", "ARCNN"}
    assert {trained_on(row) for row in rows if row.method == "RNAN"} == {"DIV2K", "SR291"}
    level = get_task("dejpeg").level("10")
    scores = measure(get_task("dejpeg"), [reference(channels=1)], [level], nothing)
    ours = records(get_task("dejpeg"), scores, dataset="classic5", method="none")
    text = table(ours, rows)
    assert "| DnCNN, Table 5 " in text
    assert "29.40 / 0.8026" in text
    assert "0.7800" not in text
    assert "[1] SSIM computed otherwise: not comparable." in text


def test_made_inputs_are_those_that_are_measured(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    write(Picture(pixels=photo(41, 50)), source)
    make_input(TASK, TASK.level("30"), source, tmp_path / "a.tif", as_float=True)
    expected = TASK.degrade(photo(41, 50).astype(np.float64), TASK.level("30"), name="a", seed=0)
    assert np.allclose(read(tmp_path / "a.tif").pixels * 255, expected, atol=1e-3)
    jpeg = get_task("dejpeg-color")
    make_input(jpeg, jpeg.level("10"), source, tmp_path / "a.jpg")
    expected = jpeg.degrade(photo(41, 50).astype(np.float64), jpeg.level("10"), name="a", seed=0)
    assert np.array_equal(read(tmp_path / "a.jpg").pixels, expected)
    with pytest.raises(ConfigError, match="only TIFF holds"):
        make_input(TASK, TASK.level("30"), source, tmp_path / "b.png", as_float=True)
    with pytest.raises(ConfigError, match="its own damage"):
        make_input(TASK, TASK.level("30"), source, tmp_path / "b.jpg")


def test_crops() -> None:
    gt = np.zeros((60, 80, 3))
    gt[40:44, 60:64] = 255
    crop = liveliest_crop(gt, 16)
    assert crop.top <= 40
    assert crop.top + crop.height >= 44
    assert crop.left <= 60
    assert crop.left + crop.width >= 64
    assert Crop(left=8, top=4, width=16, height=12).of(gt[::4, ::4], gt).shape == (3, 4, 3)
    with pytest.raises(InputError, match="does not lie inside the picture, 80x60"):
        check_crop(Crop(left=70, top=0, width=16, height=16), gt)


@pytest.mark.parametrize("softmax", ["keys", "queries"])
@pytest.mark.parametrize("window", [8, None])
def test_attention_maps(tmp_path: Path, softmax: str, window: int | None) -> None:
    one = restorer(small_model(softmax=softmax, window=window))
    lq = photo(37, 50).astype(np.float64)
    network = Network(one)
    maps = attention_maps(network, lq, TASK.level("25"), (20, 30))
    assert set(maps.masks) == {"1-nonlocal", "2-local"}
    assert all(((mask > 0) & (mask < 1)).all() for mask in maps.masks.values())
    (weights,) = maps.weights.values()
    assert weights.shape == maps.masks["2-local"].shape == (20, 26)  # for 40x52 pixels
    if softmax == "keys":
        assert weights.sum() == pytest.approx(1.0)
    if window:
        assert not weights[:8].any()  # the pixel lies in the window of rows 8 to 15
        assert weights[8:16, 8:16].all()
    save_attention_maps(network, lq, TASK.level("25"), tmp_path / "maps")
    assert read(tmp_path / "maps" / "weights-1-nonlocal.png").pixels.shape == (37, 50, 3)
    with pytest.raises(InputError, match="outside the picture, 50x37"):
        attention_maps(network, lq, TASK.level("25"), (37, 0))


@pytest.mark.parametrize(("row", "column"), [(3, 5), (0, 0)])
def test_attention_maps_of_a_cropped_jpeg(row: int, column: int) -> None:
    """What is put before the picture, up to a whole block, is seen too."""
    task = get_task("dejpeg")
    engine = TorchEngine(
        small_model(channels_in=1, channels_out=1), device=torch.device("cpu"), dtype=torch.float32
    )
    lq = compress(photo(208, 208, channels=1).astype(np.float64), 20)[row:, column:]
    pixel = (100 - row, 60 - column)
    maps = attention_maps(Network(Restorer(task, engine)), lq, task.level("20"), pixel)
    (weights,) = maps.weights.values()
    assert all(mask.shape == weights.shape == (104, 104) for mask in maps.masks.values())
    lit = np.argwhere(weights > 0)
    assert lit.min(axis=0).tolist() == [48, 24]  # the window of (50, 30), however it is cropped
    assert lit.max(axis=0).tolist() == [55, 31]


def test_masks_of_a_line_are_as_long(tmp_path: Path) -> None:
    lq = photo(1, 90).astype(np.float64)
    save_attention_maps(Network(restorer(small_model())), lq, TASK.level("25"), tmp_path / "maps")
    assert read(tmp_path / "maps" / "mask-2-local.png").size == (1, 90)


def test_records_have_the_columns_of_the_table() -> None:
    scores = measure(TASK, [reference()], [TASK.level("30")], nothing)
    rows = [row.as_dict() for row in records(TASK, scores, dataset="x", method="none")]
    assert [row["metric"] for row in rows] == ["psnr", "ssim"]
    for row in rows:
        assert tuple(row) == COLUMNS
        assert all(isinstance(value, str) for key, value in row.items() if key != "value")
        assert isinstance(row["value"], float)
