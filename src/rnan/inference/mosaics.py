"""Mosaics of any Bayer pattern and size as the network takes them: GRBG from the first pixel on."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rnan.degradations.mosaic import PATTERNS, measured
from rnan.errors import InputError


def fill(mosaic: Tensor, pattern: str) -> Tensor:
    """Zero-filled ``(3, H, W)`` from a mosaic ``(1, H, W)`` or ``(3, H, W)``.

    Raises:
        InputError: Three channels hold more than one colour at a pixel, or another pattern.
    """
    where = measured(mosaic.shape[-2], mosaic.shape[-1], pattern)
    if mosaic.shape[0] == 3 and bool((mosaic * ~where).abs().max() > 0):
        raise InputError(
            f"the picture is no {pattern.upper()} mosaic: it holds colours between the samples"
        )
    return mosaic * where


def pattern_of(where: Tensor) -> str:
    """The pattern whose measured samples ``where``, ``(3, H, W)``, are."""
    height, width = where.shape[-2:]
    return next(name for name in PATTERNS if torch.equal(measured(height, width, name), where))


def arrange(zero_filled: Tensor, pattern: str) -> Tensor:
    """Shift a mosaic to GRBG and fill it up to an even size.

    The row or column that is put before it is a mirror of the second, which has the same colours.

    Args:
        zero_filled: ``(3, H, W)``, see :func:`fill`.
        pattern: A key of :data:`~rnan.degradations.mosaic.PATTERNS`.

    Returns:
        Zero-filled ``(3, H', W')``; :func:`put_back` undoes the rest.
    """
    height, width = zero_filled.shape[-2:]
    down, across = PATTERNS[pattern]
    padding = (across, (width + across) % 2, down, (height + down) % 2)
    plane = zero_filled.sum(dim=0, keepdim=True)
    # A side of one pixel has no second row or column to mirror.
    tall = F.pad(plane, (0, 0, *padding[2:]), mode="reflect" if height > 1 else "replicate")
    full = F.pad(tall, (*padding[:2], 0, 0), mode="reflect" if width > 1 else "replicate")
    return full * measured(full.shape[1], full.shape[2])


def put_back(restored: Tensor, pattern: str, height: int, width: int) -> Tensor:
    """Cut away what :func:`arrange` put around: ``(3, H', W')`` to ``(3, H, W)``."""
    down, across = PATTERNS[pattern]
    return restored[:, down : down + height, across : across + width]
