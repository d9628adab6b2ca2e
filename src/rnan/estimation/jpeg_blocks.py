"""The blocks of JPEG, their luma and their frequencies, in floating point."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SIDE = 8

_LUMA = {1: np.ones(1), 3: np.array([0.299, 0.587, 0.114])}
_FREQUENCY, _SAMPLE = np.mgrid[:SIDE, :SIDE]
_DCT = np.cos((2 * _SAMPLE + 1) * _FREQUENCY * np.pi / (2 * SIDE)) * np.sqrt(
    np.where(_FREQUENCY == 0, 1.0, 2.0) / SIDE
)


def luma(image: NDArray[Any]) -> Array:
    """Weighted mean of the channels as JPEG has it: ``(..., C)`` with one or three to ``(...)``."""
    return np.asarray(image @ _LUMA[image.shape[-1]], np.float64)


def noise_in_luma(channels: int) -> float:
    """σ of the luma of white noise over that of each channel."""
    return float(np.sqrt(np.square(_LUMA[channels]).sum()))


def cut_blocks(image: NDArray[Any]) -> Array:
    """Whole blocks from the first row and column on: ``(H, W, C)`` to ``(number, 8, 8, C)``."""
    blocks = blocks_of(image)
    return np.asarray(blocks.reshape(-1, *blocks.shape[2:]), np.float64)


def blocks_of(image: NDArray[Any]) -> NDArray[Any]:
    """The same in rows and columns ``(H/8, W/8, 8, 8, C)``, of its own type and memory."""
    rows, columns = image.shape[0] // SIDE, image.shape[1] // SIDE
    if not rows * columns:
        return np.empty((0, 0, SIDE, SIDE, image.shape[2]), image.dtype)
    windows = np.lib.stride_tricks.sliding_window_view(image, (SIDE, SIDE), axis=(0, 1))
    return windows[: SIDE * rows : SIDE, : SIDE * columns : SIDE].transpose(0, 1, 3, 4, 2)


def frequencies(blocks: Array) -> Array:
    """Coefficients of the orthonormal cosine transform: ``(number, 8, 8)``, rows down."""
    return np.asarray(_DCT @ blocks @ _DCT.T)
