"""JPEG: the files of libjpeg itself, and the same arithmetic for batches on a device.

The batched form follows libjpeg's slow integer transform, its subsampling and its "fancy"
upsampling (ITU-T T.81; IJG, jfdctint.c, jidctint.c, jcsample.c, jdsample.c). All numbers are whole
and below 2^53, so that float64 matrix products are exact: the result equals the decoded file bit
for bit.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

_LUMA_TABLE = torch.tensor(
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
    dtype=torch.float64,
    device="cpu",  # not where the program that imports this makes its own
)
_CHROMA_TABLE = torch.full_like(_LUMA_TABLE, 99.0)
_CHROMA_TABLE[:4, :4] = _LUMA_TABLE.new_tensor(
    [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
)

Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]
"""Of the chroma of colour pictures: none, of columns, of columns and rows."""

_CONST_BITS, _PASS1_BITS = 13, 2
_SIXTEEN_BITS = 65536.0


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


def compress_batch(gt: Tensor, quality: Tensor, *, subsampling: Subsampling = "4:2:0") -> Tensor:
    """:func:`compress` on the device of the batch.

    Args:
        gt: 8-bit pictures in [0, 1], ``(B, 1, H, W)`` or ``(B, 3, H, W)``; sides that are
            multiples of 8, in colour of 16.
        quality: Whole numbers from 1 to 100, ``(B,)``.
        subsampling: See :data:`Subsampling`.
    """
    x = (gt.double() * 255.0).round()
    if gt.shape[1] == 1:
        x = _through_blocks(x, quantisation_table(quality, chroma=False))
    else:
        y, chroma = _to_ycc(x)
        y = _through_blocks(y, quantisation_table(quality, chroma=False))
        chroma = _through_blocks(
            _HALVE[subsampling](chroma), quantisation_table(quality, chroma=True)
        )
        x = _to_rgb(y, _DOUBLE[subsampling](chroma))
    return (x / 255.0).to(gt.dtype)


def quantisation_table(quality: Tensor, *, chroma: bool) -> Tensor:
    """The tables of libjpeg: qualities ``(B,)`` to ``(B, 8, 8)``."""
    quality = quality.double()
    percent = torch.where(quality < 50, (5000.0 / quality).floor(), 200.0 - 2.0 * quality)
    base = _table(quality.device, chroma=chroma)
    return ((base * percent[:, None, None] + 50.0) / 100.0).floor().clamp(1.0, 255.0)


def transform() -> Tensor:
    """The one-dimensional transform of libjpeg, times 2^13: ``(8, 8)``, a row a frequency."""
    x = torch.eye(8, dtype=torch.float64, device="cpu")
    sums, differences = x[:4] + x[4:].flip(0), x[:4] - x[4:].flip(0)
    even, odd = sums[:2] + sums[2:].flip(0), sums[:2] - sums[2:].flip(0)
    shared = (odd[0] + odd[1]) * 4433
    d0, d1, d2, d3 = differences  # of the outermost pair of samples first
    z5 = (d3 + d1 + d2 + d0) * 9633
    z1, z2 = (d3 + d0) * -7373, (d2 + d1) * -20995
    z3, z4 = (d3 + d1) * -16069 + z5, (d2 + d0) * -3196 + z5
    return torch.stack(
        [
            (even[0] + even[1]) * 2**_CONST_BITS,
            d0 * 12299 + z1 + z4,
            shared + odd[0] * 6270,
            d1 * 25172 + z2 + z3,
            (even[0] - even[1]) * 2**_CONST_BITS,
            d2 * 16819 + z2 + z4,
            shared - odd[1] * 15137,
            d3 * 2446 + z1 + z3,
        ]
    )


# Kept on the device: to copy them for each batch would make the processor wait for a GPU.
@lru_cache(maxsize=8)
def _table(device: torch.device, *, chroma: bool) -> Tensor:
    return (_CHROMA_TABLE if chroma else _LUMA_TABLE).to(device)


@lru_cache(maxsize=8)
def _transform(device: torch.device) -> Tensor:
    return transform().to(device)


def _through_blocks(planes: Tensor, table: Tensor) -> Tensor:
    """Transform, quantise and back; ``(B, C, H, W)``, tables ``(B, 8, 8)``."""
    batch, channels, height, width = planes.shape
    blocks = planes.reshape(batch, channels, height // 8, 8, width // 8, 8).transpose(3, 4) - 128.0
    forward = _transform(planes.device)
    table = table[:, None, None, None]
    x = _descale(blocks @ forward.T, _CONST_BITS - _PASS1_BITS)
    x = _descale(forward @ x, _CONST_BITS + _PASS1_BITS)
    x = x.sign() * ((x.abs() + 4.0 * table) / (8.0 * table)).floor()
    x = _descale(forward.T @ (x * table), _CONST_BITS - _PASS1_BITS)
    x = _descale(x @ forward, _CONST_BITS + _PASS1_BITS + 3) + 128.0
    return x.clamp(0.0, 255.0).transpose(3, 4).reshape(planes.shape)


def _descale(x: Tensor, bits: int) -> Tensor:
    return ((x + 2.0 ** (bits - 1)) * 2.0**-bits).floor()


def _fixed(value: float) -> float:
    return float(int(value * _SIXTEEN_BITS + 0.5))


def _to_ycc(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Y ``(B, 1, H, W)``, Cb and Cr ``(B, 2, H, W)``."""
    r, g, b = rgb.unbind(1)
    half = _SIXTEEN_BITS / 2.0
    y = _fixed(0.299) * r + _fixed(0.587) * g + _fixed(0.114) * b + half
    offset = 128.0 * _SIXTEEN_BITS + half - 1.0
    cb = -_fixed(0.16874) * r - _fixed(0.33126) * g + _fixed(0.5) * b + offset
    cr = _fixed(0.5) * r - _fixed(0.41869) * g - _fixed(0.08131) * b + offset
    return (y / _SIXTEEN_BITS).floor()[:, None], (torch.stack((cb, cr), 1) / _SIXTEEN_BITS).floor()


def _to_rgb(y: Tensor, chroma: Tensor) -> Tensor:
    cb, cr = (chroma - 128.0).chunk(2, dim=1)
    half = _SIXTEEN_BITS / 2.0
    r = y + ((_fixed(1.402) * cr + half) / _SIXTEEN_BITS).floor()
    g = y + ((-_fixed(0.34414) * cb - _fixed(0.71414) * cr + half) / _SIXTEEN_BITS).floor()
    b = y + ((_fixed(1.772) * cb + half) / _SIXTEEN_BITS).floor()
    return torch.cat((r, g, b), dim=1).clamp(0.0, 255.0)


def _halve(x: Tensor) -> Tensor:
    """Mean of 2x2 pixels, rounded down and up in turn along a row."""
    sums = F.avg_pool2d(x, 2, divisor_override=1)
    bias = 1.0 + torch.arange(sums.shape[-1], device=x.device) % 2
    return ((sums + bias) / 4.0).floor()


def _halve_columns(x: Tensor) -> Tensor:
    """Mean of two pixels of a row, rounded down and up in turn."""
    sums = x[..., ::2] + x[..., 1::2]
    return ((sums + torch.arange(sums.shape[-1], device=x.device) % 2) / 2.0).floor()


def _double_columns(x: Tensor) -> Tensor:
    """Triangle filter along the rows."""
    near = F.pad(x, (1, 1, 0, 0), mode="replicate")
    left = ((3.0 * x + near[..., :-2] + 1.0) / 4.0).floor()
    right = ((3.0 * x + near[..., 2:] + 2.0) / 4.0).floor()
    return torch.stack((left, right), dim=4).flatten(3, 4)


def _double(x: Tensor) -> Tensor:
    """Triangle filter: three parts of the nearer pixel, one of the farther, each way."""
    near = F.pad(x, (1, 1, 1, 1), mode="replicate")
    middle = 3.0 * near[:, :, 1:-1]
    rows = torch.stack((middle + near[:, :, :-2], middle + near[:, :, 2:]), dim=3).flatten(2, 3)
    middle = 3.0 * rows[..., 1:-1]
    left = ((middle + rows[..., :-2] + 8.0) / 16.0).floor()
    right = ((middle + rows[..., 2:] + 7.0) / 16.0).floor()
    return torch.stack((left, right), dim=4).flatten(3, 4)


def _as_it_is(x: Tensor) -> Tensor:
    return x


_HALVE = {"4:4:4": _as_it_is, "4:2:2": _halve_columns, "4:2:0": _halve}
_DOUBLE = {"4:4:4": _as_it_is, "4:2:2": _double_columns, "4:2:0": _double}
