"""Two thousand damaged files: each is read, or refused in one line, and takes little."""

from __future__ import annotations

import random

import pytest

from fuzzing import OVER, fuzz
from mutations import FORMATS, mutated, seeds

SEED = 0
"""Of files that no library hangs on: those are found by ``scripts/fuzz.py`` and not kept."""


@pytest.fixture(scope="module")
def whole() -> dict[str, list[bytes]]:
    return seeds()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_format_is_taken_apart_without_loss(kind: str, whole: dict[str, list[bytes]]) -> None:
    cut, joined = FORMATS[kind]
    for data in whole[kind]:
        parts = cut(data)
        assert len(parts) > 1
        assert joined(parts, random.Random(0)) == data


def test_files_are_made_again_by_their_number(whole: dict[str, list[bytes]]) -> None:
    for kind, files in whole.items():
        one, same = (mutated(kind, files, random.Random("0/1")) for _ in range(2))
        assert one == same
        others = {mutated(kind, files, random.Random(f"0/{number}")) for number in range(20)}
        assert len(others) > 10


@pytest.mark.slow
def test_two_thousand_damaged_files() -> None:
    tally = fuzz(SEED, number=2000)
    assert tally.lost == []
    assert sum(counts[OVER] for counts in tally.counts.values()) == 0
    assert max(tally.memory) < 10**9
    for kind, counts in tally.counts.items():
        assert sum(counts.values()) > 100
        assert counts["refused"] or kind == "manifest"
        assert counts["read"], kind
