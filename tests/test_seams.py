"""The bundled networks leave no seam where tiles or attention windows meet."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from conftest import photo
from rnan.api import load_restorer
from rnan.weights import registry

LEVELS: dict[str, dict[str, object]] = {
    "denoise-color": {"level": 25.0},
    "denoise-gray": {"level": 25.0},
    "denoise-camera": {"level": 5.0},
    "demosaic": {"level": "grbg", "sigma": 5.0},
    "demosaic-raw": {"level": "grbg", "sigma": 5.0},
    "dejpeg": {"level": 20.0},
    "dejpeg-color": {"level": 20.0},
    "super-resolution": {"level": 2},
}
TILE = 192
SIZE = (300, 420)


def gradient(height: int, width: int, channels: int) -> torch.Tensor:
    """From black to white over the diagonal, without a step: 0.35 of 255 a pixel at most."""
    y, x = np.mgrid[0:height, 0:width]
    ramp = (y + x) / (height + width - 2)
    return torch.from_numpy(np.stack([ramp] * channels)).float()


def noisy(height: int, width: int, channels: int) -> torch.Tensor:
    picture = torch.from_numpy(photo(height, width, channels=channels)).permute(2, 0, 1) / 255
    return picture + 20 / 255 * torch.randn(picture.shape)


def channels_of(name: str) -> int:
    return 1 if name.startswith("demosaic") else registry.load(name).config.channels_in


def test_every_bundled_network_is_tested() -> None:
    assert set(LEVELS) == set(registry.bundled())


@pytest.mark.slow
@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("kind", [gradient, noisy])
def test_tiles_leave_no_seam(name: str, kind: object) -> None:
    """Tiled against whole: nowhere more than 1 of 255."""
    picture = kind(*SIZE, channels_of(name))  # type: ignore[operator]
    told = LEVELS[name]
    whole = load_restorer(name, tile=512, dtype="float32")(picture, **told)
    calls: list[int] = []
    tiled = load_restorer(name, tile=TILE, dtype="float32")
    restored = tiled(picture, **told, progress=lambda done, total: calls.append(total))
    assert calls[-1] > 2
    assert float((restored - whole).abs().max()) < 1 / 255


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in LEVELS if "demosaic" not in name])
def test_no_step_at_the_borders_of_windows(name: str) -> None:
    """The second difference of a restored gradient is no larger at borders than elsewhere."""
    config = registry.load(name).config
    assert config.window is not None
    told = LEVELS[name]
    picture = gradient(*SIZE, config.channels_in)
    for tile in (512, TILE):
        restored = load_restorer(name, tile=tile, dtype="float32")(picture, **told)[0] * 255
        scale = restored.shape[-1] // SIZE[1]
        period = config.window * config.unshuffle * scale
        for axis in (0, 1):
            bend = restored.diff(n=2, dim=axis).abs().amax(dim=1 - axis)
            inner = slice(32 * scale, -32 * scale)  # not where the picture ends
            position = torch.arange(len(bend))[inner] + 1
            near = ((position + 1) % period) <= 2
            assert near.any()
            bend = bend[inner]
            assert float(bend[near].max()) <= max(1.5 * float(bend[~near].max()), 0.1)


@pytest.mark.parametrize("name", ["denoise-color", "denoise-gray"])
def test_16_bit_gradients_do_not_band(name: str) -> None:
    """A ramp so soft that 8 bit would show steps comes back as soft, in the fast type too."""
    channels = registry.load(name).config.channels_in
    ramp = np.linspace(20_000, 26_000, 600)
    picture = np.rint(np.broadcast_to(ramp[None, :, None], (64, 600, channels))).astype(np.uint16)
    restored = load_restorer(name)(picture, level=3.0)
    assert restored.dtype == np.uint16
    inner = slice(24, -24)
    row = restored[32, inner, 0].astype(float)
    step_of_8_bit = 257
    off = row - ramp[inner]
    assert np.abs(off).max() < step_of_8_bit / 4
    # Rounding to 8 bit would be off by step / sqrt(12), and level for 25 pixels at a time.
    assert off.std() < 0.1 * step_of_8_bit / math.sqrt(12)
    longest = max(len(list(run)) for _, run in itertools.groupby(row))
    assert longest <= 2
    smooth = np.convolve(row, np.ones(16) / 16, mode="valid")
    assert (np.diff(smooth) > 0).all()
