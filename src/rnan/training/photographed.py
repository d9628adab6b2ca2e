"""Patches that a synthetic camera took, instead of white noise."""

import torch
from torch import Tensor

from rnan.degradations.batched import camera
from rnan.training import counter

UNKNOWN = 0.0
"""The level that a network is given where nobody knows how strong the noise is."""

_UNKNOWN_SHARE = 0.25
_MOST = 50.0
"""Level that stronger noise is given as."""


def photographed(gt: Tensor, index: Tensor, *, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """What cameras make of patches, and what the network is told.

    Args:
        gt: ``(B, 3, S, S)`` in [0, 1]; S a multiple of 16.
        index: Numbers of the patches in the stream, on the processor.
        seed: Of the stream.

    Returns:
        The photographs and references of :func:`taken`, and the level ``(B,)`` that the network is
        given: the strength of the noise, or :data:`UNKNOWN` for a quarter of them.
    """
    lq, gt, noise = taken(gt, index, seed=seed)
    told = counter.uniform(counter.keys(seed, "told", index), 1)[:, 0] >= _UNKNOWN_SHARE
    told = told.to(gt.device, non_blocking=True)
    return lq, gt, torch.where(told, noise.clamp(max=_MOST), UNKNOWN)


def taken(gt: Tensor, index: Tensor, *, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """What cameras make of patches.

    Args:
        gt: As for :func:`photographed`.
        index: Likewise.
        seed: Likewise.

    Returns:
        The photographs, the references (as soft as the photograph, gray where that is), and how
        strong the noise is, ``(B,)``: the standard deviation, on the 0-255 scale, of the photograph
        against the one without noise, saved in the same way.
    """
    uniforms = counter.uniform(counter.keys(seed, "camera", index), camera.UNIFORMS)
    cameras = camera.draw(uniforms.float().to(gt.device, non_blocking=True))
    keys = counter.keys(seed, "sensor", index).to(gt.device, non_blocking=True)

    def normal(where: Tensor, height: int, width: int) -> Tensor:
        flat = counter.normal(keys[where], camera.NORMALS * height * width)
        return flat.view(len(where), camera.NORMALS, height, width)

    gt = gt.contiguous()
    lq = camera.photograph(gt, cameras, normal)
    gt = camera.clean(gt, cameras)
    without = camera.saved((gt * 255.0).round() / 255.0, cameras)
    return lq, gt, (lq - without).square().mean((1, 2, 3)).sqrt() * 255.0
