"""How noisy a picture was before it was saved as JPEG.

Quantisation takes most high frequencies away, so that estimators for white noise read next to
nothing where it is plainly seen. What is left can be foretold: noise of a given σ goes through the
file's own quantisation table and leaves so much energy in each frequency. Texture only adds to
that, and less the higher the frequency, so every band of frequencies says how much noise there is
at most, and the least of these counts.

Pictures that are texture throughout have no flat block. Texture gives itself away: its energy
varies from block to block more than chance does, prefers a direction in each, differs between the
bands and is larger in low frequencies. How much these weigh together was fitted, as a logistic
regression, to crops of training pictures that hold most texture, clean and with noise, at qualities
from 35 to 90.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.estimation.jpeg_blocks import (
    SIDE,
    blocks_of,
    cut_blocks,
    frequencies,
    luma,
    noise_in_luma,
)
from rnan.images.colour import is_gray, one_channel

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
"""Less looks like what texture is left."""
_LEAST_OF_STEP = 0.15
"""Nor can a σ of the luma below this share of the mean step of the table."""
_WEIGHTS = {"uneven": -1.5, "oriented": -2.3, "bands": -1.6, "low": -1.1, "of_step": 1.45}
_BIAS = 3.1
"""Weights of the logarithms of what tells noise from texture."""
_TEXTURE_TO, _NOISE_FROM = 0.5, 1.5
"""Sum of them up to which it is texture, and from which on noise."""
_MEDIAN_APART = 0.954
"""Median distance of two normal values over their standard deviation."""
_MEDIAN_OFF = 0.6745
"""Median distance of normal values from their mean, likewise."""
_ROUNDING = 0.1
"""Energy that rounding the decoded picture leaves in each frequency."""
_DARKEST, _BRIGHTEST = 16.0, 240.0
"""Means of blocks that are looked at: noise is cut off at black and white."""
_ROW, _COLUMN = np.mgrid[:SIDE, :SIDE]
_SUM = _ROW + _COLUMN
_MIDDLE = (_BANDS[0] <= _SUM) & (_BANDS[-1] >= _SUM)
_LOW_ONES = (_SUM <= _LOW) & (_SUM > 0)
"""The frequencies of all bands, and the low ones."""


def estimate_sigma_before_jpeg(
    image: NDArray[Any],
    table: Sequence[int],
    grid: tuple[int, int] = (0, 0),
    *,
    mask: NDArray[np.bool_] | None = None,
) -> float:
    """Standard deviation of the noise that a picture had when it was compressed.

    Args:
        image: The decoded file, ``(H, W)`` or ``(H, W, C)``, on the 0-255 scale.
        table: Its luma quantisation table, 64 entries row by row.
        grid: Rows and columns before its first whole block.
        mask: Which pixels are a photograph, ``(H, W)``; none for all.

    Returns:
        σ on the 0-255 scale, rather a twentieth too much than too little; 0 for less than 4, for
        very small pictures, and where nothing of the noise is left.
    """
    image = np.asarray(image)[grid[0] :, grid[1] :]
    image = image[:, :, None] if image.ndim == 2 else image
    if is_gray(image, step=1.0):
        image = one_channel(image)  # it has one noise, not three
    blocks = luma(cut_blocks(image))
    if mask is not None:
        inside = blocks_of(mask[grid[0] :, grid[1] :, None])
        blocks = blocks[inside.all(axis=(2, 3, 4)).ravel()]
    mean = blocks.mean(axis=(1, 2))
    blocks = blocks[(mean > _DARKEST) & (mean < _BRIGHTEST)]
    if len(blocks) < 3 * _LEAST_BLOCKS:
        return 0.0
    number = max(_LEAST_BLOCKS, int(_FLATTEST * len(blocks)))
    energy = np.square(frequencies(blocks))
    low = energy[:, _LOW_ONES].sum(axis=1)
    flattest = np.argsort(low, kind="stable")[:number]
    flattest = flattest[np.argsort(blocks[flattest].mean(axis=(1, 2)), kind="stable")]
    steps = tuple(int(step) for step in table)
    most = [
        float(np.interp(energy[flattest][:, band == _SUM].mean() - _ROUNDING, left, _SIGMAS))
        for band, left in zip(_BANDS, _energies(steps), strict=True)
    ]
    sigma = min(most)
    of_step = sigma / np.reshape(steps, (SIDE, SIDE))[_MIDDLE].mean()
    if of_step < _LEAST_OF_STEP:
        return 0.0
    # Noise says the same in every band; texture says more in the lowest.
    certain = (_TEXTURE - most[0] / sigma) / (_TEXTURE - _NOISE)
    evidence = _evidence(energy[flattest], steps, sigma, bands=max(most) / sigma, of_step=of_step)
    certain = min(certain, (evidence - _TEXTURE_TO) / (_NOISE_FROM - _TEXTURE_TO))
    sigma *= float(np.clip(certain, 0.0, 1.0)) / noise_in_luma(image.shape[2])
    return _OF_THE_LEAST * sigma if sigma >= _LEAST_SIGMA else 0.0


def _evidence(
    flattest: Array, steps: tuple[int, ...], sigma: float, *, bands: float, of_step: float
) -> float:
    """Whether what the flattest blocks hold is noise (above 0) or texture (below).

    Args:
        flattest: Their energies, ``(number, 8, 8)``, from dark to bright.
        steps: The quantisation table.
        sigma: Of the luma, if it is noise.
        bands: The most that a band says over the least.
        of_step: ``sigma`` over the mean step of the table.
    """
    tenth = round(sigma, 1)
    spread = _spread(tenth, steps)
    middle = flattest[:, _MIDDLE].sum(axis=1)
    # From one block to the next as bright, since noise may depend on the brightness; the median,
    # since some blocks hold an edge.
    apart = np.median(np.abs(np.diff(middle))) / _MEDIAN_APART
    down, across = (
        flattest[:, _MIDDLE & half].sum(axis=1) for half in (_ROW > _COLUMN, _ROW < _COLUMN)
    )
    off = np.median(np.abs(down - across) / (down + across + 1.0)) / _MEDIAN_OFF
    of_noise = sum(_left(tenth, step)[0] for step in np.reshape(steps, (SIDE, SIDE))[_LOW_ONES])
    signs = {
        "uneven": apart / max(np.median(middle), 1.0) / spread,
        "oriented": off / spread,
        "bands": bands,
        "low": flattest[:, _LOW_ONES].sum(axis=1).mean() / (of_noise + 1.0),
        "of_step": of_step,
    }
    return _BIAS + sum(
        weight * math.log(max(float(signs[name]), 0.02)) for name, weight in _WEIGHTS.items()
    )


@lru_cache(maxsize=32)
def _energies(table: tuple[int, ...]) -> list[Array]:
    """For each band, the mean energy that noise of each σ leaves in a frequency."""
    steps = np.array(table, np.float64).reshape(SIDE, SIDE)
    expected = []
    for band in _BANDS:
        curves = [[_left(sigma, step)[0] for sigma in _SIGMAS] for step in steps[band == _SUM]]
        expected.append(np.mean(curves, axis=0) + 1e-9 * _SIGMAS)
    return expected


@lru_cache(maxsize=32)
def _spread(sigma: float, table: tuple[int, ...]) -> float:
    """Standard deviation over mean of the energy that noise leaves in the middle of a block."""
    steps = np.array(table, np.float64).reshape(SIDE, SIDE)[_MIDDLE]
    energy, square = np.array([_left(sigma, step) for step in steps]).T
    return float(np.sqrt((square - energy**2).sum()) / energy.sum())


def _left(sigma: float, step: float) -> tuple[float, float]:
    """Mean energy of Gaussian noise after rounding to multiples of ``step``, and of its square."""
    if sigma == 0.0:
        return 0.0, 0.0
    energy = square = 0.0
    for multiple in range(1, math.ceil(4.0 * sigma / step + 0.5) + 1):
        inner, outer = ((multiple + part) * step / sigma / math.sqrt(2) for part in (-0.5, 0.5))
        chance = math.erf(outer) - math.erf(inner)
        energy += (multiple * step) ** 2 * chance
        square += (multiple * step) ** 4 * chance
    return energy, square
