"""Attention in windows whose graph holds for every size of picture, for ``torch.export``.

:mod:`rnan.models.attention` cuts a map into up to four parts, depending on its size. A graph that
is to serve all sizes cannot: here the map is filled up to whole windows, and what was added takes
no part in the softmax. The result is the same.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor


def attend_in_padded_windows(
    maps: Tensor, window: int | None, softmax: Literal["keys", "queries"]
) -> Tensor:
    """Attention (Eq. 3 and 4) in windows, as one graph.

    The scores of all windows stand in memory at once: window² numbers for each position of the map,
    so memory grows with the map's area.

    Args:
        maps: Queries, keys and values, ``(B, 3·D, H, W)``; H and W may be symbolic.
        window: Side of the windows; ``None`` for the whole map, whose scores grow with the square
            of its area.
        softmax: Axis of the softmax, see :func:`rnan.models.attention.attend`.

    Returns:
        ``(B, D, H, W)``.
    """
    batch, channels, height, width = maps.shape
    high, wide = (window, window) if window else (height, width)
    down, across = (height + high - 1) // high, (width + wide - 1) // wide
    tall, broad = down * high, across * wide
    padded = F.pad(maps, (0, broad - width, 0, tall - height))
    tokens = padded.reshape(batch, channels, down, high, across, wide)
    tokens = tokens.permute(0, 2, 4, 3, 5, 1).reshape(batch, down * across, high * wide, channels)
    theta, phi, g = tokens.chunk(3, dim=3)
    axis = 3 if softmax == "keys" else 2
    rows = torch.arange(tall, device=maps.device) < height
    columns = torch.arange(broad, device=maps.device) < width
    inside = rows.reshape(down, 1, high, 1) & columns.reshape(1, across, 1, wide)
    inside = inside.reshape(1, down * across, high * wide).unsqueeze(5 - axis)
    scores = torch.where(inside, theta @ phi.mT, float("-inf"))
    weights = scores.softmax(dim=axis, dtype=torch.float32).to(g.dtype)
    y = (weights @ g).reshape(batch, down, across, high, wide, channels // 3)
    y = y.permute(0, 5, 1, 3, 2, 4).reshape(batch, channels // 3, tall, broad)
    return y[:, :, :height, :width]
