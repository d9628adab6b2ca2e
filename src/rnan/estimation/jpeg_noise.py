"""How noisy a picture was before it was saved as JPEG.

Quantisation takes most high frequencies away, so that estimators for white noise read next to
nothing where it is plainly seen. What is left can be foretold: noise of a given σ goes through the
file's own quantisation table and leaves so much energy in each frequency. Texture only adds to
that, and less the higher the frequency, so every band of frequencies says how much noise there is
at most, and the least of these counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.estimation.jpeg_blocks import SIDE, cut_blocks, frequencies, luma, noise_in_luma

Array = NDArray[np.float64]

_FLATTEST, _LEAST_BLOCKS = 0.02, 30
"""Share of the blocks that is looked at, those with the least energy in low frequencies, and the
least number of them."""
_LOW = 2
"""Sum of the two indices up to which a frequency is low."""
_BANDS = (3, 4, 5, 6, 7)
"""Sums of the two indices; further ones are all but gone at most qualities."""
_SIGMAS = np.concatenate([np.arange(0.0, 10.0, 0.5), np.arange(10.0, 101.0, 2.5)])
_NOISE, _TEXTURE = 1.35, 2.0
"""What the lowest band says over the least: noise up to the first, texture from the second on."""
_OF_THE_LEAST = 1.1
"""The least of several bands reads a twentieth too low on the validation pictures; the other
twentieth is added since too small a value costs far more than too large a one."""
_LEAST_SIGMA = 4.0
"""Less cannot be told from what texture is left."""
_ROUNDING = 0.1
"""Energy that rounding the decoded picture leaves in each frequency."""
_DARKEST, _BRIGHTEST = 16.0, 240.0
"""Means of blocks that are looked at: noise is cut off at black and white."""

_SUM = np.add.outer(np.arange(SIDE), np.arange(SIDE))


def estimate_sigma_before_jpeg(
    image: NDArray[Any], table: Sequence[int], grid: tuple[int, int] = (0, 0)
) -> float:
    """Standard deviation of the noise that a picture had when it was compressed.

    Args:
        image: The decoded file, ``(H, W)`` or ``(H, W, C)``, on the 0-255 scale.
        table: Its luma quantisation table, 64 entries row by row.
        grid: Rows and columns before its first whole block.

    Returns:
        σ on the 0-255 scale, rather a twentieth too much than too little; 0 for less than 4, for
        very small pictures, and where nothing of the noise is left.
    """
    values = np.asarray(image, np.float64)[grid[0] :, grid[1] :]
    values = values[:, :, None] if values.ndim == 2 else values
    blocks = luma(cut_blocks(values))
    mean = blocks.mean(axis=(1, 2))
    blocks = blocks[(mean > _DARKEST) & (mean < _BRIGHTEST)]
    if len(blocks) < 3 * _LEAST_BLOCKS:
        return 0.0
    number = max(_LEAST_BLOCKS, int(_FLATTEST * len(blocks)))
    energy = np.square(frequencies(blocks))
    low = energy[:, (_SUM <= _LOW) & (_SUM > 0)].sum(axis=1)
    flattest = energy[np.argsort(low, kind="stable")[:number]].mean(axis=0)
    most = [
        float(np.interp(flattest[band == _SUM].mean() - _ROUNDING, left, _SIGMAS))
        for band, left in zip(_BANDS, _energies(tuple(int(step) for step in table)), strict=True)
    ]
    sigma = min(most)
    if sigma == 0.0:
        return 0.0
    # Noise says the same in every band; texture says more in the lowest.
    sigma *= float(np.clip((_TEXTURE - most[0] / sigma) / (_TEXTURE - _NOISE), 0.0, 1.0))
    sigma /= noise_in_luma(values.shape[2])
    return _OF_THE_LEAST * sigma if sigma >= _LEAST_SIGMA else 0.0


@lru_cache(maxsize=32)
def _energies(table: tuple[int, ...]) -> list[Array]:
    """For each band, the mean energy that noise of each σ leaves in a frequency."""
    steps = np.array(table, np.float64).reshape(SIDE, SIDE)
    found = []
    for band in _BANDS:
        curves = [[_left(sigma, step) for sigma in _SIGMAS] for step in steps[band == _SUM]]
        found.append(np.mean(curves, axis=0) + 1e-9 * _SIGMAS)
    return found


def _left(sigma: float, step: float) -> float:
    """Energy of Gaussian noise after rounding to multiples of ``step``."""
    if sigma == 0.0:
        return 0.0
    total = 0.0
    for multiple in range(1, math.ceil(4.0 * sigma / step + 0.5) + 1):
        inner, outer = ((multiple + part) * step / sigma / math.sqrt(2) for part in (-0.5, 0.5))
        total += (multiple * step) ** 2 * (math.erf(outer) - math.erf(inner))
    return total
