"""What sensors measure of batches of pictures, behind the curve that evens their noise out.

See :mod:`rnan.degradations.sensor` for noise and curve. A picture for screens is taken back to
light, made darker, and turned into a camera's colours; its Bayer mosaic gets the noise; white
balance and the curve follow, as when camera raw is restored. All is ``(B, 3, H, W)`` in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rnan.degradations.batched.mosaic import mosaic_batch
from rnan.degradations.sensor import stabilising_nodes
from rnan.images.srgb import SLOPE, TOE

UNIFORMS = 16
"""Random numbers in [0, 1) that a sensor takes."""


@dataclass(frozen=True, kw_only=True)
class Sensors:
    """A sensor and its light for each picture of a batch: ``(B,)``, or as is said."""

    photon: Tensor
    """Variance of the noise for each unit of signal."""
    reading: Tensor
    """Variance of the noise in the dark."""
    gains: Tensor
    """``(B, 3)``: white balance of red, green and blue, the least 1."""
    matrix: Tensor
    """``(B, 3, 3)``: linear sRGB to balanced camera colours; rows sum to one."""
    exposure: Tensor
    """White of the picture over that of the sensor, at most 1."""


@dataclass(frozen=True, kw_only=True)
class Sensed:
    """What a network is shown, and what its answer is compared with."""

    mosaic: Tensor
    """``(B, 3, H, W)``: GRBG, zero-filled, behind the curve."""
    level: Tensor
    """``(B, 1, H, W)``: standard deviation of its noise."""
    gt: Tensor
    """``(B, 3, H, W)``: the clean picture in balanced camera colours, as sRGB encodes them."""
    nodes: Tensor
    """``(B, N)``: values of the curves …"""
    shown: Tensor
    """``(N,)``: … and of sRGB at the same light."""

    def encoded(self, restored: Tensor) -> Tensor:
        """A network's answer ``(B, 3, H, W)`` as ``gt`` is encoded."""
        return interpolated(restored, self.nodes, self.shown.expand_as(self.nodes))


def draw(uniforms: Tensor) -> Sensors:
    """Sensors at random: from no noise (one in ten) to that of ISO 102400.

    Args:
        uniforms: ``(B, UNIFORMS)`` in [0, 1).
    """
    u = iter(uniforms.unbind(1))

    def in_logs(low: float, high: float) -> Tensor:
        low, high = float(torch.tensor(low).log()), float(torch.tensor(high).log())
        return torch.exp(low + next(u) * (high - low))

    noisy = (next(u) > 0.1).to(uniforms.dtype)
    photon = in_logs(1e-5, 2.5e-2)
    reading = photon * in_logs(5e-4, 0.25)
    gains = torch.stack((in_logs(1.0, 3.0), torch.ones_like(photon), in_logs(1.0, 3.0)), 1)
    dark = (next(u) > 0.5).to(uniforms.dtype)
    exposure = torch.lerp(torch.ones_like(photon), in_logs(0.2, 1.0), dark)
    # Cameras' colours are paler than sRGB's: a share of each from the other two.
    pale = next(u) > 0.4
    leaks = torch.stack([0.4 * next(u) for _ in range(6)], 1) * pale[:, None]
    red, green, blue = leaks.view(-1, 3, 2).unbind(1)
    matrix = torch.stack(
        (
            torch.stack((1.0 - red.sum(1), red[:, 0], red[:, 1]), 1),
            torch.stack((green[:, 0], 1.0 - green.sum(1), green[:, 1]), 1),
            torch.stack((blue[:, 0], blue[:, 1], 1.0 - blue.sum(1)), 1),
        ),
        dim=1,
    )
    return Sensors(
        photon=photon * noisy,
        reading=reading * noisy,
        gains=gains,
        matrix=matrix,
        exposure=exposure,
    )


def sense(gt: Tensor, sensors: Sensors, normal: Tensor) -> Sensed:
    """What the sensors measure of clean pictures.

    Args:
        gt: For screens; even sides.
        sensors: One for each.
        normal: Standard normal numbers ``(B, 1, H, W)``.
    """
    gains = sensors.gains[:, :, None, None]
    light = torch.einsum("bij,bjhw->bihw", sensors.matrix, _light(gt))
    light = light * sensors.exposure[:, None, None, None]
    samples = mosaic_batch(light / gains).sum(1, keepdim=True)
    photon, reading = (one[:, None, None, None] for one in (sensors.photon, sensors.reading))
    noisy = (samples + normal * (photon * samples + reading).sqrt()).clamp(max=1.0)
    factors = mosaic_batch(gains.expand_as(gt).contiguous()).sum(1, keepdim=True)
    balanced = (noisy * factors).clamp(max=1.0)

    cell = sensors.gains[:, [1, 0, 2, 1]]  # GRBG
    nodes_of = stabilising_nodes(
        (sensors.photon * cell.mean(1)).cpu(), (sensors.reading * cell.square().mean(1)).cpu()
    )
    where, nodes, slopes = (torch.from_numpy(one).to(gt) for one in nodes_of)
    places = where.expand_as(nodes)
    seen = interpolated(balanced, places, nodes)
    level = noise_level(balanced, photon, reading, factors, places, slopes)
    return Sensed(
        mosaic=mosaic_batch(seen.expand_as(gt)),
        level=level,
        gt=_encoded(light),
        nodes=nodes,
        shown=_encoded(where),
    )


def noise_level(
    balanced: Tensor, photon: Tensor, reading: Tensor, gains: Tensor, places: Tensor, slopes: Tensor
) -> Tensor:
    """Standard deviation of the noise behind the curve, one value for each cell of the mosaic.

    The light is taken from the mean of the nine nearest samples of each colour.
    """
    cells, factors = F.pixel_unshuffle(balanced, 2), F.pixel_unshuffle(gains, 2)
    light = F.avg_pool2d(F.pad(cells, (1, 1, 1, 1), mode="replicate"), 3, stride=1).clamp(0.0, 1.0)
    variance = factors * photon * light + factors.square() * reading
    level = (interpolated(light, places, slopes) * variance.sqrt()).mean(1, keepdim=True)
    return level.repeat_interleave(2, 2).repeat_interleave(2, 3)


def interpolated(x: Tensor, places: Tensor, values: Tensor) -> Tensor:
    """Values between nodes, on straight lines, which go on beyond the first and last node.

    Args:
        x: ``(B, C, H, W)``.
        places: Of the nodes, rising: ``(B, N)``.
        values: At the nodes, ``(B, N)``.
    """
    flat = x.reshape(len(x), -1)
    right = torch.searchsorted(places.contiguous(), flat.detach().contiguous())
    right = right.clamp(1, places.shape[1] - 1)
    first, last = places.gather(1, right - 1), places.gather(1, right)
    low, high = values.gather(1, right - 1), values.gather(1, right)
    result = low + (flat - first) * ((high - low) / (last - first))
    return result.view_as(x)


def _light(value: Tensor) -> Tensor:
    """See :func:`rnan.images.srgb.srgb_decoded`."""
    power = ((value.clamp(min=TOE * SLOPE) + 0.055) / 1.055) ** 2.4
    return torch.where(value <= TOE * SLOPE, value / SLOPE, power)


def _encoded(light: Tensor) -> Tensor:
    """See :func:`rnan.images.srgb.srgb_encoded`."""
    power = 1.055 * light.clamp(min=TOE) ** (1 / 2.4) - 0.055
    return torch.where(light <= TOE, SLOPE * light, power)
