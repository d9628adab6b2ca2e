"""Cut a picture into overlapping tiles and blend what comes back.

A tile starts on a multiple of the network's grid, so that it sees the same attention windows
and strides as the whole picture. In the overlap of two tiles the outer quarters, which the
tile's own border disturbs, are thrown away, and the middle half is blended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Span:
    """One tile along one axis, in input pixels."""

    start: int
    stop: int
    before: tuple[int, int] | None
    """Ramp from 0 to 1 (first and last position); none at the picture's border."""
    after: tuple[int, int] | None
    """Ramp from 1 to 0."""

    def weights(self, scale: int) -> Array:
        """Blending weights of the positions of the tile, enlarged by ``scale``."""
        weights = np.ones((self.stop - self.start) * scale, np.float32)
        for ramp, rising in ((self.before, True), (self.after, False)):
            if ramp is None:
                continue
            low, high = ((edge - self.start) * scale for edge in ramp)
            steps = (np.arange(high - low, dtype=np.float32) + 0.5) / max(1, high - low)
            weights[low:high] = steps if rising else 1.0 - steps
            if rising:
                weights[:low] = 0.0
            else:
                weights[high:] = 0.0
        return weights


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One tile: rows and columns."""

    rows: Span
    columns: Span

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in input pixels."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def cut(self, picture: Array) -> Array:
        """The tile's part of ``(…, H, W)``."""
        return picture[
            ..., self.rows.start : self.rows.stop, self.columns.start : self.columns.stop
        ]

    def add_to(self, out: Array, restored: Array, scale: int) -> None:
        """Add the restored tile, weighted, at its place in ``out`` ``(…, H·scale, W·scale)``."""
        weights = self.rows.weights(scale)[:, None] * self.columns.weights(scale)
        rows = slice(self.rows.start * scale, self.rows.stop * scale)
        columns = slice(self.columns.start * scale, self.columns.stop * scale)
        out[..., rows, columns] += restored * weights


def spans(length: int, *, tile: int, overlap: int, grid: int) -> list[Span]:
    """Even tiles of at most about ``tile`` pixels that cover ``length``, starting on the grid.

    ``overlap`` is rounded up to the grid, and cut to half a tile.
    """
    if length <= max(tile, 2 * grid):
        return [Span(start=0, stop=length, before=None, after=None)]
    tile = max(tile // grid * grid, 2 * grid)
    # More than half would let a tile overlap the next but one.
    overlap = min(_up(overlap, grid), tile // 2 // grid * grid)
    number = -(-(length - overlap) // (tile - overlap))
    step = _up(-(-(length - overlap) // number), grid)
    starts = [start for start in range(0, length, step) if start == 0 or start + overlap < length]
    stops = [min(start + step + overlap, length) for start in starts]
    ramps: list[tuple[int, int] | None] = [None]
    for stop, following in pairwise(zip(stops, starts, strict=True)):
        shared = stop[0] - following[1]
        ramps.append((following[1] + shared // 4, stop[0] - shared // 4))
    ramps.append(None)
    return [
        Span(start=start, stop=stop, before=before, after=after)
        for start, stop, (before, after) in zip(starts, stops, pairwise(ramps), strict=True)
    ]


def tiles(height: int, width: int, *, tile: int, overlap: int, grid: int) -> Iterator[Tile]:
    """Tiles of a picture, row by row."""
    rows = spans(height, tile=tile, overlap=overlap, grid=grid)
    columns = spans(width, tile=tile, overlap=overlap, grid=grid)
    for row, column in product(rows, columns):
        yield Tile(rows=row, columns=column)


def batches(plan: Sequence[Tile], number: int) -> Iterator[list[Tile]]:
    """Tiles of one shape together, at most ``number``, in the order of the plan."""
    shapes: dict[tuple[int, int], list[Tile]] = {}
    for tile in plan:
        shapes.setdefault(tile.shape, []).append(tile)
    for alike in shapes.values():
        for first in range(0, len(alike), number):
            yield alike[first : first + number]


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
