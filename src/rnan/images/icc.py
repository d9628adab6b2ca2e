"""Colour profiles (ICC.1:2010) that say what primaries and a curve say.

For formats that know colours only by a profile.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_HEADER = 128


@dataclass(frozen=True, kw_only=True)
class Curve:
    """From a picture's numbers to linear light: ``(a·v + b) ^ gamma``, below ``d`` ``c·v``."""

    gamma: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0


SRGB = Curve(gamma=2.4, a=1 / 1.055, b=0.055 / 1.055, c=1 / 12.92, d=0.04045)
BT709 = Curve(gamma=1 / 0.45, a=1 / 1.099, b=0.099 / 1.099, c=1 / 4.5, d=0.081)
"""The inverse of its camera's curve (ITU-R BT.709, BT.601 and BT.2020)."""


def profile(name: str, primaries: Sequence[float] | None, curve: Curve) -> bytes:
    """A profile for RGB, or for gray."""
    tone = _curve(curve)
    tags = {b"desc": _text(name), b"cprt": _text("no rights reserved"), b"wtpt": _xyz(_D50)}
    if primaries is None:
        tags[b"kTRC"] = tone
    else:
        colours = _to_d50(primaries)
        tags |= {
            letter + b"XYZ": _xyz(colours[:, at]) for at, letter in enumerate((b"r", b"g", b"b"))
        }
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tone)
    table, body = struct.pack(">I", len(tags)), b""
    start = _HEADER + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for tag, content in tags.items():
        if content not in places:
            places[content] = start + len(body)
            body += content + bytes(-len(content) % 4)
        table += tag + struct.pack(">II", places[content], len(content))
    size = _HEADER + len(table) + len(body)
    kind = b"RGB " if primaries is not None else b"GRAY"
    header = struct.pack(">I4sI4s4s4s", size, b"", 0x04300000, b"mntr", kind, b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", *(round(value * 65536) for value in _D50))
    return header.ljust(_HEADER, b"\0") + table + body


def to_xyz(primaries: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Red, green and blue in XYZ, as columns, and white.

    Args:
        primaries: x and y of red, green, blue and white.
    """
    xy = np.asarray(primaries, np.float64).reshape(4, 2)
    xyz = np.stack([xy[:, 0] / xy[:, 1], np.ones(4), (1 - xy.sum(axis=1)) / xy[:, 1]])
    colours, white = xyz[:, :3], xyz[:, 3]
    return colours * np.linalg.solve(colours, white), white


def _to_d50(primaries: Sequence[float]) -> NDArray[np.float64]:
    """Red, green and blue in XYZ under the light that profiles speak of, as columns."""
    matrix, white = to_xyz(primaries)
    cones = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ white)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD @ matrix
    return adapted


def _text(text: str) -> bytes:
    words = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(words), 28) + words


def _xyz(values: Sequence[float] | NDArray[np.float64]) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *(round(float(value) * 65536) for value in values))


def _curve(curve: Curve) -> bytes:
    values = (curve.gamma, curve.a, curve.b, curve.c, curve.d)
    return b"para" + struct.pack(">4xHxx5i", 3, *(round(value * 65536) for value in values))
