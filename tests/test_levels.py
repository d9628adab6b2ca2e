"""Levels are spelt as the paper's tables spell them."""

from __future__ import annotations

import numpy as np
import pytest

from rnan.errors import ConfigError
from rnan.evaluation.published import published
from rnan.levels import parse_level
from rnan.tasks import TASKS, get_task


def test_every_published_level_is_known() -> None:
    rows = [row for row in published() if row.table not in ("1", "7")]
    assert len(rows) > 500
    for row in rows:
        assert get_task(row.task).level(row.level).name == row.level


@pytest.mark.parametrize(
    ("kind", "text", "name"),
    [
        ("scale", "2", "x2"),
        ("scale", "X4", "x4"),
        ("pattern", "GRBG-5", "grbg-5"),
        ("pattern", "rggb-0", "rggb"),
        ("sigma", "25.0", "25"),
        ("quality", " 10 ", "10"),
    ],
)
def test_spellings(kind: str, text: str, name: str) -> None:
    assert parse_level(kind, text).name == name


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("scale", "x2.5"),
        ("scale", "x0"),
        ("scale", "big"),
        ("scale", "xnan"),
        ("pattern", "grgb"),
        ("pattern", "grbg-"),
        ("pattern", "grbg--5"),
        ("sigma", "-1"),
        ("sigma", "inf"),
        ("quality", "0"),
        ("quality", "10.5"),
        ("quality", "101"),
    ],
)
def test_what_is_no_level(kind: str, text: str) -> None:
    with pytest.raises(ConfigError):
        parse_level(kind, text)


def test_references() -> None:
    rgb = np.array([[[255.0, 0.0, 0.0], [10.0, 20.0, 30.0]]])
    assert get_task("denoise-gray").reference(rgb).ravel().tolist() == [76.0, 18.0]
    assert get_task("dejpeg").reference(rgb).ravel().tolist() == [81.0, 32.0]
    assert np.array_equal(get_task("denoise-color").reference(rgb), rgb)
    beyond = np.array([[[300.0, -20.0, 128.4]]])
    assert get_task("denoise-color").reference(beyond).ravel().tolist() == [255.0, 0.0, 128.0]
    for task in TASKS.values():  # gray stays one plane
        assert task.reference(rgb[:, :, :1]).ravel().tolist() == [255.0, 10.0]
