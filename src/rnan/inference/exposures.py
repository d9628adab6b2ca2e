"""Floating-point pictures that go beyond white or below black, for networks that know neither.

Such a picture is restored as several exposures of it, each of which brings a part of its range into
that of the network; every place takes the exposure that suits it. What lies between black and white
is restored as in any other picture.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnan.degradations.resize import resize
from rnan.tasks import Condition

Array = NDArray[np.float32]

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
    weight: Array
    """``(1, H, W)`` from 0 to 1: how far it replaces those before it."""


def exposures(plane: Array, condition: Condition) -> list[Exposure]:
    """Those that a picture needs beside the one from black to white; none for nearly all.

    Args:
        plane: ``(C, H, W)`` with white at 1.
        condition: Says how strong its noise is, which may leave the range by as much.
    """
    slack = _MARGIN + condition.noise
    if plane.max() <= 1.0 + slack and plane.min() >= -slack:
        return []
    bright, dark = (
        _spread(one) for one in (plane.max(0, keepdims=True), -plane.min(0, keepdims=True))
    )
    result = []
    darkest, brightest = float(dark.max()), float(bright.max())
    if darkest > slack:
        result.append(Exposure(low=-darkest, high=1.0, weight=_weight(dark > slack / 2.0)))
    below, high = 1.0 + slack, _STEP
    while brightest > below:
        weight = _weight(bright > below - slack / 2.0)
        result.append(Exposure(low=0.0, high=min(high, brightest), weight=weight))
        below, high = high, high * _STEP
    return result


def restored_by(
    run: Callable[[Array, Condition], Array],
    plane: Array,
    condition: Condition,
    more: list[Exposure],
) -> Array:
    """The restored picture.

    Args:
        run: Restores ``(C, H, W)`` within the range.
        plane: The picture.
        condition: What holds for it.
        more: What :func:`exposures` found.
    """
    whole = _within(run, plane, condition, 0.0, 1.0)
    for exposure in more:
        restored = _within(run, plane, condition, exposure.low, exposure.high)
        weight = exposure.weight
        if weight.shape[-2:] != restored.shape[-2:]:
            weight = _bilinear(weight, *restored.shape[-2:])
        whole = whole + weight * (restored - whole)
    return whole


def _within(
    run: Callable[[Array, Condition], Array],
    plane: Array,
    condition: Condition,
    low: float,
    high: float,
) -> Array:
    """One exposure restored; what it does not reach, a lamp in the dark, goes past the network."""
    span = high - low
    condition = condition.exposed(span)
    seen = (plane - np.float32(low)) / np.float32(span)
    slack = _MARGIN + _NOISE * condition.noise
    limited = seen.clip(-slack, 1.0 + slack)
    restored = run(limited, condition)
    if not np.array_equal(seen, limited):
        restored = restored + resized(seen - limited, *restored.shape[-2:])
    return restored * np.float32(span) + np.float32(low)


def resized(plane: Array, height: int, width: int) -> Array:
    """A picture ``(C, H, W)`` of another size, by MATLAB's bicubic ``imresize``."""
    if plane.shape[-2:] == (height, width):
        return plane
    return resize(plane.transpose(1, 2, 0), height, width).transpose(2, 0, 1)


def _bilinear(plane: Array, height: int, width: int) -> Array:
    """A plane ``(1, H, W)`` of another size, each pixel a blend of the four nearest."""
    for axis, length in ((1, height), (2, width)):
        last = plane.shape[axis] - 1
        place = ((np.arange(length) + 0.5) * (last + 1) / length - 0.5).clip(0, last)
        low = place.astype(np.intp)
        share = (place - low).reshape([-1 if side == axis else 1 for side in range(3)])
        above = np.take(plane, np.minimum(low + 1, last), axis)
        plane = np.take(plane, low, axis) * (1.0 - share) + above * share
    return plane.astype(np.float32)


def _weight(where: NDArray[np.bool_]) -> Array:
    """Rising from the border of a part inwards: beside it a coarse exposure would be seen."""
    return (2.0 * _smooth(where.astype(np.float32)) - 1.0).clip(min=0.0)


def _spread(plane: Array) -> Array:
    """Brightness as a place and its surroundings have it, whichever is less."""
    return np.minimum(plane, _smooth(plane))


def _smooth(plane: Array) -> Array:
    """Means over squares, smaller at the border: ``(1, H, W)``."""
    return _mean_along(_mean_along(plane, -2), -1).astype(np.float32)


def _mean_along(plane: NDArray[np.floating], axis: int) -> NDArray[np.float64]:
    length, half = plane.shape[axis], _BOX // 2
    sums = np.cumsum(plane, axis=axis, dtype=np.float64)
    sums = np.concatenate((np.zeros_like(np.take(sums, [0], axis)), sums), axis=axis)
    places = np.arange(length)
    first, last = np.maximum(places - half, 0), np.minimum(places + half + 1, length)
    shape = [1] * plane.ndim
    shape[axis] = length
    number = (last - first).reshape(shape)
    return np.asarray((np.take(sums, last, axis) - np.take(sums, first, axis)) / number)
