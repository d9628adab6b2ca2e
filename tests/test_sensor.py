"""Sensors: what a network is shown in training is what it is shown of a raw file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import photo
from rnan.degradations.batched import sensor
from rnan.degradations.mosaic import measured
from rnan.degradations.sensor import GAINS, NoiseCurve, sensed
from rnan.errors import ConfigError
from rnan.images.raw import Raw, SensorNoise
from rnan.images.srgb import srgb_decoded, srgb_encoded
from rnan.inference import raws
from rnan.tasks import get_task
from rnan.training.preparation import check_suits
from rnan.training.recipe import load_config

ROOT = Path(__file__).parent.parent
LIGHT = np.linspace(0.0, 1.0, 2001, dtype=np.float32)


def test_without_noise_the_curve_is_that_of_srgb() -> None:
    curve = NoiseCurve(photon=0.0, reading=0.0)
    assert np.abs(curve(LIGHT) - srgb_encoded(LIGHT)).max() < 1e-4


@pytest.mark.parametrize("noise", [(0.0, 0.0), (4e-4, 4e-6), (6.4e-3, 5e-4), (2e-2, 5e-3)])
def test_the_curve_and_its_inverse(noise: tuple[float, float]) -> None:
    curve = NoiseCurve(photon=noise[0], reading=noise[1])
    light = np.linspace(-0.2, 1.2, 2001, dtype=np.float32)
    value = curve(light)
    assert (np.diff(value) > 0).all()
    assert np.abs(curve.light(value) - light).max() < 1e-5
    assert curve(np.array([0.0, 1.0], np.float32)) == pytest.approx([0.0, 1.0], abs=1e-6)
    slope = np.diff(curve(LIGHT)) / np.diff(LIGHT)
    middle = (LIGHT[1:] + LIGHT[:-1]) / 2
    assert curve.slope(middle)[20:] == pytest.approx(slope[20:], rel=0.01)


def test_strong_noise_is_the_same_at_every_brightness_behind_it() -> None:
    photon, reading = 6.4e-3, 5e-4
    curve = NoiseCurve(photon=photon, reading=reading)
    draws = np.random.default_rng(0).standard_normal(200_000)
    spread = [
        curve((light + np.sqrt(photon * light + reading) * draws).astype(np.float32)).std()
        for light in (0.05, 0.2, 0.5, 0.8)
    ]
    assert max(spread) < 1.1 * min(spread)


def test_training_and_restoring_show_the_same() -> None:
    """One GRBG mosaic and one map of its noise, by PyTorch and by numpy."""
    gt = torch.from_numpy(photo(32, 48)).permute(2, 0, 1)[None].double() / 255.0
    photon, reading, gains = 1.6e-3, 4e-5, (2.0, 1.0, 1.6)
    sensors = sensor.Sensors(
        photon=torch.tensor([photon]).double(),
        reading=torch.tensor([reading]).double(),
        gains=torch.tensor([gains]).double(),
        matrix=torch.eye(3).double()[None],
        exposure=torch.ones(1).double(),
    )
    draws = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 1, 32, 48)))
    shown = sensor.sense(gt, sensors, draws)

    clean = srgb_decoded(gt[0].permute(1, 2, 0).numpy()) / np.array(gains)
    samples = (clean.transpose(2, 0, 1) * measured(32, 48)).sum(axis=0)
    noisy = samples + draws[0, 0].numpy() * np.sqrt(photon * samples + reading)
    raw = Raw(
        samples=np.minimum(noisy, 1.0).astype(np.float32),
        pattern="grbg",
        crop=(0, 0, 32, 48),
        white_balance=gains,
        xyz_to_camera=None,
        orientation=1,
    )
    noise = SensorNoise.of(photon, reading)
    curve = raws._curve(noise, raw)
    light = np.minimum(raws.balanced(raw.samples, raw.gains()), 1.0)
    assert np.abs(curve(light) - shown.mosaic[0].sum(0).numpy()).max() < 1e-5
    assert np.abs(raws._level(light, raw, noise, curve) - shown.level[0, 0].numpy()).max() < 1e-5
    assert (shown.encoded(shown.mosaic).isfinite()).all()
    assert torch.allclose(shown.gt, gt, atol=1e-9)


def test_an_answer_is_compared_where_pictures_are_seen() -> None:
    """What is right behind the curve is right as sRGB encodes it, and learns from there."""
    gt = torch.from_numpy(photo(32, 32)).permute(2, 0, 1)[None].double() / 255.0
    drawn = sensor.draw(torch.rand(1, sensor.UNIFORMS, dtype=torch.float64))
    shown = sensor.sense(gt, drawn, torch.zeros(1, 1, 32, 32, dtype=torch.float64))
    nodes, seen = shown.nodes, shown.shown.expand_as(shown.nodes)
    right = sensor.interpolated(shown.gt, seen, nodes).requires_grad_()
    answer = shown.encoded(right)
    assert torch.allclose(answer, shown.gt, atol=1e-6)
    answer.sum().backward()
    assert right.grad is not None
    assert (right.grad > 0).all()


def test_sensors_that_are_drawn() -> None:
    drawn = sensor.draw(torch.rand(4000, sensor.UNIFORMS))
    assert (drawn.photon == 0).float().mean() == pytest.approx(0.1, abs=0.03)
    assert ((drawn.photon == 0) == (drawn.reading == 0)).all()
    assert torch.allclose(drawn.matrix.sum(2), torch.ones(4000, 3), atol=1e-5)
    assert drawn.gains.min() >= 1.0
    assert float(drawn.exposure.min()) >= 0.2
    assert float(drawn.exposure.max()) <= 1.0


def test_the_samples_of_a_measurement() -> None:
    gt = np.full((64, 64, 3), 120.0)
    first, again, other = (
        sensed(gt, 1e-3, 1e-5, pattern="rggb", name=name) for name in ("a", "a", "b")
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    where = measured(64, 64, "rggb").transpose(1, 2, 0)
    assert not first[~where].any()
    for channel in range(3):
        own = first[..., channel][where[..., channel]] / 255.0
        light = srgb_decoded(np.array(120 / 255.0)) / GAINS[channel]
        assert own.mean() == pytest.approx(float(light), rel=0.02)
        assert own.var() == pytest.approx(1e-3 * float(light) + 1e-5, rel=0.15)


def test_sensors_are_for_demosaicing() -> None:
    recipe = load_config(ROOT / "recipes" / "denoise-color.yaml", ["data.sensor=true"])
    with pytest.raises(ConfigError, match=r"data\.sensor is for demosaicing, not for denoise"):
        check_suits(recipe, get_task("denoise-color"))
    check_suits(load_config(ROOT / "recipes" / "demosaic-raw.yaml"), get_task("demosaic"))
    with pytest.raises(ConfigError, match=r"data\.sensor does not go with LQ pictures"):
        load_config(
            ROOT / "recipes" / "demosaic-raw.yaml",
            ["data.lq_folders=[a, b, c]", "data.vivid_share=0", "data.grating_share=0"],
        )
