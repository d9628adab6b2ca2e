"""Mosaics of any Bayer pattern and size as the network takes them: GRBG from the first pixel on."""

import numpy as np
from numpy.typing import NDArray

from rnan.degradations.mosaic import PATTERNS, measured
from rnan.errors import InputError
from rnan.inference.ensemble import self_ensemble
from rnan.inference.pictures import mixed
from rnan.inference.sensors import bilinear
from rnan.inference.streaming import Cancel
from rnan.inference.tiled import Progress, TiledEngine
from rnan.options.restoring import RestoreOptions
from rnan.tasks import Condition

Array = NDArray[np.float32]


class MosaicRestorer:
    """Makes colour pictures of mosaics."""

    def __init__(self, tiled: TiledEngine, options: RestoreOptions) -> None:
        self._tiled, self._options = tiled, options

    def __call__(
        self, plane: Array, condition: Condition, progress: Progress | None, cancel: Cancel | None
    ) -> Array:
        """Demosaic ``(1, H, W)``, or zero-filled ``(3, H, W)``, to ``(3, H, W)``."""
        zero_filled = fill(plane, condition.pattern)
        times = 8 if self._options.self_ensemble else 1
        passes = 0

        def report(done: int, total: int) -> None:
            if progress is not None:
                progress(passes * total + done, times * total)

        def run(x: Array, where: Array | None) -> Array:
            nonlocal passes
            # A turned mosaic reads another pattern.
            pattern = condition.pattern if where is None else pattern_of(where[0] > 0)
            arranged = arrange(x[0], pattern)[None]
            restored = self._tiled(arranged, condition, report, cancel)[0]
            passes += 1
            return put_back(restored, pattern, x.shape[-2], x.shape[-1])[None]

        where = measured(plane.shape[-2], plane.shape[-1], condition.pattern)
        if times == 1:
            restored = run(zero_filled[None], None)[0]
        else:
            restored = self_ensemble(run, zero_filled[None], where[None].astype(np.float32))[0]
        if self._options.keep_samples:
            return np.where(where, zero_filled, restored)
        luma, chroma = self._options.shares
        if min(luma, chroma) < 1.0:
            plain: Array = bilinear(zero_filled.sum(axis=0), condition.pattern)
            return mixed(plain, restored, luma, chroma)
        result: Array = restored
        return result


def fill(mosaic: Array, pattern: str) -> Array:
    """Zero-filled ``(3, H, W)`` from a mosaic ``(1, H, W)`` or ``(3, H, W)``.

    Raises:
        InputError: Three channels hold more than one colour at a pixel, or another pattern.
    """
    where = measured(mosaic.shape[-2], mosaic.shape[-1], pattern)
    if mosaic.shape[0] == 3 and (mosaic[~where] != 0).any():
        raise InputError(
            f"the picture is no {pattern.upper()} mosaic: it holds colours between the samples"
        )
    return mosaic * where


def pattern_of(where: NDArray[np.bool_]) -> str:
    """The pattern whose measured samples ``where``, ``(3, H, W)``, are."""
    height, width = where.shape[-2:]
    return next(name for name in PATTERNS if np.array_equal(measured(height, width, name), where))


def arrange(zero_filled: Array, pattern: str) -> Array:
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
    rows, columns = (down, (height + down) % 2), (across, (width + across) % 2)
    plane = zero_filled.sum(axis=0, keepdims=True)
    # A side of one pixel has no second row or column to mirror.
    tall = np.pad(plane, ((0, 0), rows, (0, 0)), mode="reflect" if height > 1 else "edge")
    full = np.pad(tall, ((0, 0), (0, 0), columns), mode="reflect" if width > 1 else "edge")
    return full * measured(full.shape[1], full.shape[2])


def put_back(restored: Array, pattern: str, height: int, width: int) -> Array:
    """Cut away what :func:`arrange` put around: ``(3, H', W')`` to ``(3, H, W)``."""
    down, across = PATTERNS[pattern]
    return restored[:, down : down + height, across : across + width]
