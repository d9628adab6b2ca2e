"""Patches that a synthetic camera took, instead of white noise."""

import torch
from torch import Tensor

from rnan.degradations.batched import camera
from rnan.training import counter

UNKNOWN = 0.0
"""The level that a network is given where nobody knows how strong the noise is."""

_UNKNOWN_SHARE = 0.5
_MOST = 50.0
"""Level that stronger noise is given as."""


def photographed(gt: Tensor, index: Tensor, *, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """What cameras make of patches.

    Args:
        gt: ``(B, 3, S, S)`` in [0, 1]; S a multiple of 16.
        index: Numbers of the patches in the stream, on the processor.
        seed: Of the stream.

    Returns:
        The photographs, the references (gray where the photograph is), and the level ``(B,)`` that
        the network is given: the standard deviation of what the camera added, on the 0-255 scale,
        or :data:`UNKNOWN` for half of them.
    """
    uniforms = counter.uniform(counter.keys(seed, "camera", index), camera.UNIFORMS + 1)
    uniforms = uniforms.float().to(gt.device, non_blocking=True)
    cameras = camera.draw(uniforms[:, 1:])
    keys = counter.keys(seed, "sensor", index).to(gt.device, non_blocking=True)

    def normal(where: Tensor, height: int, width: int) -> Tensor:
        flat = counter.normal(keys[where], camera.NORMALS * height * width)
        return flat.view(len(where), camera.NORMALS, height, width)

    gt = gt.contiguous()
    lq = camera.photograph(gt, cameras, normal)
    gt = camera.clean(gt, cameras)
    added = (lq - gt).square().mean((1, 2, 3)).sqrt() * 255.0
    level = torch.where(uniforms[:, 0] < _UNKNOWN_SHARE, UNKNOWN, added.clamp(max=_MOST))
    return lq, gt, level
