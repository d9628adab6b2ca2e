"""Stripes that the training pictures lack: as fine as pixels can hold, and without colour."""

import math

import torch
from torch import Tensor

FASTEST_CHANGE = 1 / 256
"""By how many cycles a pixel the frequency changes from one pixel to the next, at most."""

DRAWS = 7
"""Random numbers that each patch takes."""


def with_gratings(gt: Tensor, draws: Tensor, *, share: float) -> Tensor:
    """Replace some patches by pieces of gray zone plates.

    Cloth, grilles and far roofs alias in a mosaic, and photographs on the web have been shrunk
    until they no longer do: a network that has seen only those takes fine stripes for colour.

    Args:
        gt: ``(B, C, S, S)`` in [0, 1].
        draws: ``(B, DRAWS)`` in [0, 1), on the processor: whether, phase, frequency in the middle
            of the patch (up to half a cycle a pixel), its direction, how fast it changes, contrast,
            and mean.
        share: Of the patches that are replaced.
    """
    chosen = torch.nonzero(draws[:, 0] < share)[:, 0]
    if not len(chosen):
        return gt
    _, start, cycles, direction, change, contrast, mean = (
        draws[chosen, :, None, None].float().unbind(1)
    )
    along = torch.arange(gt.shape[-1], dtype=torch.float32) - (gt.shape[-1] - 1) / 2
    y, x = along[:, None], along[None, :]
    angle = 2.0 * math.pi * direction
    phase = start + 0.5 * cycles * (x * angle.cos() + y * angle.sin())
    phase = phase + 0.5 * FASTEST_CHANGE * change * (x.square() + y.square())
    amplitude = 0.5 * contrast
    middle = amplitude + (1.0 - contrast) * mean
    stripes = middle + amplitude * torch.cos(2.0 * math.pi * phase)
    stripes = stripes[:, None].to(gt.device, gt.dtype, non_blocking=True)
    result = gt.clone()
    result[chosen.to(gt.device, non_blocking=True)] = stripes.expand(-1, gt.shape[1], -1, -1)
    return result
