"""Random numbers by index: known values, and the moments that they should have."""

from __future__ import annotations

import pytest
import torch
from scipy import stats

from rnan.training import counter


def test_the_hash_is_splitmix() -> None:
    # First output for seed 0 of the reference program (Vigna, 2015).
    state = torch.tensor([counter._GOLDEN])
    assert int(counter._mix(state)) & (2**64 - 1) == 0xE220A8397B1DCDAF


def test_uniform_numbers_are_uniform() -> None:
    values = counter.uniform(counter.keys(0, "x", torch.arange(50)), 2000).flatten()
    assert stats.kstest(values.numpy(), "uniform").pvalue > 0.01
    assert 0 <= float(values.min()) < float(values.max()) < 1


def test_normal_numbers_are_normal_and_independent() -> None:
    values = counter.normal(counter.keys(1, "noise", torch.arange(40)), 5001)
    assert values.shape == (40, 5001)
    assert stats.kstest(values.flatten().numpy(), "norm").pvalue > 0.01
    between = torch.corrcoef(values) - torch.eye(40)
    assert float(between.abs().max()) < 5 / 5001**0.5
    # The two halves of Box and Muller's pairs.
    pairs = torch.corrcoef(
        torch.stack((values[:, :2500].flatten(), values[:, 2501:5001].flatten()))
    )
    assert float(pairs[0, 1].abs()) < 0.015


@pytest.mark.parametrize("other", [(1, "x"), (0, "y")])
def test_another_seed_or_purpose_gives_other_numbers(other: tuple[int, str]) -> None:
    index = torch.arange(8)
    assert not torch.equal(counter.keys(0, "x", index), counter.keys(*other, index))


def test_numbers_do_not_depend_on_what_is_computed_beside_them() -> None:
    together = counter.normal(counter.keys(3, "noise", torch.arange(100, 110)), 64)
    alone = counter.normal(counter.keys(3, "noise", torch.tensor([104])), 64)
    assert torch.equal(together[4:5], alone)
