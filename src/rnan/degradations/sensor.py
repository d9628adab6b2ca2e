"""Noise of an image sensor, and the curve behind which it is nearly the same at every brightness.

A sample x, black at 0 and white at 1, has noise of variance ``photon * x + reading``: of photons,
and of reading (Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting for
single-image raw-data", IEEE TIP 2008).
"""

import os
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnan.degradations.mosaic import measured, mosaic
from rnan.images.srgb import srgb_decoded, srgb_slope

Array = NDArray[np.float64]

FLOOR = 2.0 / 255.0
"""Noise, on the scale of a picture for screens, beside which the sensor's counts: far below it the
curve is that of sRGB, far above it the noise alone decides."""

GAINS = (2.0, 1.0, 1.6)
"""White balance of the sensor of measurements."""

_BLACK, _FULL = 512, 16383
_NODES = 1024
_PART = 2**20


def stabilising_nodes(photon: ArrayLike, reading: ArrayLike) -> tuple[Array, Array, Array]:
    """Nodes of curves that make noise the same at every brightness, as far as it can be seen.

    The slope is ``1 / sqrt(photon x + reading + 3/8 photon² + (FLOOR / sRGB's slope)²)``: the
    generalised Anscombe transform (Starck et al., "Image Processing and Data Analysis", 1998) for
    strong noise, sRGB's curve for none.

    Args:
        photon: Variance for each unit of signal, of any number of curves: ``(B,)``.
        reading: Variance in the dark, ``(B,)``.

    Returns:
        Light ``(N,)`` from 0 to 1, the curves' values there ``(B, N)``, from 0 to 1, and their
        slopes ``(B, N)``.
    """
    a, b = (np.asarray(one, np.float64).reshape(-1, 1) for one in (photon, reading))
    place = np.linspace(0.0, 1.0, _NODES)
    light = place**3
    slope = 1.0 / np.sqrt(a * light + b + 0.375 * a**2 + (FLOOR / srgb_slope(light)) ** 2)
    steps = slope * 3.0 * place**2
    value = np.zeros_like(slope)
    value[:, 1:] = np.cumsum(0.5 * (steps[:, 1:] + steps[:, :-1]) / (_NODES - 1), axis=1)
    whole = value[:, -1:]
    return light, value / whole, slope / whole


def sensed(
    gt: Array, photon: float, reading: float, *, pattern: str, name: str, seed: int = 0
) -> Array:
    """What a sensor measures of a picture: the same on every machine.

    Its colours are those of sRGB behind the factors of :data:`GAINS`, so that the developed picture
    should equal the clean one.

    Args:
        gt: ``(H, W, 3)``, or gray ``(H, W, 1)``, on the 0-255 scale.
        photon: Variance of the noise for each unit of signal.
        reading: Variance in the dark.
        pattern: A Bayer pattern.
        name: Name of the picture's file; it seeds the noise together with the rest.
        seed: Another seed, another noise.

    Returns:
        Linear samples, zero-filled ``(H, W, 3)``, with black at 0 and white at 255, in steps of a
        file of 14 bits.
    """
    value = np.repeat(gt, 3, axis=2) if gt.shape[2] == 1 else gt
    clean = mosaic(srgb_decoded(value / 255.0) / np.array(GAINS), pattern)
    samples = clean.sum(axis=2)
    key = zlib.crc32(os.fsencode(f"{name}/{photon:g}/{reading:g}"))
    draws = np.random.default_rng([seed, key]).standard_normal(samples.shape)
    noisy = samples + np.sqrt(photon * samples + reading) * draws
    lowest = -_BLACK / (_FULL - _BLACK)
    steps = np.rint(np.clip(noisy, lowest, 1.0) * (_FULL - _BLACK)) / (_FULL - _BLACK)
    where = measured(samples.shape[0], samples.shape[1], pattern).transpose(1, 2, 0)
    return 255.0 * np.where(where, steps[:, :, None], 0.0)


@dataclass(frozen=True, kw_only=True)
class NoiseCurve:
    """The curve for one sensor: light, white-balanced, to what a network sees, and back."""

    photon: float
    """Variance for each unit of balanced signal, mean over a cell of the mosaic."""
    reading: float
    """Variance of balanced signal in the dark."""

    def __call__(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Values in which noise is about the same everywhere; white is 1 and black 0."""
        where, values, _ = self._nodes
        return _interpolated(light, where, values)

    def light(self, value: NDArray[np.float32]) -> NDArray[np.float32]:
        """The inverse."""
        where, values, _ = self._nodes
        return _interpolated(value, values, where)

    def slope(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Derivative, for light from 0 to 1."""
        where, _, slopes = self._nodes
        return np.interp(light, where, slopes).astype(np.float32)

    @cached_property
    def _nodes(self) -> tuple[Array, Array, Array]:
        light, values, slopes = stabilising_nodes(self.photon, self.reading)
        return light, values[0], slopes[0]


def _interpolated(x: NDArray[np.float32], places: Array, values: Array) -> NDArray[np.float32]:
    """Values between nodes; below the first and above the last along the first and last line."""
    result = np.empty(x.shape, np.float32)
    first = (values[1] - values[0]) / (places[1] - places[0])
    last = (values[-1] - values[-2]) / (places[-1] - places[-2])
    flat, out = x.reshape(-1), result.reshape(-1)
    for start in range(0, flat.size, _PART):  # float64 for a whole picture is twice its size
        part = flat[start : start + _PART]
        line = np.interp(part, places, values)
        line += np.minimum(part - places[0], 0.0) * first
        line += np.maximum(part - places[-1], 0.0) * last
        out[start : start + _PART] = line
    return result
