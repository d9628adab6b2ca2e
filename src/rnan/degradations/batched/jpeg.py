"""JPEG's arithmetic for batches on a device, equal to the decoded file bit for bit.

It follows libjpeg's slow integer transform, its subsampling and its "fancy" upsampling (ITU-T T.81;
IJG, jfdctint.c, jidctint.c, jcsample.c, jdsample.c). All numbers are whole and below 2^53, so that
float64 matrix products are exact.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from rnan.degradations.jpeg import CONST_BITS, Subsampling, base_table, transform

_PASS1_BITS = 2
_SIXTEEN_BITS = 65536.0


def compress_batch(gt: Tensor, quality: Tensor, *, subsampling: Subsampling = "4:2:0") -> Tensor:
    """:func:`rnan.degradations.jpeg.compress` on the device of the batch.

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
    """:func:`rnan.degradations.jpeg.quantisation_table` on the device of ``quality``."""
    quality = quality.double()
    percent = torch.where(quality < 50, (5000.0 / quality).floor(), 200.0 - 2.0 * quality)
    base = _table(quality.device, chroma=chroma)
    return ((base * percent[:, None, None] + 50.0) / 100.0).floor().clamp(1.0, 255.0)


# Kept on the device: to copy them for each batch would make the processor wait for a GPU.
@lru_cache(maxsize=8)
def _table(device: torch.device, *, chroma: bool) -> Tensor:
    return torch.from_numpy(base_table(chroma=chroma)).to(device)


@lru_cache(maxsize=8)
def _transform(device: torch.device) -> Tensor:
    return torch.from_numpy(transform()).to(device)


def _through_blocks(planes: Tensor, table: Tensor) -> Tensor:
    """Transform, quantise and back; ``(B, C, H, W)``, tables ``(B, 8, 8)``."""
    batch, channels, height, width = planes.shape
    blocks = planes.reshape(batch, channels, height // 8, 8, width // 8, 8).transpose(3, 4) - 128.0
    forward = _transform(planes.device)
    table = table[:, None, None, None]
    x = _descale(blocks @ forward.T, CONST_BITS - _PASS1_BITS)
    x = _descale(forward @ x, CONST_BITS + _PASS1_BITS)
    x = x.sign() * ((x.abs() + 4.0 * table) / (8.0 * table)).floor()
    x = _descale(forward.T @ (x * table), CONST_BITS - _PASS1_BITS)
    x = _descale(x @ forward, CONST_BITS + _PASS1_BITS + 3) + 128.0
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
