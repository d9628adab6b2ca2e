"""White Gaussian noise, neither clipped nor rounded (Section 4.2)."""

import os
import zlib

import numpy as np
from numpy.typing import NDArray


def noisy(
    gt: NDArray[np.float64], sigma: float, *, name: str, seed: int = 0
) -> NDArray[np.float64]:
    """Noise for a measurement: the same on every machine, whatever the order of the pictures.

    Args:
        gt: Clean picture of any shape, on the 0-255 scale.
        sigma: Standard deviation on the 0-255 scale.
        name: Name of the picture's file without its ending; it seeds the generator together with
            ``seed`` and ``sigma``.
        seed: Another seed, another noise.

    Returns:
        ``gt`` plus noise, neither clipped nor rounded.
    """
    key = zlib.crc32(os.fsencode(f"{name}/{sigma:g}"))
    draws = np.random.default_rng([seed, key]).standard_normal(gt.shape)
    return gt + sigma * draws
