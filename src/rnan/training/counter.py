"""Random numbers by index: what patch number n looks like depends on the seed and on n alone.

Each number is a hash of its position (SplitMix64, Steele et al., 2014), so any part of the stream
can be computed anywhere, in any order, by any number of processes, on any device.
"""

import hashlib
import math

import torch
from torch import Tensor


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_MULTIPLIERS = (_signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB))


def keys(seed: int, purpose: str, index: Tensor) -> Tensor:
    """A key for each index, int64 shaped like ``index``; another purpose, other keys."""
    digest = hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest()
    return _mix(index * _GOLDEN + int.from_bytes(digest, "little", signed=True))


def uniform(key: Tensor, number: int) -> Tensor:
    """``number`` values in [0, 1) for each key: ``(len(key), number)``, float64."""
    return _shifted(_bits(key, number), 11).double() * 2.0**-53


def normal(key: Tensor, number: int) -> Tensor:
    """``number`` standard normal values for each key: ``(len(key), number)``, float32.

    By Box and Muller's transform, two from each hash; none lies beyond 6.7.
    """
    bits = _bits(key, (number + 1) // 2)
    radius = ((_shifted(bits, 32).float() + 1.0) * 2.0**-32).log_().mul_(-2.0).sqrt_()
    angle = (bits & 0xFFFFFFFF).float().mul_(2.0 * math.pi * 2.0**-32)
    return torch.cat((radius * angle.cos(), radius * angle.sin()), dim=1)[:, :number]


def _bits(key: Tensor, number: int) -> Tensor:
    return _mix(key[:, None] + torch.arange(1, number + 1, device=key.device) * _GOLDEN)


def _mix(z: Tensor) -> Tensor:
    for shift, multiplier in zip((30, 27), _MULTIPLIERS, strict=True):
        z = (z ^ _shifted(z, shift)) * multiplier
    return z ^ _shifted(z, 31)


def _shifted(z: Tensor, by: int) -> Tensor:
    """To the right as if without a sign."""
    return (z >> by) & ((1 << (64 - by)) - 1)
