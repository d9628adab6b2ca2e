"""What is said in two places says the same in both."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import rnan
from conftest import photo
from rnan.api import load_restorer
from rnan.degradations.mosaic import PATTERNS, mosaic
from rnan.images.formats.registry import USUAL_ENDING
from rnan.options.files import WriteOptions
from rnan.options.levels import LEVELS, MosaicLevel, ScaleLevel
from rnan.options.option import options_of
from rnan.tasks import RESTORATIONS, TASKS

PAGE = Path(rnan.__file__).parent / "server" / "page"

BAYER = {"grbg", "rggb", "bggr", "gbrg"}


def test_the_page_has_its_ranges_from_the_server() -> None:
    """Words for each level stand there, numbers and choices do not."""
    text = (PAGE / "words.js").read_text(encoding="utf-8")
    body = re.search(r"export const LEVELS = (\{.*?\n\});", text, re.DOTALL)
    assert body
    assert set(re.findall(r"^  (\w+):", body[1], re.MULTILINE)) == {*LEVELS} - {"auto"}
    assert not re.search(r"\b(low|high|choices):", body[1])


def test_ranges_of_options_are_those_of_the_tasks() -> None:
    for name, restoration in RESTORATIONS.items():
        for task in restoration.tasks.values():
            assert task.asks is LEVELS[name]
    assert max(TASKS["super-resolution"].scales) == options_of(ScaleLevel)["scale"].high


def test_formats_that_can_be_asked_for_are_those_that_are_written() -> None:
    assert {*options_of(WriteOptions)["format"].choices} == {name.lower() for name in USUAL_ENDING}


def test_every_table_has_all_bayer_patterns() -> None:
    assert set(PATTERNS) == BAYER
    assert {*options_of(MosaicLevel)["pattern"].choices} == {"auto", *BAYER}


@pytest.mark.parametrize("pattern", sorted(BAYER))
def test_every_pattern_is_read_arranged_and_put_back(pattern: str) -> None:
    picture = photo(64, 96)
    lq = mosaic(picture.astype(np.float64), pattern).astype(np.uint8)
    restored = load_restorer("demosaic", dtype="float32")(lq, level="auto")
    assert np.abs(restored.astype(int) - picture).mean() < 3
