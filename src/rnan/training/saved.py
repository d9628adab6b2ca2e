"""Noise that went through a JPEG afterwards, as that of most pictures people have."""

import torch
from torch import Tensor

from rnan.degradations.batched import jpeg

COARSEST = 50
"""Lowest quality, of libjpeg; below it the blocks are worse than the noise."""

DRAWS = 2
"""Random numbers that each patch takes."""


def qualities(draws: Tensor, *, share: float) -> Tensor:
    """The quality that each patch is saved with: ``(B,)``, 0 where it is not.

    Args:
        draws: ``(B, DRAWS)`` in [0, 1): whether, and how well.
        share: Of the patches that are saved.
    """
    quality = COARSEST + (draws[:, 1] * (101 - COARSEST)).floor()
    return torch.where(draws[:, 0] < share, quality, 0.0)


def saved(lq: Tensor, quality: Tensor) -> Tensor:
    """Put some patches through a JPEG.

    Args:
        lq: ``(B, C, S, S)`` in [0, 1], noise beyond; S a multiple of 8, in colour of 16.
        quality: Of :func:`qualities`, on the processor.

    Returns:
        As ``lq``; the saved ones are rounded to 8 bit and clipped first.
    """
    chosen = torch.nonzero(quality)[:, 0]
    if not len(chosen):
        return lq
    where = chosen.to(lq.device, non_blocking=True)
    kept = quality[chosen].to(lq.device, non_blocking=True)
    result = lq.clone()
    result[where] = jpeg.compress_batch(lq[where].clamp(0.0, 1.0), kept)
    return result
