"""How bad a picture got: the levels of the tasks, spelt as the paper's tables spell them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from rnan.degradations.mosaic import PATTERNS
from rnan.errors import ConfigError
from rnan.settings import nearest

Kind = Literal["sigma", "quality", "pattern", "scale"]
"""What a level is: σ of the noise on the 0-255 scale, libjpeg's quality, the Bayer pattern (with
a σ beside it), or the enlargement."""

_MOST_SIGMA = 1000.0


@dataclass(frozen=True, kw_only=True)
class Level:
    """One level of a task."""

    kind: Kind
    value: float = 0.0
    """σ or quality; what a network with a level channel is told."""
    pattern: str = "grbg"
    scale: int = 1

    @property
    def name(self) -> str:
        """As ``published.csv`` spells it: ``30``, ``grbg``, ``grbg-5``, ``x2``."""
        if self.kind == "scale":
            return f"x{self.scale}"
        if self.kind == "pattern":
            return f"{self.pattern}-{self.value:g}" if self.value else self.pattern
        return f"{self.value:g}"

    def arguments(self) -> dict[str, Any]:
        """What :class:`rnan.inference.Restorer` is told."""
        if self.kind == "scale":
            return {"level": self.scale}
        if self.kind == "pattern":
            return {"level": self.pattern, "sigma": self.value}
        return {"level": self.value}


def parse_level(kind: Kind, text: str) -> Level:
    """The level that ``text`` spells; ``2`` is taken for ``x2``.

    Raises:
        ConfigError: It spells none.
    """
    word = text.strip().lower()
    if kind == "scale":
        number = _number(word.removeprefix("x"), text, "a scale such as x2")
        return Level(kind=kind, scale=check_scale(number))
    if kind == "pattern":
        pattern, dash, sigma = word.partition("-")
        check_pattern(pattern)
        noise = _number(sigma, text, "a pattern with noise such as grbg-5") if dash else 0.0
        return Level(kind=kind, pattern=pattern, value=_in_range(kind, noise))
    return Level(kind=kind, value=_in_range(kind, _number(word, text, f"a {kind}")))


def check_pattern(pattern: str) -> str:
    """``pattern`` in lower case, if there is such a one.

    Raises:
        ConfigError: There is none.
    """
    if pattern.lower() not in PATTERNS:
        raise ConfigError(
            f"unknown Bayer pattern {pattern!r}{nearest(pattern, PATTERNS)}; "
            f"known are {', '.join(PATTERNS)}"
        )
    return pattern.lower()


def check_scale(scale: float) -> int:
    """``scale`` as a whole number.

    Raises:
        ConfigError: It is none, or below 1.
    """
    if not 1 <= scale <= 16 or scale != int(scale):
        raise ConfigError(f"scale must be a whole number from 1 to 16, got {scale:g}")
    return int(scale)


def _number(word: str, text: str, expected: str) -> float:
    try:
        number = float(word)
    except ValueError:
        raise ConfigError(f"{text!r} is no level; expected {expected}") from None
    if not abs(number) < float("inf"):
        raise ConfigError(f"{text!r} is no level; expected {expected}")
    return number


def _in_range(kind: Kind, value: float) -> float:
    if kind == "quality" and not (1 <= value <= 100 and value == int(value)):
        raise ConfigError(f"quality must be a whole number from 1 to 100, got {value:g}")
    if not 0.0 <= value <= _MOST_SIGMA:
        raise ConfigError(f"sigma must lie between 0 and {_MOST_SIGMA:g}, got {value:g}")
    return value
