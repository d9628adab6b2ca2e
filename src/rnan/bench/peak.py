"""How fast this machine convolves at best: what achieved speed is compared with."""

import torch
from torch import nn

from rnan.training.cost import timed

_FEATURES = 64
_SIDES = (64, 256, 512)
_PIXELS = {"cuda": 2048**2}
"""Pixels of a batch; fewer do not fill a GPU."""


@torch.inference_mode()
def convolution_peak(device: torch.device, dtype: str, *, runs: int = 30) -> float:
    """FLOP/s of the fastest 64→64 3×3 convolution at 64², 256² and 512², channels-last.

    Args:
        device: Where.
        dtype: Of the convolution: ``float32``, ``bfloat16``, ``float16``.
        runs: Of each size; the fastest counts.
    """
    kind: torch.dtype = getattr(torch, dtype)
    best = 0.0
    for side in _SIDES:
        batch = max(1, _PIXELS.get(device.type, 256**2) // side**2)
        conv = nn.Conv2d(_FEATURES, _FEATURES, 3, padding=1).to(device, kind)
        conv = conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        x = torch.rand(batch, _FEATURES, side, side, device=device).to(kind)
        x = x.to(memory_format=torch.channels_last)
        seconds = min(timed(lambda: conv(x), device) for _ in range(runs + 1))  # noqa: B023
        flops = 2 * 9 * _FEATURES**2 * batch * side**2
        best = max(best, flops / seconds)
    return best
