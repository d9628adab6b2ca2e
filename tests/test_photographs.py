"""Photographs of cameras: their noise is seen, told from texture and white noise, and removed."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data as skimage_data

import rnan
from conftest import rnan as command_line
from rnan.degradations.batched.camera import photographed
from rnan.errors import ConfigError
from rnan.estimation.camera_noise import estimate_camera_noise
from rnan.evaluation.metrics import psnr
from rnan.images import Picture, decode, read
from rnan.inference.restorers import Restorers
from rnan.options.request import make_request
from rnan.pipeline.inspection import inspect
from rnan.pipeline.pipeline import Pipeline
from rnan.tasks import get_measured, get_task

PHOTON = 6e-3


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    """A picture that no network was trained on, as soft as photographs are pixel by pixel."""
    image = Image.fromarray(skimage_data.coffee())
    return np.asarray(image.resize((384, 384), Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def noisy(clean: np.ndarray) -> np.ndarray:
    return taken(clean, PHOTON)


def taken(pixels: np.ndarray, photon: float, name: str = "a") -> np.ndarray:
    return photographed(pixels.astype(np.float64), photon, name=name).astype(np.uint8)


def rms(lq: np.ndarray, gt: np.ndarray) -> float:
    return float(np.sqrt(np.square(lq.astype(np.float64) - gt).mean()))


def test_its_strength_is_estimated() -> None:
    """Of eight cameras and two pictures; one in eight may be read as something else."""
    ratios = []
    for picture in (skimage_data.coffee(), skimage_data.chelsea()):
        gt = np.asarray(Image.fromarray(picture).resize((384, 384), Image.Resampling.LANCZOS))
        for name in "abcdefgh":
            lq = taken(gt, PHOTON, name)
            found = estimate_camera_noise(lq)
            ratios.append(0.0 if found.is_white else found.sigma / rms(lq, gt))
    assert 0.85 < np.median(ratios) < 1.15
    assert np.mean([0.6 < ratio < 1.5 for ratio in ratios]) >= 7 / 8


def test_texture_and_white_noise_are_none_of_it(clean: np.ndarray) -> None:
    for picture in (clean, skimage_data.astronaut(), skimage_data.chelsea()):
        assert inspect(Picture(pixels=picture)).sigma < 2.0
    random = np.random.default_rng(0)
    white = np.clip(np.rint(clean + random.normal(0, 15, clean.shape)), 0, 255).astype(np.uint8)
    found = inspect(Picture(pixels=white))
    assert not found.of_camera
    assert found.sigma == pytest.approx(15, rel=0.1)


def test_it_is_removed_without_a_number(clean: np.ndarray, noisy: np.ndarray) -> None:
    before = psnr(noisy.astype(np.float64), clean.astype(np.float64))
    results = [
        Pipeline(make_request(restoration, {})).restore(Picture(pixels=noisy))
        for restoration in ("denoise", "auto")
    ]
    for result in results:
        after = psnr(result.picture.pixels.astype(np.float64), clean.astype(np.float64))
        assert after > before + 2.5
    assert "camera noise, sigma" in results[0].description
    assert results[1].note.startswith("camera noise removed")
    assert np.array_equal(results[0].picture.pixels, results[1].picture.pixels)
    assert np.array_equal(results[0].picture.pixels, rnan.restore(noisy, task="denoise"))


def test_a_sigma_means_white_noise(noisy: np.ndarray) -> None:
    pipeline = Pipeline(make_request("denoise", {"sigma": 8}))
    result = pipeline.restore(Picture(pixels=noisy))
    assert "camera" not in result.description
    expected = rnan.load_restorer("denoise-color")(noisy, sigma=8)
    assert np.array_equal(result.picture.pixels, expected)


def test_what_inspect_says_is_what_auto_does(noisy: np.ndarray) -> None:
    found = inspect(Picture(pixels=noisy))
    assert found.of_camera
    assert [step.restoration for step in found.steps] == ["denoise"]
    assert "as a camera leaves it" in found.sentences()[-1]
    assert found.commands(Path("a.png")) == ["rnan denoise a.png -o restored.png"]


def test_noise_is_mended_together_with_its_jpeg(noisy: np.ndarray) -> None:
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, "JPEG", quality=82)
    steps = inspect(decode(buffer.getvalue())).steps
    assert [step.restoration for step in steps] == ["denoise"]
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, "JPEG", quality=40)
    steps = inspect(decode(buffer.getvalue())).steps
    assert steps[0].restoration == "dejpeg"


def test_more_can_be_asked_for(noisy: np.ndarray) -> None:
    """The change of the picture grows with the variance that is reckoned with."""
    changes = []
    for scale in (0.25, 1.0, 4.0):
        pipeline = Pipeline(make_request("denoise", {"noise_scale": scale}))
        changes.append(rms(pipeline.restore(Picture(pixels=noisy)).picture.pixels, noisy))
    assert changes[0] < 0.9 * changes[1] < 0.9 * changes[2]


@pytest.mark.parametrize("kind", ["gray", "gray as colour", "letterbox", "cutout", "16 bit"])
def test_pictures_as_people_have_them(clean: np.ndarray, noisy: np.ndarray, kind: str) -> None:
    picture = Picture(pixels=noisy)
    if kind.startswith("gray"):
        luma = np.asarray(Image.fromarray(clean).convert("L"))[:, :, None]
        shot = taken(luma, PHOTON)
        picture = Picture(pixels=shot if kind == "gray" else np.repeat(shot, 3, axis=2))
    elif kind == "letterbox":
        picture = Picture(pixels=np.pad(noisy, ((120, 120), (0, 0), (0, 0))))
    elif kind == "cutout":
        alpha = np.zeros(noisy.shape[:2], np.uint8)
        alpha[60:340, 40:330] = 255
        picture = Picture(pixels=noisy, alpha=alpha)
    elif kind == "16 bit":
        picture = Picture(pixels=noisy.astype(np.uint16) * 257)
    found = inspect(picture)
    assert found.of_camera
    if not kind.startswith("gray"):  # which has no noise of colour, and is read too low
        assert found.sigma == pytest.approx(inspect(Picture(pixels=noisy)).sigma, rel=0.4)
    result = Pipeline(make_request("auto", {})).restore(picture)
    assert "camera noise" in result.note
    if kind == "letterbox":
        assert result.picture.pixels[:100].max() <= 1
    if kind == "gray as colour":
        assert np.ptp(result.picture.pixels.astype(int), axis=2).max() == 0


def test_too_little_to_say_anything() -> None:
    random = np.random.default_rng(0)
    for shape in ((1, 1, 3), (20, 300, 3), (47, 47, 1)):
        assert estimate_camera_noise(random.integers(0, 256, shape)).sigma == 0.0
    assert estimate_camera_noise(np.zeros((64, 64), np.uint8)).sigma < 2.0
    mask = np.zeros((300, 300), bool)
    assert estimate_camera_noise(random.integers(0, 256, (300, 300, 3)), mask=mask).sigma == 0.0


def test_large_pictures_take_no_longer() -> None:
    """What is looked at is bounded."""
    large = np.random.default_rng(0).integers(0, 256, (1200, 9000, 3), dtype=np.uint8)
    tall = large[:, :40].repeat(3, axis=0)
    assert np.isfinite(estimate_camera_noise(large).sigma)
    assert estimate_camera_noise(tall).sigma == 0.0


def test_measurements_are_the_same_every_time(clean: np.ndarray) -> None:
    task = get_task("denoise-camera")
    gt = clean[:67, :50].astype(np.float64)
    lq = task.degrade(gt, task.level("strong"), name="x", seed=0)
    assert lq.shape == gt.shape
    assert np.array_equal(lq, task.degrade(gt, task.level("strong"), name="x", seed=0))
    assert not np.array_equal(lq, task.degrade(gt, task.level("strong"), name="y", seed=0))
    weak = task.degrade(gt, task.level("weak"), name="x", seed=0)
    assert rms(weak, gt) < rms(lq, gt)
    with pytest.raises(ConfigError, match="weak, medium, strong"):
        task.level("12")


def test_given_photographs_are_measured(
    clean: np.ndarray, noisy: np.ndarray, tmp_path: Path
) -> None:
    for folder, pixels in (("gt", clean), ("lq", noisy)):
        (tmp_path / folder).mkdir()
        Image.fromarray(pixels[:160, :160]).save(tmp_path / folder / "a.png")
    command = ["evaluate", "camera", tmp_path / "gt", "--lq", tmp_path / "lq"]
    done = command_line(*command)
    assert done.returncode == 0, done.stderr
    for word in ("none", "classical:nlm, told", "denoise-color, told", "denoise-camera"):
        assert word in done.stdout
    without = command_line(*command[:3])
    assert without.returncode == 2
    assert "given with --lq" in without.stderr


def test_only_given_photographs_are(clean: np.ndarray) -> None:
    task = get_measured("camera")
    with pytest.raises(ConfigError, match="given with"):
        task.degrade(clean.astype(np.float64), task.level("given"), name="a", seed=0)


def test_networks_by_name_decide_for_themselves(noisy: np.ndarray) -> None:
    white = Restorers("denoise", "denoise-color").for_picture(noisy, estimated=True)
    camera = Restorers("denoise", "denoise-camera").for_picture(noisy)
    assert (white.task.name, camera.task.name) == ("denoise-color", "denoise-camera")


@pytest.mark.bars
def test_camera16_by_auto(data: Path) -> None:
    """Better than the best sigma that a person could find, without being asked."""
    pipeline, gained = Pipeline(make_request("auto", {})), []
    for file in sorted((data / "test" / "camera16" / "gt").iterdir()):
        lq = read(data / "test" / "camera16" / "lq" / f"{file.stem}.jpg")
        gt = read(file).pixels.astype(np.float64)
        gained.append(psnr(pipeline.restore(lq).picture.pixels.astype(np.float64), gt))
    assert len(gained) == 16
    assert np.mean(gained) >= 38.4


@pytest.mark.bars
@pytest.mark.parametrize("dataset", ["kodak24", "cbsd68"])
def test_clean_pictures_stay_as_they_are(data: Path, dataset: str) -> None:
    pipeline, kept = Pipeline(make_request("auto", {})), []
    for file in sorted((data / "test" / dataset).iterdir()):
        picture = read(file)
        result = pipeline.restore(picture)
        same = not result.steps
        before, after = (one.pixels.astype(np.float64) for one in (picture, result.picture))
        kept.append(np.inf if same else psnr(after, before))
    assert np.median(kept) >= 47
    assert min(kept) >= 40
