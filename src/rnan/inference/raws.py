"""Camera raw through a network: demosaiced and freed from the sensor's noise together.

The network sees white-balanced samples behind the curve that makes their noise even
(:mod:`rnan.degradations.sensor`), and is told how much noise is left there, cell by cell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnan.degradations.mosaic import PATTERNS, measured
from rnan.degradations.sensor import NoiseCurve
from rnan.images.raw import Raw, SensorNoise
from rnan.inference.ensemble import self_ensemble
from rnan.inference.mosaics import pattern_of
from rnan.inference.pictures import mixed
from rnan.inference.restorer import Restorer
from rnan.inference.sensors import bilinear, without_outliers
from rnan.inference.streaming import Cancel
from rnan.inference.tiled import Progress
from rnan.tasks import Condition

Array = NDArray[np.float32]

_BRIGHT = 0.98
"""Light from which on a highlight is taken to have gone beyond white."""
_SHARED = 3.0
"""How many times its variance noise is told as that interpolation spread over neighbours, which a
network for white noise takes for texture: from 2 to 4 did best on training pictures."""
_LEAST_SIDE = 32
"""Side up to which a small mosaic goes on in a mirror: training has seen none that is smaller."""
_BAND = 256
"""Rows at a time, where whole planes would take memory."""


def restore_raw(
    restorer: Restorer,
    raw: Raw,
    noise: SensorNoise,
    *,
    beyond_white: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Array:
    """Linear light of what a sensor saw.

    Args:
        restorer: For mosaics, or for pictures where the samples have all colours.
        raw: What was measured.
        noise: Of the samples.
        beyond_white: Keep what single colours saw of highlights beyond white, for programs that
            make something of it; else all colours end at white, so that highlights are neutral.
        progress: See :class:`~rnan.inference.Restorer`.
        cancel: See there.

    Returns:
        ``(H, W, 3)``: white-balanced camera colours with white at 1.

    Raises:
        RnanError: As a restorer.
    """
    gains = raw.gains()
    curve = _curve(noise, raw)
    samples = without_outliers(raw, noise) if raw.is_mosaic else raw.samples
    limited = np.minimum(balanced(samples, gains), 1.0)
    level = _level(limited, raw, noise, curve)
    seen = curve(limited)
    del limited
    if raw.is_mosaic:
        where = measured(raw.size[0], raw.size[1], raw.pattern)
        shown = _mosaic(restorer, seen, where, level, progress, cancel)
        if restorer.options.keep_samples:
            shown = np.where(where, seen, shown)
    else:
        shown = _pixels(restorer, seen.transpose(2, 0, 1), level, progress, cancel)
    _blend(shown, seen, raw, restorer.options.shares)
    light = np.empty((*raw.size, 3), np.float32)
    for start in range(0, len(light), _BAND):
        rows = slice(start, min(start + _BAND, len(light)))
        light[rows] = curve.light(shown[:, rows]).transpose(1, 2, 0)
    del shown, seen
    if beyond_white:
        _put_back_highlights(light, samples, raw, gains)
    return light


def _curve(noise: SensorNoise, raw: Raw) -> NoiseCurve:
    """One curve for all colours, or gray would not look gray: for their mean noise."""
    balance = np.array(raw.white_balance)
    share = np.array([0.25, 0.5, 0.25])
    return NoiseCurve(
        photon=float((share * balance * noise.photon).sum()),
        reading=float((share * balance**2 * noise.reading).sum()),
    )


def balanced(samples: Array, gains: Array) -> Array:
    """Samples times the white balance, as :meth:`~rnan.images.raw.Raw.gains` gives it."""
    if samples.ndim == 3:
        pixels: Array = samples * gains
        return pixels
    result = np.empty_like(samples)
    for row in (0, 1):
        for column in (0, 1):
            there = (slice(row, None, 2), slice(column, None, 2))
            np.multiply(samples[there], gains[row, column], out=result[there])
    return result


def _level(light: Array, raw: Raw, noise: SensorNoise, curve: NoiseCurve) -> Array:
    """Standard deviation of the noise behind the curve, ``(H, W)``: one for each cell."""
    height, width = raw.size
    if noise.is_none:
        return np.zeros((height, width), np.float32)
    if not raw.is_mosaic:
        shades = np.ones_like(light) if raw.shading is None else raw.shading
        spread = [
            _spread(_box(light[..., colour]), shades[..., colour], colour, raw, noise, curve)
            for colour in range(3)
        ]
        mean: Array = np.mean(spread, axis=0, dtype=np.float32)
        return mean * np.float32(_SHARED**0.5) if raw.interpolated else mean
    cells = np.zeros(((height + 1) // 2, (width + 1) // 2), np.float32)
    for place, letter in enumerate(raw.pattern):
        plane = light[place // 2 :: 2, place % 2 :: 2]
        if not plane.size:
            continue
        there = slice(place // 2, None, 2), slice(place % 2, None, 2)
        gains: Array | np.float32 = np.float32(1.0)
        if raw.shading is not None:
            gains = raw.shading[there]
        own = _spread(_box(plane), gains, "rgb".index(letter), raw, noise, curve)
        missing = cells.shape[0] - own.shape[0], cells.shape[1] - own.shape[1]
        cells += 0.25 * np.pad(own, ((0, missing[0]), (0, missing[1])), mode="edge")
    return cells.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]


def _spread(
    light: Array,
    shading: Array | np.float32,
    colour: int,
    raw: Raw,
    noise: SensorNoise,
    curve: NoiseCurve,
) -> Array:
    """Deviation of one colour behind the curve, of balanced light."""
    gain = np.float32(raw.white_balance[colour]) * shading
    light = np.clip(light, 0.0, 1.0)
    variance = gain * noise.photon[colour] * light + gain**2 * noise.reading[colour]
    spread: Array = curve.slope(light) * np.sqrt(variance, dtype=np.float32)
    return spread


def _box(plane: Array) -> Array:
    """Mean of each sample and its eight neighbours."""
    if not plane.size:
        return plane
    padded = np.pad(plane, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    mean: Array = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) * np.float32(1 / 9)
    return mean


def _mosaic(
    restorer: Restorer,
    seen: Array,
    where: NDArray[np.bool_],
    level: Array,
    progress: Progress | None,
    cancel: Cancel | None,
) -> Array:
    """A mosaic ``(H, W)`` in colour, once or in eight turns, which read other patterns."""
    times = 8 if restorer.options.self_ensemble else 1
    passes = 0

    def report(done: int, total: int) -> None:
        if progress is not None:
            progress(passes * total + done, times * total)

    def run(x: Array, known: Array | None) -> Array:
        nonlocal passes
        assert known is not None
        level, pattern = known[0, 0], pattern_of(known[0, 1:] > 0)
        restored = _arranged(restorer, x[0, 0], pattern, level, report, cancel)
        passes += 1
        return restored[None]

    known = np.concatenate([level[None], where.astype(np.float32)])[None]
    x = seen[None, None]
    restored = self_ensemble(run, x, known) if times == 8 else run(x, known)
    shown: Array = restored[0]
    return shown


def _arranged(
    restorer: Restorer,
    seen: Array,
    pattern: str,
    level: Array,
    progress: Progress,
    cancel: Cancel | None,
) -> Array:
    """Arranged so that it reads GRBG from its first sample on, and cut again: ``(3, H, W)``."""
    height, width = seen.shape
    down, across = PATTERNS[pattern]
    sides = tuple(
        (first, max((side + first) % 2, _LEAST_SIDE - side - first))
        for first, side in ((down, height), (across, width))
    )

    def padded(plane: Array) -> Array:
        if not any(map(any, sides)):
            return plane
        if min(plane.shape) > 1:
            return np.pad(plane, sides, mode="reflect")
        return np.pad(plane, sides, mode="edge")

    condition = Condition(level=padded(level)[None, None], pattern=pattern)
    arranged = padded(seen)[None, None]
    restored: Array = restorer.tiled(arranged, condition, progress, cancel)[0]
    return restored[:, down : down + height, across : across + width]


def _pixels(
    restorer: Restorer, seen: Array, level: Array, progress: Progress | None, cancel: Cancel | None
) -> Array:
    most = restorer.task.level_range[1] / restorer.task.level_scale
    if not level.any():
        return seen.copy()
    condition = Condition(level=np.minimum(level, most)[None, None])
    restored: Array = restorer.tiled(seen[None], condition, progress, cancel)[0]
    return restored


def _blend(shown: Array, seen: Array, raw: Raw, shares: tuple[float, float]) -> None:
    """Mix what the network left out back in, brightness and colour apart; in place."""
    luma, chroma = shares
    if luma == chroma == 1.0:
        return
    before = bilinear(seen, raw.pattern) if raw.is_mosaic else seen.transpose(2, 0, 1)
    for start in range(0, shown.shape[1], _BAND):
        rows = slice(start, start + _BAND)
        shown[:, rows] = mixed(before[:, rows], shown[:, rows], luma, chroma)


def _put_back_highlights(light: Array, samples: Array, raw: Raw, gains: Array) -> None:
    """What lay above white, which the network did not see; in place."""
    if not raw.is_mosaic:
        light += np.maximum(samples * gains - 1.0, 0.0)
        return
    for start in range(0, len(light), _BAND):
        first, last = max(0, start - 2), min(start + _BAND + 2, len(light))
        part = samples[first:last]
        if float(part.max(initial=0.0)) * float(gains.max()) <= 1.0:
            continue
        shifted = gains if first % 2 == 0 else gains[::-1]
        pattern = raw.pattern if first % 2 == 0 else raw.pattern[2:] + raw.pattern[:2]
        excess = np.maximum(balanced(part, shifted) - 1.0, 0.0)
        if excess.any():
            rows = slice(start - first, min(start + _BAND, len(light)) - first)
            band = light[start : start + _BAND]
            # Interpolation carries it beside highlights, too, where the network knows better.
            share = np.clip((band - _BRIGHT) / (1.0 - _BRIGHT), 0.0, 1.0)
            band += share * bilinear(excess, pattern)[:, rows].transpose(1, 2, 0)
