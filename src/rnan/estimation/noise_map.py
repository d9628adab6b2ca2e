"""Noise that depends on the brightness, as a camera's does: σ for each pixel.

Light arrives in quanta, so a sensor's noise grows with the light, and the tone curve of a camera
makes it smaller again where it is bright. The tiles of a picture are sorted by brightness and σ is
estimated in each group apart.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.estimation.sigma import cut_tiles, sigma_of_tiles

Array = NDArray[np.float64]

_GROUPS = 6
_LEAST_TILES = 150
"""In a group; fewer say little."""
_DEPENDS = 1.5
"""Largest σ of the groups over the smallest from which on noise counts as dependent."""
_LEAST_SIGMA = 2.0
"""Where even the noisiest group has less, one number does."""
_BOX = 9
"""Side of the squares over which brightness is averaged, since each pixel is noisy itself."""


def estimate_noise(
    image: NDArray[Any], *, clipped: bool, mask: NDArray[np.bool_] | None = None
) -> float | NDArray[np.float32]:
    """σ of the noise in a picture: one number, or a map where it depends on the brightness.

    Args:
        image: ``(H, W)`` or ``(H, W, C)``, on the 0-255 scale, any size from 1x1 on.
        clipped: Whether values were limited to 0-255 and rounded, as in 8-bit files.
        mask: Which pixels are a photograph, ``(H, W)``; none for all.

    Returns:
        σ on the 0-255 scale, or σ for each pixel, ``(H, W)``.
    """
    tiles = cut_tiles(np.asarray(image), mask)
    overall = sigma_of_tiles(tiles, clipped=clipped)
    curve = _curve(tiles, clipped=clipped)
    if curve is None:
        return overall
    brightness, sigma = curve
    values = np.asarray(image, np.float32)
    values = values.mean(axis=2) if values.ndim == 3 else values
    return np.interp(_smooth(values), brightness, sigma).astype(np.float32)


def _curve(tiles: Array, *, clipped: bool) -> tuple[Array, Array] | None:
    """Brightness and σ of the groups; none where one σ does for all."""
    brightness = tiles.mean(axis=(1, 2, 3))
    if len(tiles) < 2 * _LEAST_TILES:
        return None
    number = min(_GROUPS, len(tiles) // _LEAST_TILES)
    order = np.argsort(brightness, kind="stable")
    groups = np.array_split(order, number)
    means = np.array([brightness[group].mean() for group in groups])
    sigma = np.array([sigma_of_tiles(tiles[group], clipped=clipped) for group in groups])
    # Texture can only add to an estimate: one group above both its neighbours is not believed.
    inner = np.minimum(sigma[1:-1], np.maximum(sigma[:-2], sigma[2:]))
    sigma[1:-1] = inner
    if sigma.max() < _LEAST_SIGMA or sigma.max() < _DEPENDS * sigma.min():
        return None
    return means, sigma


def _smooth(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over squares, smaller at the border."""
    for axis in (0, 1):
        length = plane.shape[axis]
        sums = np.concatenate(
            [np.zeros_like(plane.take([0], axis)), plane.cumsum(axis, dtype=np.float64)], axis
        )
        middle = np.arange(length)
        low, high = np.maximum(middle - _BOX // 2, 0), np.minimum(middle + _BOX // 2 + 1, length)
        count = (high - low).reshape((-1, 1) if axis == 0 else (1, -1))
        plane = ((sums.take(high, axis) - sums.take(low, axis)) / count).astype(np.float32)
    return plane
