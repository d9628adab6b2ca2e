"""What a network is told beside the picture: level, pattern and scale, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnan.errors import ConfigError, InputError
from rnan.estimation import Traces
from rnan.levels import check_pattern
from rnan.tasks import Task

LEAST_ENLARGEMENT = 1.1
"""A smaller one is no super-resolution."""

LevelLike = float | str | NDArray[Any]
"""σ or quality as a number or a map ``(H, W)``, a Bayer pattern, a scale, or ``"auto"``."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What holds for one picture."""

    level: Tensor | None
    """As the network is told it: ``(1,)`` or a map ``(1, 1, H, W)``; none where it takes none."""
    pattern: str = "grbg"
    scale: int = 1
    """What the network enlarges by."""
    enlargement: float = 1.0
    """What is asked for, at most :attr:`scale`."""
    grid: tuple[int, int] = (0, 0)
    """Of a JPEG: rows and columns before its first whole block."""

    def result_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the restored picture; half a pixel counts as one."""
        return int(self.enlargement * height + 0.5), int(self.enlargement * width + 0.5)


def condition(
    task: Task,
    level: LevelLike,
    sigma: LevelLike,
    estimate: Callable[[], LevelLike],
    *,
    size: tuple[int, int],
    scales: Sequence[int],
    takes_level: bool,
) -> Condition:
    """Check what the caller gave and estimate what is left to us.

    Args:
        task: Says what a level is.
        level: See :data:`LevelLike`.
        sigma: σ beside a Bayer pattern.
        estimate: Reads the level off the picture; called for ``"auto"``.
        size: Height and width of the picture.
        scales: Those that the network has.
        takes_level: Whether the network has a level channel.

    Raises:
        ConfigError: A value is out of range or of the wrong kind.
    """
    if task.kind == "scale":
        enlargement = _enlargement(level, scales)
        scale = next_scale(enlargement, scales)
        return Condition(level=None, scale=scale, enlargement=enlargement)
    if task.kind == "pattern":
        if isinstance(level, str) and level == "auto":
            level = estimate()
        if not isinstance(level, str):
            raise ConfigError("a mosaic needs its pattern: grbg, rggb, bggr or gbrg")
        if isinstance(sigma, str) or np.ndim(sigma):
            raise ConfigError("the noise of a mosaic is not estimated; give one number")
        pattern = check_pattern(level)
        told = _told(task, sigma, estimate, size) if takes_level else None
        return Condition(level=told, pattern=pattern)
    return Condition(level=_told(task, level, estimate, size) if takes_level else None)


def estimated_level(task: Task, plane: Tensor, traces: Traces) -> LevelLike:
    """σ, quality or Bayer pattern, read off a picture.

    Args:
        task: Says which of them.
        plane: ``(C, H, W)`` with white at 1.
        traces: What it went through.

    Raises:
        ConfigError: Nothing is estimated for this task.
        InputError: The picture does not tell its pattern.
    """
    from rnan.estimation.mosaic import in_words, mosaic_pattern

    if task.kind == "pattern":
        pattern = mosaic_pattern(plane.permute(1, 2, 0).numpy())
        if pattern is None or " " in pattern:
            said = "looks like no mosaic" if pattern is None else f"may be {in_words(pattern)}"
            raise InputError(
                f"the picture {said}: say its pattern (rnan demosaic --pattern, in Python level=)"
            )
        return pattern
    if task.kind == "sigma":
        low, high = task.level_range
        noise = traces.noise
        return min(max(noise, low), high) if isinstance(noise, float) else noise.clip(low, high)
    if task.kind == "quality":
        return traces.quality
    raise ConfigError(f"the {task.kind} of {task.name} is not estimated")


def sigma_in_words(level: float | NDArray[Any], digits: int = 0) -> str:
    """σ, or from where to where it goes; that parts without a photograph have none goes unsaid."""
    values = np.asarray(level)
    noisy = values[values > 0.0] if values.ndim and values.max() > 0.0 else values
    low, high = (f"{value:.{digits}f}" for value in (noisy.min(), noisy.max()))
    return low if low == high else f"{low} to {high}"


def next_scale(enlargement: float, scales: Sequence[int]) -> int:
    """The smallest scale of a network that is as large as what is asked for."""
    return min(scale for scale in scales if scale >= enlargement)


def _enlargement(level: LevelLike, scales: Sequence[int]) -> float:
    if isinstance(level, str) and level == "auto" and len(scales) == 1:
        return float(scales[0])
    try:
        enlargement = float(level)
    except (TypeError, ValueError):
        raise ConfigError(f"scale must be a number, got {level!r}") from None
    if not LEAST_ENLARGEMENT <= enlargement <= max(scales):
        raise ConfigError(
            f"scale must lie between {LEAST_ENLARGEMENT} and {max(scales)} with these weights, "
            f"got {enlargement:g}"
        )
    return enlargement


def _told(
    task: Task, level: LevelLike, estimate: Callable[[], LevelLike], size: tuple[int, int]
) -> Tensor:
    if isinstance(level, str):
        if level != "auto":
            raise ConfigError(f"{task.level_name} must be a number or auto, got {level!r}")
        level = estimate()
    try:
        values = np.asarray(level, dtype=np.float32)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{task.level_name} must be a number, a map or auto, got {level!r}"
        ) from None
    if values.size == 0:
        raise ConfigError(f"the map of {task.level_name} is empty")
    for extreme in (values.min(), values.max()):
        task.check_level(float(extreme))
    scaled = torch.from_numpy(np.atleast_1d(values / np.float32(task.level_scale)))
    if values.ndim == 0:
        return scaled
    if values.shape != size:
        raise ConfigError(
            f"a map of {task.level_name} must have the picture's size {size}, got {values.shape}"
        )
    return scaled[None, None]
