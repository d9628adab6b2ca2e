"""Attention in windows whose graph holds for every size of picture, for ``torch.export``.

:mod:`rnan.models.attention` cuts a map into up to four parts, depending on its size. A graph that
is to serve all sizes cannot: here the map is filled up to whole windows, and what was added takes
no part in the softmax. The result is the same.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from rnan.models.config import ROWS

_OUTSIDE = -3e4
"""Score of what lies outside the map; 16 bits hold it."""


def attend_in_padded_windows(
    maps: Tensor, window: int | None, softmax: Literal["keys", "queries"]
) -> Tensor:
    """Attention (Eq. 3 and 4) in windows, as one graph.

    Some rows of the scores of all windows stand in memory at once, so memory grows with the map's
    area; all rows for the softmax of the authors' program.

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
    rows = torch.arange(tall, device=maps.device) < height
    columns = torch.arange(broad, device=maps.device) < width
    inside = rows.reshape(down, 1, high, 1) & columns.reshape(1, across, 1, wide)
    inside = inside.reshape(1, down * across, high * wide, 1)
    # One more channel takes what lies outside out of the softmax, without a copy of the scores.
    keys, queries = (phi, theta) if softmax == "keys" else (theta, phi)
    outside = torch.where(inside, 0.0, _OUTSIDE).to(maps.dtype).expand(batch, -1, -1, -1)
    keys = torch.cat((keys, outside), dim=3)
    queries = torch.cat((queries, torch.ones_like(queries[..., :1])), dim=3)
    if softmax == "keys":
        parts = torch.split(queries, ROWS, dim=2) if window else (queries,)
        y = torch.cat([_softmax(part @ keys.mT) @ g for part in parts], dim=2)
    else:
        y = _softmax(queries @ keys.mT).mT @ g
    y = y.reshape(batch, down, across, high, wide, channels // 3)
    y = y.permute(0, 5, 1, 3, 2, 4).reshape(batch, channels // 3, tall, broad)
    return y[:, :, :height, :width]


def _softmax(scores: Tensor) -> Tensor:
    """In 32 bits at least."""
    return scores.softmax(dim=3, dtype=torch.float32).to(scores.dtype)
