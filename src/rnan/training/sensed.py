"""Patches that image sensors measured, instead of white noise being added."""

from torch import Tensor

from rnan.degradations.batched import sensor
from rnan.training import counter


def sensed(gt: Tensor, index: Tensor, *, seed: int) -> sensor.Sensed:
    """What sensors make of patches.

    Args:
        gt: ``(B, 3, S, S)`` in [0, 1].
        index: Numbers of the patches in the stream, on the processor.
        seed: Of the stream.
    """
    uniforms = counter.uniform(counter.keys(seed, "sensors", index), sensor.UNIFORMS)
    keys = counter.keys(seed, "samples", index).to(gt.device, non_blocking=True)
    height, width = gt.shape[-2:]
    draws = counter.normal(keys, height * width).view(-1, 1, height, width)
    return sensor.sense(
        gt.contiguous(),
        sensor.draw(uniforms.to(gt.device, gt.dtype, non_blocking=True)),
        draws.to(gt.dtype),
    )
