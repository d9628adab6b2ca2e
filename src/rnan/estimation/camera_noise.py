"""How strong the noise of a photograph is that a camera processed and saved.

Demosaicing, the camera's own denoising and JPEG make neighbouring pixels and colours share their
noise, so that the methods for white noise take it for texture. A small network tells them apart. It
looks at the energy that learned filters find in blocks of 8x8 pixels, weighs the blocks (flat ones
say more than others), and says from all of them together how strong the noise is and whether it is
white. It was trained on the synthetic camera of :mod:`rnan.degradations.batched.camera`,
on white noise, and on clean pictures: soft, sharpened, enlarged, saved as JPEG once and twice
(``scripts/camera_noise_estimate.py``).
"""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from safetensors.numpy import load

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

VISIBLE = 2.0
"""Noise of a smaller standard deviation is hard to see and left alone: texture may look like it."""

_FILE = "camera_noise.safetensors"
_TILE, _STEP = 136, 104
"""Side of the squares that are looked at, and from one to the next: their blocks lie side by
side."""
_MOST_TILES = 48
"""Most squares that are looked at, spread evenly over a large picture."""
_SIDE, _REACH = 8, 7
"""Sides of a block and of a filter."""
_LEAST = 48
"""Least side of a picture of which something can be said."""
_LEAST_BLOCKS = 12
"""Least blocks."""
_ENERGY = np.float32(0.02)
"""Energy that counts as none."""
_BELIEF = 12.0
"""Largest logarithm of a block's weight."""


@dataclass(frozen=True, kw_only=True)
class CameraNoise:
    """What was found."""

    sigma: float
    """Standard deviation of the noise on the 0-255 scale; about 0.5 where there is none."""
    is_white: bool
    """Whether each pixel has its own."""


NONE = CameraNoise(sigma=0.0, is_white=False)


def estimate_camera_noise(image: NDArray[Any], *, mask: Mask | None = None) -> CameraNoise:
    """The noise of a picture, correlated or white.

    Args:
        image: ``(H, W)`` or ``(H, W, C)`` with one or three channels, on the 0-255 scale, any size.
        mask: Which pixels are a photograph, ``(H, W)``; none for all.

    Returns:
        None of it for pictures, and photographs in them, that are too small.
    """
    image = np.asarray(image)
    image = image[:, :, None] if image.ndim == 2 else image
    if min(image.shape[:2]) < _LEAST:
        return NONE
    weights = _weights()
    found = [_blocks(*tile, weights) for tile in _tiles(image, mask)]
    blocks = np.concatenate(found) if found else np.empty((0, 1), np.float32)
    if len(blocks) < _LEAST_BLOCKS:
        return NONE
    belief = _through("att", blocks, weights).clip(-_BELIEF, _BELIEF)
    belief = np.exp(belief - belief.max(axis=0))
    pooled = (belief / belief.sum(axis=0)).T @ blocks
    hidden = _leaky(_through("c", pooled.ravel(), weights))
    sigma, white = _through("last", hidden, weights)
    return CameraNoise(sigma=float(2.0 ** (sigma + 1.0)), is_white=bool(white > 0.0))


def _tiles(image: NDArray[Any], mask: Mask | None) -> list[tuple[Array, Mask | None]]:
    """Squares of the picture, evenly spread, and which of their pixels are a photograph."""
    height, width = image.shape[:2]
    rows, columns = (range(0, max(side - _TILE, 0) + 1, _STEP) for side in (height, width))
    corners = [(row, column) for row in rows for column in columns]
    if mask is not None:
        corners = [
            (row, column)
            for row, column in corners
            if mask[row : row + _TILE, column : column + _TILE].mean() > 0.1
        ]
    step = max(1, -(-len(corners) // _MOST_TILES))
    tiles = []
    for row, column in corners[::step]:
        inside = slice(row, row + _TILE), slice(column, column + _TILE)
        tile = np.broadcast_to(image[inside], (*image[inside].shape[:2], 3))
        tiles.append((tile.astype(np.float32), None if mask is None else mask[inside]))
    return tiles


def _blocks(tile: Array, mask: Mask | None, weights: dict[str, Array]) -> Array:
    """What the blocks of a tile are like, ``(number, features)``."""
    half = _means(tile, 2)
    fine, coarse = (
        _energies(picture, weights[name], each)
        for picture, name, each in ((tile, "fine", 4), (half, "coarse", 2))
    )
    light = _means(tile, _SIDE) / np.float32(128.0) - 1
    rows, columns = (min(part.shape[axis] for part in (fine, coarse, light)) for axis in (0, 1))
    seen = np.concatenate([part[:rows, :columns] for part in (light, fine, coarse)], axis=2)
    around = sliding_window_view(seen, (3, 3), axis=(0, 1))
    blocks = _leaky(_through("a", around.reshape(*around.shape[:2], -1), weights))
    blocks = _leaky(_through("b", blocks, weights))
    if mask is None:
        return np.asarray(blocks.reshape(-1, blocks.shape[2]))
    # A block and its eight neighbours lie wholly in the photograph.
    whole = sliding_window_view(mask, (3 * _SIDE, 3 * _SIDE))[::_SIDE, ::_SIDE]
    rows, columns = blocks.shape[:2]
    return blocks[whole[:rows, :columns].all(axis=(2, 3))]


def _energies(picture: Array, filters: Array, each: int) -> Array:
    """Energy behind each filter, and how unevenly it is spread, over blocks of positions."""
    windows = sliding_window_view(picture, (_REACH, _REACH), axis=(0, 1))[::2, ::2]
    flat = np.ascontiguousarray(windows).reshape(*windows.shape[:2], -1)
    energy = np.square(flat @ filters.T)
    mean, square = _means(energy, each), _means(np.square(energy), each)
    uneven = np.log2((square + _ENERGY) / (np.square(mean) + _ENERGY))
    return np.concatenate([np.log2(mean + _ENERGY) / 4, uneven / 2], axis=2)


def _through(name: str, values: Array, weights: dict[str, Array]) -> Array:
    """A linear layer."""
    return np.asarray(values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])


def _means(values: Array, side: int) -> Array:
    """Of squares."""
    rows, columns = (length // side for length in values.shape[:2])
    cut = values[: rows * side, : columns * side]
    return np.asarray(cut.reshape(rows, side, columns, side, -1).mean(axis=(1, 3)))


def _leaky(values: Array) -> Array:
    return np.asarray(np.maximum(values, np.float32(0.1) * values))


@cache
def _weights() -> dict[str, Array]:
    data = resources.files("rnan.estimation").joinpath(_FILE).read_bytes()
    return {name: values.astype(np.float32) for name, values in load(data).items()}
