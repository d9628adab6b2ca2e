"""What is said in two places says the same in both."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import rnan
from conftest import photo
from rnan.api import load_restorer
from rnan.degradations.mosaic import PATTERNS, mosaic
from rnan.option_table import LEVELS, PATTERN, QUALITY, SCALE, SENSOR_SIGMA, SIGMA
from rnan.tasks import RESTORATIONS, TASKS

PAGE = Path(rnan.__file__).parent / "server" / "page"

BAYER = {"grbg", "rggb", "bggr", "gbrg"}


def levels_of_the_page() -> dict[str, dict[str, object]]:
    """``LEVELS`` of the page's script, which is JSON but for its bare names."""
    text = (PAGE / "words.js").read_text(encoding="utf-8")
    body = re.search(r"export const LEVELS = (\{.*?\n\});", text, re.DOTALL)
    assert body
    bare = re.sub(r"(\w+): ", r'"\1": ', re.sub(r",(\s*\})", r"\1", body[1]))
    return dict(json.loads(bare))


def test_ranges_of_the_page_are_the_servers() -> None:
    page = levels_of_the_page()
    assert set(page) == {name for name, options in LEVELS.items() if options}
    for name, shown in page.items():
        option = LEVELS[name][0]
        assert shown["name"] == option.name
        if "low" in shown:
            assert (shown["low"], shown["high"]) == (option.low, option.high)
        elif option.choices:
            assert tuple(shown["choices"]) == option.choices
        else:
            assert all(option.low <= float(one) <= option.high for one in shown["choices"])


def test_ranges_of_options_are_those_of_the_tasks() -> None:
    for option, restoration in (
        (SIGMA, "denoise"),
        (QUALITY, "dejpeg"),
        (SENSOR_SIGMA, "demosaic"),
    ):
        for name in RESTORATIONS[restoration].values():
            assert TASKS[name].level_range == (option.low, option.high)
    assert max(TASKS["super-resolution"].scales) == SCALE.high


def test_every_table_has_all_bayer_patterns() -> None:
    assert set(PATTERNS) == BAYER
    assert set(PATTERN.choices) == {"auto", *BAYER}


@pytest.mark.parametrize("pattern", sorted(BAYER))
def test_every_pattern_is_read_arranged_and_put_back(pattern: str) -> None:
    picture = photo(64, 96)
    lq = mosaic(picture.astype(np.float64), pattern).astype(np.uint8)
    restored = load_restorer("demosaic", dtype="float32")(lq, level="auto")
    assert np.abs(restored.astype(int) - picture).mean() < 3
