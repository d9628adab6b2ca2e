"""Floating point beyond white and below black: restored like the rest, and the rest as ever."""

from __future__ import annotations

import numpy as np
import pytest

from conftest import photo
from rnan.api import load_restorer

SIGMA = 8.0


def scene(brightest: float, height: int = 160, width: int = 200) -> np.ndarray:
    """A photograph whose right half goes up to ``brightest``."""
    light = photo(height, width).astype(np.float32) / 255.0
    light[:, width // 2 :] *= brightest
    return light


def noisy(clean: np.ndarray) -> np.ndarray:
    draws = np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32)
    return clean + SIGMA / 255.0 * draws


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.square(values).mean()))


@pytest.mark.parametrize("brightest", [1.8, 6.0, 12.0])
def test_what_is_brighter_than_white_loses_its_noise_too(brightest: float) -> None:
    clean = scene(brightest)
    lq = noisy(clean)
    restored = load_restorer("denoise-color", dtype="float32")(lq, level=SIGMA)
    bright = clean.max(axis=2) > 1.0
    for where in (bright, ~bright):
        assert rms((restored - clean)[where]) < 0.85 * rms((lq - clean)[where])


def test_what_is_darker_than_black_too() -> None:
    clean = scene(1.0) - 0.4
    lq = noisy(clean)
    restored = load_restorer("denoise-color", dtype="float32")(lq, level=SIGMA)
    dark = clean.min(axis=2) < -0.1
    assert dark.any()
    for where in (dark, ~dark):
        assert rms((restored - clean)[where]) < 0.85 * rms((lq - clean)[where])


@pytest.mark.parametrize("model", ["denoise-color", "dejpeg-color", "super-resolution"])
def test_the_rest_is_restored_as_ever(model: str) -> None:
    """Far from what is bright nothing changes; and the bright keeps its brightness."""
    clean = np.full((96, 256, 3), 0.5, np.float32)
    clean[:, :60] += scene(1.0, 96, 60)[:, :, :3] * 0.3
    high = clean.copy()
    high[:, 200:] = 3.0
    restorer = load_restorer(model, dtype="float32")
    level = {"denoise-color": 10, "dejpeg-color": 40, "super-resolution": 2}[model]
    scale = 2 if model == "super-resolution" else 1
    low, bright = (restorer(one, level=level) for one in (clean, high))
    assert np.abs(low[:, : 120 * scale] - bright[:, : 120 * scale]).max() < 1e-3
    assert np.abs(bright[:, 216 * scale :] - 3.0).max() < 0.05


def test_noise_beyond_white_is_no_light_beyond_it() -> None:
    """The paper's noise is not clipped: one pass, as measured."""
    calls: list[tuple[int, int]] = []
    lq = (photo() / 255.0 + 0.2 * np.random.default_rng(0).standard_normal((96, 128, 3))).astype(
        np.float32
    )
    assert lq.max() > 1.2
    restorer = load_restorer("denoise-color")
    restorer(lq, level=50, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 1)]


def test_progress_counts_all_exposures() -> None:
    calls: list[tuple[int, int]] = []
    restorer = load_restorer("denoise-color")
    restorer(scene(6.0), level=5, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("side", "spot"), [(1, 10.0), (1, 1000.0), (1, -1000.0), (20, 50.0), (20, -50.0)]
)
def test_a_spot_harms_nothing_around_it(spot: float, side: int) -> None:
    """Fireflies of renderers, hot pixels, lamps: they stay, and the rest is as without them."""
    clean = photo(96, 96).astype(np.float32) / 255.0
    lq = noisy(clean)
    spotted = lq.copy()
    spotted[40 : 40 + side, 40 : 40 + side] = spot
    restorer = load_restorer("denoise-color", dtype="float32")
    plain, restored = (restorer(one, level=SIGMA) for one in (lq, spotted))
    near = np.zeros((96, 96), bool)
    near[34 : 46 + side, 34 : 46 + side] = True
    assert np.abs(restored[40 : 40 + side, 40 : 40 + side] - spot).max() < 0.05 * abs(spot) + 0.1
    assert np.abs(restored - plain)[~near].max() < 0.12
    assert rms((restored - clean)[~near]) < 1.1 * rms((plain - clean)[~near])
    around = near.copy()
    around[40 : 40 + side, 40 : 40 + side] = False
    assert rms((restored - clean)[around]) < 1.5 * rms((lq - clean)[around])
