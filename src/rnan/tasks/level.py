"""Levels: how bad a picture got, spelt as the paper's tables spell them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.errors import ConfigError

LevelLike = float | str | NDArray[Any]
"""σ or quality as a number or a map ``(H, W)``, a Bayer pattern, a scale, or ``"auto"``."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One level of a task; :meth:`rnan.tasks.Task.level` makes it from its name."""

    name: str
    """As ``published.csv`` spells it: ``30``, ``grbg``, ``grbg-5``, ``x2``."""
    value: float = 0.0
    """σ or quality: what a network with a level channel is given, in the task's units."""
    pattern: str = "grbg"
    """Bayer pattern of a mosaic."""
    scale: int = 1
    """How many times smaller the LQ picture is."""
    arguments: Mapping[str, Any]
    """What a restorer is asked for at this level, by the names of its options."""


def number(word: str, text: str, expected: str) -> float:
    """A finite number from a part of a level's name."""
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise ConfigError(f"{text!r} is no level; expected {expected}")
    return value


def sigma(word: str, text: str, expected: str) -> float:
    """A standard deviation from a part of a level's name; see :func:`number`."""
    value = number(word, text, expected)
    if not 0.0 <= value <= _LARGEST_SIGMA:
        raise ConfigError(f"sigma must lie between 0 and {_LARGEST_SIGMA:g}, got {value:g}")
    return value


def level_in_words(level: float | NDArray[Any], digits: int = 0) -> str:
    """A number, or the range of a map; parts of a picture without noise are left out."""
    values = np.asarray(level)
    noisy = values[values > 0.0] if values.ndim and values.max() > 0.0 else values
    low, high = (f"{value:.{digits}f}" for value in (noisy.min(), noisy.max()))
    return low if low == high else f"{low} to {high}"


_LARGEST_SIGMA = 1000.0
