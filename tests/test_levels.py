"""Levels are spelt as the paper's tables spell them."""

from __future__ import annotations

import numpy as np
import pytest

from rnan.errors import ConfigError
from rnan.evaluation.published import published
from rnan.tasks import TASKS, get_task


def test_every_published_level_is_known() -> None:
    rows = [row for row in published() if row.table not in ("1", "7")]
    assert len(rows) > 500
    for row in rows:
        assert get_task(row.task).level(row.level).name == row.level


@pytest.mark.parametrize(
    ("task", "text", "name"),
    [
        ("super-resolution", "2", "x2"),
        ("super-resolution", "X4", "x4"),
        ("demosaic", "GRBG-5", "grbg-5"),
        ("demosaic", "rggb-0", "rggb"),
        ("denoise-color", "25.0", "25"),
        ("dejpeg", " 10 ", "10"),
    ],
)
def test_spellings(task: str, text: str, name: str) -> None:
    assert get_task(task).level(text).name == name


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ("super-resolution", "x2.5"),
        ("super-resolution", "x0"),
        ("super-resolution", "big"),
        ("super-resolution", "xnan"),
        ("demosaic", "grgb"),
        ("demosaic", "grbg-"),
        ("demosaic", "grbg--5"),
        ("denoise-color", "-1"),
        ("denoise-color", "inf"),
        ("dejpeg", "0"),
        ("dejpeg", "10.5"),
        ("dejpeg", "101"),
    ],
)
def test_what_is_no_level(task: str, text: str) -> None:
    with pytest.raises(ConfigError):
        get_task(task).level(text)


def test_references() -> None:
    rgb = np.array([[[255.0, 0.0, 0.0], [10.0, 20.0, 30.0]]])
    assert get_task("denoise-gray").reference(rgb).ravel().tolist() == [76.0, 18.0]
    assert get_task("dejpeg").reference(rgb).ravel().tolist() == [81.0, 32.0]
    assert np.array_equal(get_task("denoise-color").reference(rgb), rgb)
    beyond = np.array([[[300.0, -20.0, 128.4]]])
    assert get_task("denoise-color").reference(beyond).ravel().tolist() == [255.0, 0.0, 128.0]
    for task in TASKS.values():  # gray stays one plane
        assert task.reference(rgb[:, :, :1]).ravel().tolist() == [255.0, 10.0]
