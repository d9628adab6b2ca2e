"""GRBG mosaics of batches on a device; see :mod:`rnan.degradations.mosaic`."""

from functools import lru_cache

import torch
from torch import Tensor

from rnan.degradations.mosaic import measured


def mosaic_batch(gt: Tensor) -> Tensor:
    """The zero-filled GRBG mosaic: ``(B, 3, H, W)`` to the same."""
    return gt * _measured(gt.shape[-2], gt.shape[-1], gt.device)


@lru_cache(maxsize=8)
def _measured(height: int, width: int, device: torch.device) -> Tensor:
    """Kept on the device: to copy it for each batch would make the processor wait for a GPU."""
    return torch.from_numpy(measured(height, width)).to(device)
