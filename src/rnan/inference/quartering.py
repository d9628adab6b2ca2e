"""How the authors' program cuts a picture, without which its figures do not come out.

Every picture is cut into four overlapping quarters, large quarters again; each corner of the
output comes from its own quarter.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

LIMIT, LIMIT_ENLARGED = 10_000, 30_000
"""Input pixels of a quarter from which on it is quartered again; the second for enlargement."""
_SHARED = 12
_SMALLEST = 20


def quartered(run: Callable[[Array], Array], lq: Array, scale: int) -> Array:
    """Run a network on quarters.

    Args:
        run: ``(B, C, h, w)`` to ``(B, C', h·scale, w·scale)``.
        lq: ``(B, C, H, W)``; a side below 20 breaks the authors' program, ours repeats the last
            row or column up to 20 and cuts the output back.
        scale: Enlargement.
    """
    height, width = lq.shape[-2:]
    missing = (max(0, _SMALLEST - width), max(0, _SMALLEST - height))
    if any(missing):
        lq = np.pad(lq, ((0, 0), (0, 0), (0, missing[1]), (0, missing[0])), mode="edge")
    return _quartered(run, lq, scale)[..., : height * scale, : width * scale]


def _quartered(run: Callable[[Array], Array], lq: Array, scale: int) -> Array:
    height, width = lq.shape[-2:]
    half, across = height // 2, width // 2
    tall, wide = _quarter(height, width)
    again = _again(tall, wide, scale)
    out: Array | None = None
    for lower in (False, True):
        for right in (False, True):
            rows = slice(height - tall, height) if lower else slice(0, tall)
            columns = slice(width - wide, width) if right else slice(0, wide)
            part = lq[..., rows, columns]
            y = _quartered(run, part, scale) if again else run(part)
            if out is None:
                out = np.empty((*y.shape[:2], height * scale, width * scale), y.dtype)
            down, along = _kept(half, height, lower, scale), _kept(across, width, right, scale)
            size = (down.stop - down.start, along.stop - along.start)
            inner = y[..., -size[0] :, :] if lower else y[..., : size[0], :]
            out[..., down, along] = inner[..., -size[1] :] if right else inner[..., : size[1]]
    assert out is not None
    return out


def number_of_parts(height: int, width: int, scale: int) -> int:
    """How often the network runs for a picture of that size."""
    tall, wide = _quarter(max(height, _SMALLEST), max(width, _SMALLEST))
    return 4 * (number_of_parts(tall, wide, scale) if _again(tall, wide, scale) else 1)


def _quarter(height: int, width: int) -> tuple[int, int]:
    return height // 2 // 4 * 4 + _SHARED, width // 2 // 4 * 4 + _SHARED


def _again(height: int, width: int, scale: int) -> bool:
    return height * width >= (LIMIT if scale == 1 else LIMIT_ENLARGED)


def _kept(half: int, side: int, second: bool, scale: int) -> slice:
    return slice(half * scale, side * scale) if second else slice(0, half * scale)
