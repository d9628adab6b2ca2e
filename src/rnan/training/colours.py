"""Colours that the training pictures lack: stronger ones, and those of other channels."""

from itertools import permutations

import torch
from torch import Tensor

MOST = 3.0
"""How many times as far from gray as it was a colour is moved at most."""

_ORDERS = torch.tensor(list(permutations(range(3))))


def vivid(gt: Tensor, draws: Tensor, *, share: float) -> Tensor:
    """Make the colours of some patches stronger and swap their channels.

    What the channels have in common is what an interpolation of a mosaic leans on; in soft
    pictures they have more of it than in those people take.

    Args:
        gt: ``(B, 3, S, S)`` in [0, 1], channels-last.
        draws: ``(B, 3)`` in [0, 1), on the processor: whether, how strong, in which order.
        share: Of the patches that change; the logarithm of how much is uniform up to ``MOST``.

    Returns:
        As ``gt``; what leaves [0, 1] is clipped.
    """
    chosen = draws[:, 0] < share
    strength = torch.where(chosen, MOST ** draws[:, 1], 1.0).to(gt.dtype)
    order = _ORDERS[torch.where(chosen, (draws[:, 2] * len(_ORDERS)).long(), 0)]
    strength, order = (one.to(gt.device, non_blocking=True) for one in (strength, order))
    pixels = gt.permute(0, 2, 3, 1)
    pixels = pixels.gather(3, order[:, None, None, :].expand_as(pixels))
    gray = pixels.mean(3, keepdim=True)
    return (
        torch.lerp(gray, pixels, strength[:, None, None, None]).clamp_(0.0, 1.0).permute(0, 3, 1, 2)
    )
