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

from rnan.inference.conditions import Condition
from rnan.tasks import Task

_BOX = 9
"""Side of the squares over which brightness is averaged: noise alone goes beyond white too."""
_REACH = 33
"""Side of the squares around bright places that take their exposure too: what the network sees."""
_STEP = 4.0
"""How many times as bright as the one before an exposure goes."""
_MARGIN = 0.02
"""Share of white by which a picture may leave the range all the same."""


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
    noise = 0.0
    if task.kind == "sigma" and told.level is not None:
        noise = float(told.level.max())
    slack = _MARGIN + noise
    if plane.max() <= 1.0 + slack and plane.min() >= -slack:
        return []
    bright, dark = _smooth(plane.amax(0, keepdim=True)), -_smooth(plane.amin(0, keepdim=True))
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
    whole = run(plane, told)
    for exposure in more:
        span = exposure.high - exposure.low
        same = told
        if task.kind == "sigma" and told.level is not None:
            same = replace(told, level=told.level / span)
        restored = run((plane - exposure.low) / span, same) * span + exposure.low
        weight = exposure.weight
        if weight.shape[-2:] != restored.shape[-2:]:
            size = list(restored.shape[-2:])
            weight = F.interpolate(weight[None], size, mode="bilinear")[0]
        whole = torch.lerp(whole, restored, weight)
    return whole


def _weight(where: Tensor) -> Tensor:
    reach = F.max_pool2d(where.float()[None], _REACH, stride=1, padding=_REACH // 2)[0]
    return _smooth(reach)


def _smooth(plane: Tensor) -> Tensor:
    """Means over squares, smaller at the border: ``(1, H, W)``."""
    return F.avg_pool2d(plane[None], _BOX, stride=1, padding=_BOX // 2, count_include_pad=False)[0]
