"""How noisy a picture is.

The standard deviation of white Gaussian noise is read off the smallest eigenvalues of the
covariance of small patches (Chen, Zhu and Heng, ICCV 2015): texture is correlated between the
pixels and channels of a patch, noise is not. Two things that the method alone gets wrong are
mended: only weakly textured tiles are used (after Liu, Tanaka and Okutomi, ICIP 2012), so that
texture is not read as noise, and the variance that noise loses where it is limited to 0-255 is
put back with the moments of a censored Gaussian.
"""

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rnan.estimation.photographic import bounds
from rnan.images.colour import is_gray, one_channel

Array = NDArray[np.float64]

_TILE = 8
"""Patches along a side of a tile; tiles are so far apart that each patch is in one of them."""
_MOST_TILES = 8000
"""Most tiles that are looked at, on a regular grid over a large picture."""
_FLATTEST, _LEAST, _MOST = 0.05, 30, 1000
"""Share of tiles to start from, at least and at most so many."""
_SLACK = 1.4
"""Tiles of a variance up to so many times the noise's count as flat."""
_ROUNDING = 1.0 / 12.0
"""Variance that rounding to whole numbers adds."""


def estimate_sigma(
    image: NDArray[Any], *, clipped: bool, mask: NDArray[np.bool_] | None = None
) -> float:
    """Standard deviation of the noise in a picture.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``, on the 0-255 scale, any size from 1x1 on.
        clipped: Whether values were limited to 0-255 and rounded, as in 8-bit files.
        mask: Which pixels are a photograph, ``(H, W)``; none for all.

    Returns:
        σ on the 0-255 scale; 0 for a picture without noise.
    """
    return sigma_of_tiles(cut_tiles(np.asarray(image), mask), clipped=clipped)


def sigma_of_tiles(tiles: Array, *, clipped: bool, least: int = _LEAST) -> float:
    """:func:`estimate_sigma` for tiles of a picture, as :func:`cut_tiles` gives them.

    ``least`` is how many of the flattest are looked at, however textured they are.
    """
    if not len(tiles):
        return 0.0
    mean = tiles.mean(axis=(2, 3))
    if clipped:
        # Black and burnt-out tiles have lost their noise; others say more, where there are any.
        inside = (np.abs(mean - 127.5) < 117.5).all(axis=1)
        if inside.sum() >= _LEAST:
            tiles, mean = tiles[inside], mean[inside]
    tiles = tiles - mean[:, :, None, None]
    variance = np.square(tiles).mean(axis=(2, 3))

    sigma = 0.0
    for _ in range(10):
        kept = np.ones_like(mean)
        if clipped and sigma > 0.5:
            kept = _variance_kept(mean, sigma)
        chosen = _flat_tiles((variance / kept).mean(axis=1), sigma, least)
        whitened = tiles[chosen] / np.sqrt(kept[chosen])[:, :, None, None]
        noise = _smallest_eigenvalues(_covariance(whitened)) - (_ROUNDING if clipped else 0.0)
        before, sigma = sigma, min(math.sqrt(max(0.0, noise)), 255.0)
        if abs(sigma - before) <= 0.005 * sigma:
            break
    return sigma


def cut_tiles(image: NDArray[Any], mask: NDArray[np.bool_] | None = None) -> Array:
    """Overlapping squares of the picture: ``(number, C, side, side)``."""
    if image.ndim == 2:
        image = image[:, :, None]
    if mask is not None:
        rows, columns = bounds(mask)
        image, mask = image[rows, columns], mask[rows, columns]
        if not image.size:
            return np.empty((0, image.shape[2], _TILE, _TILE))
    if is_gray(image, step=1.0):
        image = one_channel(image)  # it has one noise, not three
    side = _TILE + _patch(*image.shape) - 1
    missing = [max(0, side - length) for length in image.shape[:2]]
    if any(missing):
        missing_in_all = ((0, missing[0]), (0, missing[1]))
        image = np.pad(image, (*missing_in_all, (0, 0)), mode="symmetric")
        mask = None if mask is None else np.pad(mask, missing_in_all, mode="symmetric")
    windows = sliding_window_view(image, (side, side), axis=(0, 1))
    if mask is None:
        windows = windows[::_TILE, ::_TILE]
        step = math.ceil(math.sqrt(windows.shape[0] * windows.shape[1] / _MOST_TILES))
        windows = windows[::step, ::step]
    else:
        windows = windows[_inside(mask, side)]
    return np.asarray(windows.reshape(-1, image.shape[2], side, side), dtype=np.float64)


def _inside(mask: NDArray[np.bool_], side: int) -> tuple[NDArray[Any], ...]:
    """Where squares of that side begin that lie in a mask; nowhere where there are too few."""
    whole = sliding_window_view(mask, (side, side))
    for step in (_TILE, _TILE // 2, _TILE // 4):
        rows, columns = np.nonzero(whole[::step, ::step].all(axis=(2, 3)))
        if len(rows) >= _LEAST:
            each = math.ceil(len(rows) / _MOST_TILES)
            return step * rows[::each], step * columns[::each]
    return np.empty(0, int), np.empty(0, int)


def _patch(height: int, width: int, channels: int) -> int:
    """Side of the patches: small in a tiny picture, which has too few for many dimensions."""
    side = 7 if channels == 1 else 4
    while side > 2 and height * width < 25 * channels * side**2:
        side -= 1
    return side


def _flat_tiles(variance: Array, sigma: float, least: int) -> NDArray[np.intp]:
    # All tiles as flat as the noise allows: the flattest alone would read the noise too low.
    few = max(least, int(_FLATTEST * len(variance)))
    number = max(few, int((variance < _SLACK * sigma**2).sum()))
    chosen = np.argsort(variance, kind="stable")[:number]
    return chosen[:: math.ceil(len(chosen) / _MOST)]


def _covariance(tiles: Array) -> Array:
    side = tiles.shape[2] - _TILE + 1
    patches = sliding_window_view(tiles, (side, side), axis=(2, 3))
    rows = patches.transpose(0, 2, 3, 1, 4, 5).reshape(-1, tiles.shape[1] * side**2)
    rows = rows - rows.mean(axis=0)
    return np.asarray(rows.T @ rows / (len(rows) - 1))


def _smallest_eigenvalues(covariance: Array) -> float:
    """Mean of the longest run of smallest eigenvalues whose mean is not above its median."""
    values = np.sort(np.linalg.eigvalsh(covariance))
    for number in range(len(values), 2, -1):
        run = values[:number]
        if run.mean() <= np.median(run):
            break
    return float(run.mean())


def _variance_kept(mean: Array, sigma: float) -> Array:
    """Share of σ² that is left after limiting to 0-255, by the mean seen after it."""
    centre = np.arange(256.0)
    low, high = -centre / sigma, (255.0 - centre) / sigma
    below, up_to = _normal_cdf(low), _normal_cdf(high)
    density_low, density_high = _normal_pdf(low), _normal_pdf(high)
    inside, above = up_to - below, 1.0 - up_to
    first = centre * inside + sigma * (density_low - density_high) + 255.0 * above
    second = (
        (centre**2 + sigma**2) * inside
        + 2.0 * centre * sigma * (density_low - density_high)
        + sigma**2 * (low * density_low - high * density_high)
        + 255.0**2 * above
    )
    share = np.maximum((second - first**2) / sigma**2, 0.1)
    return np.asarray(np.interp(mean, first, share))


def _normal_cdf(z: Array) -> Array:
    return np.array([0.5 + 0.5 * math.erf(value / math.sqrt(2.0)) for value in z])


def _normal_pdf(z: Array) -> Array:
    return np.asarray(np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi))
