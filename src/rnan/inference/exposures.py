"""Floating-point pictures that go beyond white or below black, for networks that know neither.

Such a picture is restored as several exposures of it, each of which brings a part of its range into
that of the network; every place takes the exposure that suits it. What lies between black and white
is restored as in any other picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from rnan.degradations.resize import resize
from rnan.inference.conditions import Condition
from rnan.tasks import Task

_BOX = 9
"""Side of the squares over which brightness is averaged: noise alone goes beyond white too."""
_STEP = 4.0
"""How many times as bright as the one before an exposure goes."""
_MARGIN = 0.02
"""Share of white by which a picture may leave the range all the same."""
_NOISE = 5.0
"""Standard deviations that noise may."""


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """A part of the range of a picture."""

    low: float
    high: float
    weight: Tensor
    """``(1, H, W)`` from 0 to 1: how far it replaces those before it."""


def exposures(plane: Tensor, told: Condition, task: Task) -> list[Exposure]:
    """Those that a picture needs beside the one from black to white; none for nearly all.

    Args:
        plane: ``(C, H, W)`` with white at 1.
        told: The level: noise may leave the range by as much.
        task: Says whether the level is noise.
    """
    slack = _MARGIN + _noise(told, task)
    if plane.max() <= 1.0 + slack and plane.min() >= -slack:
        return []
    bright, dark = (
        _spread(one) for one in (plane.amax(0, keepdim=True), -plane.amin(0, keepdim=True))
    )
    found = []
    darkest, brightest = float(dark.max()), float(bright.max())
    if darkest > slack:
        found.append(Exposure(low=-darkest, high=1.0, weight=_weight(dark > slack / 2.0)))
    below, high = 1.0 + slack, _STEP
    while brightest > below:
        weight = _weight(bright > below - slack / 2.0)
        found.append(Exposure(low=0.0, high=min(high, brightest), weight=weight))
        below, high = high, high * _STEP
    return found


def restored_by(
    run: Callable[[Tensor, Condition], Tensor],
    plane: Tensor,
    told: Condition,
    task: Task,
    more: list[Exposure],
) -> Tensor:
    """The restored picture.

    Args:
        run: Restores ``(C, H, W)`` within the range.
        plane: The picture.
        told: What holds for it.
        task: See :func:`exposures`.
        more: What :func:`exposures` found.
    """
    whole = _within(run, plane, told, task, 0.0, 1.0)
    for exposure in more:
        restored = _within(run, plane, told, task, exposure.low, exposure.high)
        weight = exposure.weight
        if weight.shape[-2:] != restored.shape[-2:]:
            size = list(restored.shape[-2:])
            weight = F.interpolate(weight[None], size, mode="bilinear")[0]
        whole = torch.lerp(whole, restored, weight)
    return whole


def _within(
    run: Callable[[Tensor, Condition], Tensor],
    plane: Tensor,
    told: Condition,
    task: Task,
    low: float,
    high: float,
) -> Tensor:
    """One exposure restored; what it does not reach, a lamp in the dark, goes past the network."""
    span = high - low
    if task.kind == "sigma" and told.level is not None:
        told = replace(told, level=told.level / span)
    seen = (plane - low) / span
    slack = _MARGIN + _NOISE * _noise(told, task)
    limited = seen.clamp(-slack, 1.0 + slack)
    restored = run(limited, told)
    if not torch.equal(seen, limited):
        restored = restored + resized(seen - limited, *restored.shape[-2:])
    return restored * span + low


def _noise(told: Condition, task: Task) -> float:
    """σ, with white at 1."""
    noisy = task.kind == "sigma" and told.level is not None
    return float(told.level.max()) if noisy and told.level is not None else 0.0


def resized(plane: Tensor, height: int, width: int) -> Tensor:
    """A picture ``(C, H, W)`` of another size, by MATLAB's bicubic ``imresize``."""
    if plane.shape[-2:] == (height, width):
        return plane
    other = resize(plane.permute(1, 2, 0).numpy(), height, width)
    return torch.from_numpy(other).permute(2, 0, 1)


def _weight(where: Tensor) -> Tensor:
    """Rising from the border of a part inwards: beside it a coarse exposure would be seen."""
    return (2.0 * _smooth(where.float()) - 1.0).clamp(min=0.0)


def _spread(plane: Tensor) -> Tensor:
    """Brightness as a place and its surroundings have it, whichever is less."""
    return torch.minimum(plane, _smooth(plane))


def _smooth(plane: Tensor) -> Tensor:
    """Means over squares, smaller at the border: ``(1, H, W)``."""
    return F.avg_pool2d(plane[None], _BOX, stride=1, padding=_BOX // 2, count_include_pad=False)[0]
