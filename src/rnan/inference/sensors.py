"""Samples of a sensor before a network sees them: pixels that are broken, plain interpolation."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rnan.degradations.mosaic import measured
from rnan.images.raw import Raw, SensorNoise

Array = NDArray[np.float32]

_SIGMAS, _OF_RANGE, _LEAST = 7.0, 3.0, 0.03
"""How far a broken pixel lies beyond all of its neighbours: standard deviations of the noise, the
range of these neighbours, and a share of white, together."""
_NEAR = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
_BESIDE = ((-1, 0), (0, -1), (0, 1), (1, 0))


def without_outliers(raw: Raw, noise: SensorNoise) -> Array:
    """The samples, hot and dead ones replaced by what lies around them.

    A sample is broken where it lies far beyond the eight nearest of its own colour and far beyond
    its four neighbours of the others: a star or a lamp, however small, is seen by those too.

    Args:
        raw: With a mosaic.
        noise: Of the samples.

    Returns:
        The samples themselves where none is broken, else a copy.
    """
    samples, gains = raw.samples, raw.gains()
    result = samples
    for row in (0, 1):
        for column in (0, 1):
            plane = samples[row::2, column::2]
            colour = "rgb".index(raw.pattern[2 * row + column])
            gain = gains[row, column]
            for y, x, value in _outliers(plane, noise.photon[colour], noise.reading[colour]):
                place = 2 * y + row, 2 * x + column
                others = _balanced_beside(samples, gains, *place)
                own = float(samples[place] * gain)
                far = _OF_RANGE * (max(others) - min(others)) + _LEAST if others else 0.0
                if others and min(others) - far <= own <= max(others) + far:
                    continue
                if result is samples:
                    result = samples.copy()
                result[place] = value
    return result


def _outliers(plane: Array, photon: float, reading: float) -> Iterator[tuple[int, int, np.float32]]:
    """Rows, columns and better values of samples far beyond all eight around them."""
    height, width = plane.shape
    if min(height, width) < 3:
        return
    padded = np.pad(plane, 1, mode="reflect")
    around = [
        padded[1 + down : 1 + down + height, 1 + across : 1 + across + width]
        for down, across in _NEAR
    ]
    most, least = around[0].copy(), around[0].copy()
    for one in around[1:]:
        np.maximum(most, one, out=most)
        np.minimum(least, one, out=least)
    spread = np.sqrt(np.maximum(photon * np.maximum(most, 0.0) + reading, 0.0))
    margin = _SIGMAS * spread + _OF_RANGE * (most - least) + _LEAST
    rows, columns = np.nonzero((plane > most + margin) | (plane < least - margin))
    for y, x in zip(rows.tolist(), columns.tolist(), strict=True):
        yield y, x, np.median([one[y, x] for one in around])


def _balanced_beside(samples: Array, gains: Array, y: int, x: int) -> list[float]:
    """White-balanced values of the neighbours, which are of other colours."""
    height, width = samples.shape
    return [
        float(samples[y + down, x + across] * gains[(y + down) % 2, (x + across) % 2])
        for down, across in _BESIDE
        if 0 <= y + down < height and 0 <= x + across < width
    ]


def bilinear(mosaic: Array, pattern: str) -> Array:
    """A mosaic ``(H, W)`` in colour by plain interpolation: ``(3, H, W)``."""
    height, width = mosaic.shape
    if min(height, width) < 2:
        return np.broadcast_to(mosaic, (3, height, width)).copy()
    result = np.empty((3, height, width), np.float32)
    padded = np.pad(mosaic, 1, mode="reflect")  # keeps the pattern, one row and column on
    where = np.pad(measured(height, width, pattern), ((0, 0), (1, 1), (1, 1)), mode="reflect")
    for channel in range(3):
        own = padded * where[channel]
        across = own[:, :-2] + 2 * own[:, 1:-1] + own[:, 2:]
        whole = across[:-2] + 2 * across[1:-1] + across[2:]
        if channel == 1:
            result[1] = np.where(where[1, 1:-1, 1:-1], mosaic, 0.125 * whole)
        else:
            result[channel] = 0.25 * whole
    return result


def stripes(raw: Raw, noise: SensorNoise) -> float:
    """How much the rows of a mosaic differ by themselves, over what its noise explains.

    About 1 for a sensor without row noise.
    """
    ratios = []
    for place, letter in enumerate(raw.pattern):
        plane = raw.samples[place // 2 :: 2, place % 2 :: 2]
        if min(plane.shape) < 16:
            return 1.0
        colour = "rgb".index(letter)
        # Medians over a row know nothing of what the picture shows at single places.
        bend = plane[1:-1] - 0.5 * (plane[:-2] + plane[2:])
        rows = np.median(bend, axis=1)
        light = np.maximum(plane[1:-1].mean(axis=1), 0.0)
        variance = noise.photon[colour] * light + noise.reading[colour]
        expected = np.sqrt(1.5 * variance * (np.pi / 2) / plane.shape[1]) + 1e-7
        ratios.append(float(np.median(np.abs(rows) / expected)) / 0.6745)
    return min(ratios)
