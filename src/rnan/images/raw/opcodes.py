"""What a DNG asks to be done to its samples (DNG Specification 1.7, chapter 7)."""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_GAIN_MAP = 9
_NAMES = {
    1: "WarpRectilinear",
    2: "WarpFisheye",
    3: "FixVignetteRadial",
    4: "FixBadPixelsConstant",
    5: "FixBadPixelsList",
    6: "TrimBounds",
    7: "MapTable",
    8: "MapPolynomial",
    10: "DeltaPerRow",
    11: "DeltaPerColumn",
    12: "ScalePerRow",
    13: "ScalePerColumn",
    14: "WarpRectilinear2",
}
_REPAIRED = (4, 5)
"""Bad pixels, which are looked for anyway."""
_MOST_POINTS = 2**20
_MOST_GAIN = 64.0
_NEAREST, _FARTHEST = 1e-5, 1e5
"""Distances between points, over the size of the picture."""


@dataclass(frozen=True, kw_only=True)
class GainMap:
    """Factors for samples, given at a few points: shading of the lens."""

    area: tuple[int, int, int, int]
    """Top, left, bottom and right of the samples that it is for."""
    pitch: tuple[int, int]
    """It is for every so many rows and columns of the area."""
    plane: int
    """First plane that it is for …"""
    planes: int
    """… and how many."""
    origin: tuple[float, float]
    """Of the points, over height and width of the picture."""
    spacing: tuple[float, float]
    points: NDArray[np.float32]
    """``(rows, columns, planes)``."""


def apply(one: GainMap, factors: NDArray[np.float32], cell: NDArray[np.str_] | None) -> None:
    """Multiply factors for samples by a map, in place.

    Args:
        one: The map.
        factors: ``(H, W)`` for a mosaic, else ``(H, W, 3)``.
        cell: Colour filters of a mosaic, where the map is for demosaiced planes; none where it is
            for the samples as they are.
    """
    height, width = factors.shape[:2]
    top, left, bottom, right = one.area
    rows = np.arange(top, min(bottom, height), one.pitch[0])
    columns = np.arange(left, min(right, width), one.pitch[1])
    if not len(rows) or not len(columns):
        return
    for plane in range(one.plane, min(3, one.plane + one.planes)):
        values = one.points[:, :, min(plane - one.plane, one.points.shape[2] - 1)]
        place = ((rows + 0.5) / height - one.origin[0]) / one.spacing[0]
        down = _between(values, place, 0)
        place = ((columns + 0.5) / width - one.origin[1]) / one.spacing[1]
        gains = _between(down, place, 1)
        there = np.ix_(rows, columns)
        if factors.ndim == 3:
            factors[there[0], there[1], plane] *= gains
        elif cell is None:
            factors[there] *= gains
            return
        else:
            colours = cell[np.ix_(rows % cell.shape[0], columns % cell.shape[1])]
            factors[there] *= np.where(colours == "rgb"[plane], gains, np.float32(1.0))


def read_opcodes(data: bytes) -> tuple[list[GainMap], list[str]]:
    """The gain maps of a list of opcodes, and the names of all others that change pixels.

    Raises:
        ValueError: The list is damaged.
    """
    maps: list[GainMap] = []
    others: list[str] = []
    try:
        (number,) = struct.unpack_from(">I", data)
        at = 4
        for _ in range(min(number, 1000)):
            kind, _version, _flags, size = struct.unpack_from(">4I", data, at)
            body = data[at + 16 : at + 16 + size]
            at += 16 + size
            if kind == _GAIN_MAP:
                maps.append(_gain_map(body))
            elif kind not in _REPAIRED:
                others.append(_NAMES.get(kind, f"operation {kind}"))
    except struct.error as error:
        raise ValueError("the list of operations is cut short") from error
    return maps, others


def _gain_map(body: bytes) -> GainMap:
    top, left, bottom, right, plane, planes, row_pitch, column_pitch, rows, columns = (
        struct.unpack_from(">10I", body)
    )
    spacing_down, spacing_across, origin_down, origin_across = struct.unpack_from(">4d", body, 40)
    (map_planes,) = struct.unpack_from(">I", body, 72)
    if not 0 < rows * columns * map_planes <= _MOST_POINTS or not (row_pitch and column_pitch):
        raise ValueError("a gain map has no points")
    numbers = np.frombuffer(body, ">f4", rows * columns * map_planes, 76)
    points = numbers.reshape(rows, columns, map_planes).astype(np.float32)
    if not np.isfinite(points).all() or (points < 0).any() or (points > _MOST_GAIN).any():
        raise ValueError("a gain map has factors that cannot be")
    place = np.array([spacing_down, spacing_across, origin_down, origin_across])
    if not np.isfinite(place).all() or (place[:2] < 0).any() or np.abs(place).max() > _FARTHEST:
        raise ValueError("the points of a gain map lie nowhere")
    return GainMap(
        area=(top, left, bottom, right),
        pitch=(row_pitch, column_pitch),
        plane=plane,
        planes=planes,
        origin=(origin_down, origin_across),
        spacing=(max(spacing_down, _NEAREST), max(spacing_across, _NEAREST)),
        points=points,
    )


def _between(
    values: NDArray[np.float32], place: NDArray[np.float64], axis: int
) -> NDArray[np.float32]:
    """Values between points along one axis; beyond the first and last they go on unchanged."""
    last = values.shape[axis] - 1
    place = np.clip(place, 0.0, last)
    low = np.minimum(place.astype(np.intp), max(0, last - 1))
    share = (place - low).reshape((-1, 1) if axis == 0 else (1, -1)).astype(np.float32)
    high = np.take(values, np.minimum(low + 1, last), axis)
    mixed: NDArray[np.float32] = np.take(values, low, axis) * (1 - share) + high * share
    return mixed
