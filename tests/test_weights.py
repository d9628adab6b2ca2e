"""The bundled networks keep what their cards say."""

from __future__ import annotations

import hashlib
import json
import statistics
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data as skimage_data

from rnan.api import list_models, load_restorer
from rnan.bench.contender import Contender, runner
from rnan.bench.speed import compare
from rnan.degradations.mosaic import PATTERNS, mosaic
from rnan.degradations.noise import noisy
from rnan.engines.torch_device import choose_dtype
from rnan.errors import WeightsError
from rnan.evaluation.attention_maps import attention_maps
from rnan.evaluation.datasets import Reference, picture_files, references
from rnan.evaluation.methods import Network, network_for, nothing
from rnan.evaluation.metrics import as_eight_bit, psnr
from rnan.evaluation.runner import measure
from rnan.inference import Restorer
from rnan.tasks import TASKS, Task, get_measured, get_task
from rnan.training.cost import timed
from rnan.weights import registry

FOLDER = Path(registry.__file__).parent
TASK = get_task("denoise-color")


def test_every_file_has_its_card_and_the_wheel_stays_small() -> None:
    assert "denoise-color" in list_models()
    total = 0
    for name in registry.bundled():
        content = (FOLDER / f"{name}.safetensors").read_bytes()
        card = registry.card(name)
        assert card["sha256"] == hashlib.sha256(content).hexdigest()
        assert card["bytes"] == len(content)
        assert card["task"] in TASKS
        assert card["training"]
        assert card["metrics"]
        assert "research" in card["licence_note"]
        total += len(content)
    assert total <= 40 * 2**20


def test_damaged_bundled_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = registry.card("denoise-color")
    monkeypatch.setattr(registry, "card", lambda name: {**honest, "sha256": "0"})
    registry._load.cache_clear()
    with pytest.raises(WeightsError, match="are damaged; install rnan again"):
        registry.load("denoise-color")


def test_a_photograph_comes_out_better() -> None:
    clean = skimage_data.coffee()[:200, :200].astype(np.float64)
    restorer = load_restorer()
    for sigma in (15, 25, 50):
        lq = as_eight_bit(noisy(clean, sigma, name="coffee"))
        restored = restorer(lq.astype(np.uint8), level=sigma)
        assert psnr(restored.astype(np.float64), clean) > psnr(lq, clean) + 6


def test_a_gray_picture_comes_out_better() -> None:
    clean = skimage_data.camera()[:200, :200].astype(np.float64)
    lq = as_eight_bit(noisy(clean, 25, name="camera")).astype(np.uint8)
    restored = load_restorer()(lq, level=25)
    assert restored.shape == lq.shape
    assert psnr(restored.astype(np.float64), clean) > psnr(lq.astype(np.float64), clean) + 12


def test_tiles_show_no_seam() -> None:
    clean = np.tile(skimage_data.coffee()[:300, :300], (2, 2, 1)).astype(np.float64)
    lq = noisy(clean, 25, name="coffee").astype(np.float32) / 255
    whole = load_restorer(dtype="float32", tile=1024)(lq, level=25)
    tiled = load_restorer(dtype="float32", tile=288)(lq, level=25)
    assert np.abs(tiled - whole).max() <= 1 / 255


def _on_coffee(
    restorer: Restorer, pixels: np.ndarray, level: str, task: Task | None = None
) -> float:
    """PSNR on a part of a photograph."""
    task = task or restorer.task
    picture = Reference(name="coffee", gt=task.reference(pixels))
    network = network_for(task, restorer)
    (score,) = measure(task, [picture], [task.level(level)], network, with_ssim=False)
    return score.psnr


@pytest.mark.parametrize("name", registry.bundled())
def test_bfloat16_is_as_good_as_float32(name: str) -> None:
    task = get_measured("raw" if name == "demosaic-raw" else name)
    least = "40" if task.whole_levels else task.table_levels[0]
    pixels = skimage_data.coffee()[60:260, 170:370]
    scores = [
        _on_coffee(load_restorer(name, dtype=dtype), pixels, least, task)
        for dtype in ("float32", "bfloat16")
    ]
    assert abs(scores[0] - scores[1]) < 0.01


@pytest.mark.bars
def test_clean_photographs_are_left_alone(data: Path) -> None:
    """A clean picture through ``--sigma auto`` keeps 45 dB to itself, in the median."""
    restorer = load_restorer()
    kept = []
    for picture in references(picture_files(data / "test" / "kodak24"), TASK):
        pixels = picture.gt.astype(np.uint8)
        restored = restorer(pixels, level="auto").astype(np.float64)
        kept.append(psnr(restored, picture.gt))
    assert float(np.median(kept)) >= 45


GAINS = [
    ("denoise-color", "cbsd68", ["10", "30", "50", "70", "5", "2"], "50", 12.0),
    ("demosaic", "kodak24", ["grbg", "grbg-5"], "grbg", 30.0),
    ("dejpeg", "classic5", ["10", "40", "5", "95"], "10", 0.8),
    ("super-resolution", "set5", ["x2", "x3", "x4"], "x4", 0.8),
]
SLOWER_GAINS = [
    ("demosaic", "kodak24", ["grbg", "rggb", "bggr", "gbrg"], "grbg", 30.0),
    ("dejpeg", "classic5", ["10", "20", "30", "60", "80", "90"], "10", 0.8),
    ("denoise-gray", "kodak24", ["10", "30", "50", "70", "5", "2"], "50", 12.0),
    ("dejpeg-color", "kodak24", ["10", "20", "30", "40", "5", "60", "80", "90", "95"], "10", 0.8),
]
EVERY_GAIN = [
    *(pytest.param(*row, id=row[0]) for row in GAINS),
    *(pytest.param(*row, id=f"{row[0]}-slower", marks=pytest.mark.bars) for row in SLOWER_GAINS),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "dataset", "levels", "level", "gain"), EVERY_GAIN)
def test_every_task_gains_at_every_level(
    data: Path, name: str, dataset: str, levels: list[str], level: str, gain: float
) -> None:
    task = get_task(name)
    pictures = list(references(picture_files(data / "test" / dataset)[:3], task))
    wanted = [task.level(text) for text in levels]
    before = measure(task, pictures, wanted, nothing, with_ssim=False)
    after = measure(task, pictures, wanted, Network(load_restorer(name)), with_ssim=False)
    gains = {one.level.name: two.psnr - one.psnr for one, two in zip(before, after, strict=True)}
    assert min(gains.values()) > 0
    assert gains[level] >= gain


@pytest.mark.parametrize("row", GAINS, ids=[row[0] for row in GAINS])
def test_self_ensemble_never_loses(row: tuple[str, str, list[str], str, float]) -> None:
    name, _, _, text, _ = row
    pixels = skimage_data.coffee()[96:240, 96:240]
    scores = [
        _on_coffee(load_restorer(name, self_ensemble=ensemble), pixels, text)
        for ensemble in (False, True)
    ]
    assert scores[1] > scores[0]


@pytest.mark.parametrize("name", registry.bundled())
def test_masks_depend_on_the_picture(name: str) -> None:
    restorer = load_restorer(name, engine="torch")
    task = restorer.task
    coffee = task.reference(skimage_data.coffee()[:192, :192])
    level = task.level(task.table_levels[-1])
    lq = task.degrade(coffee, level, name="coffee", seed=0)
    maps = attention_maps(Network(restorer), lq, level, (20, 20))
    for mask in maps.masks.values():
        assert mask.mean() > (2e-4 if name == "denoise-camera" else 1e-3)
        # Over its mean: what a mask multiplies may be as large as it is small.
        assert mask.std() / mask.mean() > 0.02


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg"])
def test_bayer_patterns_are_restored_alike(pattern: str) -> None:
    """A GRBG mosaic without its first row or column is of another pattern: the same comes out."""
    whole = mosaic(skimage_data.coffee()[:193, :193].astype(np.float64), "grbg") / 255.0
    down, across = PATTERNS[pattern]
    restorer = load_restorer("demosaic", dtype="float32")
    expected = restorer(whole.astype(np.float32), level="grbg")[down:, across:]
    part = restorer(whole[down:, across:].astype(np.float32), level=pattern)
    assert np.abs(part - expected)[64:, 64:].max() < 0.5 / 255.0


BARS = {15: 33.6, 25: 31.0, 50: 27.7}


@pytest.mark.bars
def test_cbsd68_at_sigma_25(data: Path) -> None:
    assert _measured(data, 25) >= BARS[25]


@pytest.mark.bars
@pytest.mark.parametrize("sigma", BARS)
def test_cbsd68(data: Path, sigma: int) -> None:
    measured = _measured(data, sigma)
    assert measured >= BARS[sigma]
    said = {
        row["level"]: row["value"]
        for row in json.loads((FOLDER / "denoise-color.json").read_text())["metrics"]
        if row["dataset"] == "cbsd68" and row["metric"] == "psnr"
    }
    assert measured == pytest.approx(said[str(sigma)], abs=0.01)


def _measured(data: Path, sigma: int) -> float:
    pictures = references(picture_files(data / "test" / "cbsd68"), TASK)
    (score,) = measure(
        TASK, pictures, [TASK.level(str(sigma))], Network(load_restorer()), with_ssim=False
    )
    return score.psnr


@pytest.mark.bars
def test_compact_is_faster_than_the_plain_net() -> None:
    device = torch.device("cpu")
    dtype = str(choose_dtype("auto", device)).removeprefix("torch.")
    found = compare(
        [Contender(preset="compact", dtype=dtype)],
        [(512, 768)],
        device=device,
        yardstick=dtype,
        with_memory=False,
    )
    assert found.timings[-1].over_plain <= 1.0


@pytest.mark.bars
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_enlarging_is_as_fast_as_the_plain_net_on_the_result(scale: int) -> None:
    """Files aside: tensor in, tensor out, in turns."""
    device = torch.device("cpu")
    dtype = str(choose_dtype("auto", device)).removeprefix("torch.")
    plain = runner(Contender(preset="plain", dtype=dtype), device)
    ours = load_restorer("super-resolution", dtype=dtype)
    small, large = torch.rand(3, 768 // scale, 768 // scale), torch.rand(1, 3, 768, 768)
    ratios = []
    for _ in range(4):  # the first warms up
        took = timed(lambda: ours(small, level=scale), device)
        ratios.append(took / timed(lambda: plain(large), device))
    assert statistics.median(ratios[1:]) <= 1.0
