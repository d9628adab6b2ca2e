"""JPEG: the files of libjpeg itself, and its tables and transform as numbers.

:mod:`rnan.degradations.batched.jpeg` does the same arithmetic for batches on a device.
"""

import io
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_LUMA_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=np.float64,
)
_CHROMA_TABLE = np.full_like(_LUMA_TABLE, 99.0)
_CHROMA_TABLE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]

Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]
"""Subsampling of the chroma: none, of columns, of columns and rows."""

CONST_BITS = 13
"""Bits behind the point of the transform's factors."""


def encode(
    picture: NDArray[np.uint8], quality: int, *, subsampling: Subsampling = "4:2:0"
) -> bytes:
    """A JPEG file.

    Args:
        picture: ``(H, W)`` or ``(H, W, 1)`` gray, or ``(H, W, 3)`` RGB.
        quality: libjpeg's, 1 to 100.
        subsampling: See :data:`Subsampling`.
    """
    pixels = picture[:, :, 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=subsampling)
    return file.getvalue()


def compress(
    gt: NDArray[np.float64], quality: float, *, subsampling: Subsampling = "4:2:0"
) -> NDArray[np.float64]:
    """Through a JPEG file and back.

    Args:
        gt: ``(H, W, C)``, whole numbers on the 0-255 scale.
        quality: libjpeg's, 1 to 100, a whole number.
        subsampling: See :data:`Subsampling`.
    """
    file = encode(np.rint(gt).astype(np.uint8), round(quality), subsampling=subsampling)
    with Image.open(io.BytesIO(file)) as image:
        return np.asarray(image, dtype=np.float64).reshape(gt.shape)


def quantisation_table(quality: NDArray[Any], *, chroma: bool) -> NDArray[np.float64]:
    """The tables of libjpeg: qualities ``(B,)`` to ``(B, 8, 8)``."""
    quality = np.asarray(quality, np.float64)
    percent = np.where(quality < 50, np.floor(5000.0 / quality), 200.0 - 2.0 * quality)
    base = base_table(chroma=chroma)
    table = np.floor((base * percent[:, None, None] + 50.0) / 100.0).clip(1.0, 255.0)
    return np.asarray(table)


def base_table(*, chroma: bool) -> NDArray[np.float64]:
    """The table of quality 50, ``(8, 8)`` (ITU-T T.81, Annex K)."""
    return _CHROMA_TABLE if chroma else _LUMA_TABLE


def transform() -> NDArray[np.float64]:
    """The one-dimensional transform of libjpeg, times 2^13: ``(8, 8)``, a row a frequency."""
    x = np.eye(8)
    sums, differences = x[:4] + x[:3:-1], x[:4] - x[:3:-1]
    even, odd = sums[:2] + sums[:1:-1], sums[:2] - sums[:1:-1]
    shared = (odd[0] + odd[1]) * 4433
    d0, d1, d2, d3 = differences  # of the outermost pair of samples first
    z5 = (d3 + d1 + d2 + d0) * 9633
    z1, z2 = (d3 + d0) * -7373, (d2 + d1) * -20995
    z3, z4 = (d3 + d1) * -16069 + z5, (d2 + d0) * -3196 + z5
    return np.stack(
        [
            (even[0] + even[1]) * 2**CONST_BITS,
            d0 * 12299 + z1 + z4,
            shared + odd[0] * 6270,
            d1 * 25172 + z2 + z3,
            (even[0] - even[1]) * 2**CONST_BITS,
            d2 * 16819 + z2 + z4,
            shared - odd[1] * 15137,
            d3 * 2446 + z1 + z3,
        ]
    )
