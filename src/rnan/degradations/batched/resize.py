"""Bicubic reduction of batches on a device; see :mod:`rnan.degradations.resize`."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from rnan.degradations.resize import taps


def downscale_batch(gt: Tensor, scale: int) -> Tensor:
    """:func:`rnan.degradations.resize.downscale` on the device of the batch.

    Args:
        gt: 8-bit pictures in [0, 1], ``(B, C, H, W)``; sides that are multiples of ``scale``.
        scale: 1 or more.
    """
    x = (gt.double() * 255.0).round()
    down = _matrix(gt.shape[-2], gt.shape[-2] // scale, gt.device)
    across = _matrix(gt.shape[-1], gt.shape[-1] // scale, gt.device)
    x = (down @ x + 0.5).floor().clamp(0.0, 255.0)
    x = (x @ across.T + 0.5).floor().clamp(0.0, 255.0)
    return (x / 255.0).to(gt.dtype)


@lru_cache(maxsize=64)
def _matrix(before: int, after: int, device: torch.device) -> Tensor:
    """Kept on the device: to copy it for each batch would make the processor wait for a GPU."""
    indices, weights = taps(before, after)
    matrix = np.zeros((after, before))
    np.add.at(matrix, (np.arange(after)[:, None], indices), weights)
    return torch.from_numpy(matrix).to(device)
