from __future__ import annotations

import numpy as np
import pytest
import torch

from conftest import photo
from rnan.degradations.batched.noise import add_noise
from rnan.degradations.noise import noisy
from rnan.errors import ConfigError
from rnan.tasks import get_task


def test_noise_is_fixed_by_name_level_and_seed() -> None:
    gt = photo(8, 8).astype(np.float64)
    first = noisy(gt, 25, name="a")
    assert np.array_equal(first, noisy(gt, 25.0, name="a", seed=0))
    for other in (noisy(gt, 25, name="b"), noisy(gt, 25, name="a", seed=1)):
        assert not np.array_equal(first, other)
    # Another level draws other noise, not the same noise scaled.
    assert not np.allclose((noisy(gt, 50, name="a") - gt) / 2, first - gt)
    # The very numbers: whoever runs this anywhere gets the same tables.
    assert (first - gt)[0, 0] == pytest.approx(FIRST, abs=1e-9)


FIRST = [-4.04841130484, -20.493361838906, 35.535380127929]


def test_noise_has_its_strength_and_is_not_clipped() -> None:
    gt = np.zeros((200, 200))
    lq = noisy(gt, 70, name="a")
    assert np.std(lq) == pytest.approx(70, rel=0.02)
    assert lq.min() < -100


def test_batched_noise_has_a_strength_for_each_picture() -> None:
    gt = torch.zeros(2, 3, 64, 64)
    lq = add_noise(gt, torch.tensor([0.0, 51.0]), torch.randn(2, 3, 64, 64))
    assert torch.equal(lq[0], gt[0])
    assert float(lq[1].std()) == pytest.approx(0.2, rel=0.05)


def test_levels_outside_the_task_are_refused() -> None:
    task = get_task("denoise-color")
    assert task.check_level(75) == 75.0
    for level in (-1, 75.1, float("nan")):
        with pytest.raises(ConfigError, match="sigma= must lie between 0 and 75"):
            task.check_level(level)
    with pytest.raises(ConfigError, match=r"unknown task denoise-colour \(did you mean"):
        get_task("denoise-colour")
