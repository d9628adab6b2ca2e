"""Raw files of a camera that is known: colours of sRGB behind a white balance, with noise."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

BLACK, WHITE = 256, 15_000
NEUTRAL = (0.5, 1.0, 0.625)
"""What the camera measures of white: red and blue less than green."""
XYZ_TO_SRGB = np.linalg.inv(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
CODES = {"r": 0, "g": 1, "b": 2}

MATRIX, NOISE_PROFILE, ACTIVE, CROP_ORIGIN, CROP_SIZE = 50721, 51041, 50829, 50719, 50720
BLACK_SIZE, BLACK_LEVEL, BLACK_DOWN, WHITE_LEVEL, TABLE = 50713, 50714, 50716, 50717, 50712
EXPOSURE, OPCODES_2, OPCODES_3, CFA_SIZE, CFA = 50730, 51009, 51022, 33421, 33422


def linear(pixels: np.ndarray) -> np.ndarray:
    """Light from 0 to 1 of 8-bit sRGB."""
    value = pixels / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def samples(
    pixels: np.ndarray, pattern: str = "rggb", *, noise: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """What the sensor measures, ``(H, W)``: black at 0, white at 1."""
    light = linear(pixels) * np.array(NEUTRAL)
    plane = np.empty(pixels.shape[:2])
    side = 2 if len(pattern) == 4 else 6
    for place, letter in enumerate(pattern):
        there = slice(place // side, None, side), slice(place % side, None, side)
        plane[there] = light[there][..., CODES[letter]]
    draws = np.random.default_rng(0).standard_normal(plane.shape)
    return np.clip(plane + np.sqrt(noise[0] * plane + noise[1]) * draws, -BLACK / WHITE, 1.0)


def rationals(numbers: Any) -> tuple[int, ...]:
    """Fractions of a million."""
    return tuple(part for number in np.ravel(numbers) for part in (round(1e6 * number), 10**6))


def write_dng(
    path: Path,
    values: np.ndarray,
    pattern: str = "rggb",
    *,
    orientation: int = 1,
    without: Sequence[int] = (),
    more: Sequence[tuple[int, str, int, Any]] = (),
    **settings: Any,
) -> Path:
    """A DNG of numbers as they are to be stored; a tag of ``more`` replaces the usual one."""
    side = 2 if len(pattern) == 4 else 6 if len(pattern) == 36 else 4
    usual: list[tuple[int, str, int, Any]] = [
        (271, "s", 0, "Maker"),
        (272, "s", 0, "Model"),
        (274, "H", 1, orientation),
        (50706, "B", 4, bytes((1, 4, 0, 0))),
        (50708, "s", 0, "Maker Model"),
        (BLACK_LEVEL, "H", 1, BLACK),
        (WHITE_LEVEL, "H", 1, WHITE),
        (MATRIX, "2i", 9, rationals(XYZ_TO_SRGB)),
        (50728, "2I", 3, rationals(NEUTRAL)),
        (50778, "H", 1, 21),
    ]
    if values.ndim == 2:
        usual += [
            (CFA_SIZE, "H", 2, (side, side)),
            (CFA, "B", side * side, bytes(CODES[letter] for letter in pattern)),
        ]
    replaced = {tag[0] for tag in more} | {*without}
    tags = [(*tag, True) for tag in [*(one for one in usual if one[0] not in replaced), *more]]
    photometric = 32803 if values.ndim == 2 else 34892
    if values.ndim == 3:
        settings.setdefault("planarconfig", "contig")
    tifffile.imwrite(
        path,
        values,
        photometric=photometric,
        metadata=None,
        extratags=tags,
        software=False,
        **settings,
    )
    return path


def numbers(light: np.ndarray) -> np.ndarray:
    """As 16-bit numbers between black and white."""
    return np.rint(BLACK + light * (WHITE - BLACK)).clip(0, 65535).astype(np.uint16)


def dng(path: Path, pixels: np.ndarray, pattern: str = "rggb", **settings: Any) -> Path:
    """A DNG of a picture."""
    noise = settings.pop("noise", (0.0, 0.0))
    return write_dng(path, numbers(samples(pixels, pattern, noise=noise)), pattern, **settings)


def gain_map(
    points: np.ndarray,
    *,
    top: int = 0,
    left: int = 0,
    right: int = 10**4,
    spacing: float | None = None,
    origin: float = 0.0,
) -> bytes:
    """A list of one gain map, for one phase of the mosaic."""
    rows, columns = points.shape
    body = struct.pack(">10I", top, left, 10**4, right, 0, 1, 2, 2, rows, columns)
    down, across = 1 / max(1, rows - 1), 1 / max(1, columns - 1)
    body += struct.pack(">4d", down if spacing is None else spacing, across, origin, 0.0)
    body += struct.pack(">I", 1) + points.astype(">f4").tobytes()
    return struct.pack(">I", 1) + struct.pack(">4I", 9, 0x01030000, 0, len(body)) + body


def warp() -> bytes:
    """A list of one correction of the lens."""
    return struct.pack(">I", 1) + struct.pack(">4I", 1, 0x01030000, 0, 4) + bytes(4)
