"""A synthetic camera: the noise that a sensor and its camera's processing leave in a photograph.

A clean picture is taken back to what the sensor saw (inverse tone curve, colour matrix and white
balance; Brooks et al., "Unprocessing images for learned raw denoising", CVPR 2019), photon and
reading noise are added to its Bayer mosaic, and that noise goes through demosaicing, white balance,
colour matrix, tone curve, the camera's own smoothing and sharpening, a reduction in size and JPEG.
The picture below it is only enlarged and softened, as lenses and demosaicing soften what is seen
pixel by pixel: this soft picture without noise is what the network should answer.

All but :func:`photographed` works on batches ``(B, 3, H, W)`` in [0, 1] on any device.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from rnan.degradations.batched import jpeg
from rnan.degradations.batched.mosaic import mosaic_batch
from rnan.degradations.jpeg import Subsampling

UNIFORMS = 37
"""Random numbers in [0, 1) that a camera takes."""

NORMALS = 3
"""Standard normal numbers that each pixel takes."""

_SHRUNK = (0.5, 2 / 3, 0.8)
"""Sides of photographs that were made smaller afterwards, over those of the sensor's picture."""
_ENLARGED, _ENLARGED_SHARE = (1.5, 2.0, 3.0), 0.6
"""How many times larger things are in a camera's picture than in one that was made smaller for a
collection of pictures, and how often they are."""
_SUBSAMPLINGS: dict[int, Subsampling] = {1: "4:4:4", 2: "4:2:2", 3: "4:2:0"}
_LUMA = (0.299, 0.587, 0.114)
_TAPS = 25
_SHARPENED = 1.0
"""Standard deviation, in pixels, of what sharpening subtracts."""
_HOT, _HOT_AT = 0.3, 4.0
"""How bright a hot pixel is, and its standard normal draw from there on."""
_BILINEAR_GREEN = ((0, 1, 0), (1, 4, 1), (0, 1, 0))
_BILINEAR = ((1, 2, 1), (2, 4, 2), (1, 2, 1))
# Malvar, He and Cutler, "High-quality linear interpolation for demosaicing", ICASSP 2004, Fig. 2.
_GREEN_ELSEWHERE = (
    (0, 0, -1, 0, 0),
    (0, 0, 2, 0, 0),
    (-1, 2, 4, 2, -1),
    (0, 0, 2, 0, 0),
    (0, 0, -1, 0, 0),
)
_COLOUR_IN_ITS_ROW = (
    (0, 0, 0.5, 0, 0),
    (0, -1, 0, -1, 0),
    (-1, 4, 5, 4, -1),
    (0, -1, 0, -1, 0),
    (0, 0, 0.5, 0, 0),
)
_COLOUR_OPPOSITE = (
    (0, 0, -1.5, 0, 0),
    (0, 2, 0, 2, 0),
    (-1.5, 0, 6, 0, -1.5),
    (0, 2, 0, 2, 0),
    (0, 0, -1.5, 0, 0),
)


@dataclass(frozen=True, kw_only=True)
class Cameras:
    """A camera and its settings for each picture of a batch: ``(B,)``, or as is said."""

    gamma: Tensor
    """Exponent of the tone curve, 1.8 to 2.6."""
    toe: Tensor
    """Linear light up to which the tone curve is about straight."""
    contrast: Tensor
    """Exponent of the S-shaped part of the tone curve; 1 for none."""
    gains: Tensor
    """``(B, 3)``: white balance of red, green and blue."""
    matrix: Tensor
    """``(B, 3, 3)``: balanced camera colours to linear sRGB; rows sum to one."""
    photon: Tensor
    """Variance of the noise for each unit of signal, white being 1."""
    reading: Tensor
    """Variance of the noise in the dark."""
    row: Tensor
    """Standard deviation of the noise that a row has in common."""
    hot: Tensor
    """Whether there are hot pixels: 0 or 1."""
    cut_at_black: Tensor
    """Whether samples below black are set to black: 0 or 1."""
    malvar: Tensor
    """Demosaicing of Malvar et al. instead of bilinear interpolation: 0 or 1."""
    luma_blur: Tensor
    """Standard deviation, in pixels, of the smoothing of luma noise."""
    chroma_blur: Tensor
    """The same of chroma."""
    luma_reached: Tensor
    """Share of the luma noise that smoothing reaches; it spares edges and texture."""
    chroma_reached: Tensor
    """The same of chroma."""
    chroma_kept: Tensor
    """Share of the chroma noise that is left: cameras take away more of it than of luma's."""
    coarse: Tensor
    """How much of the luma noise's coarse part is there again: smoothing is for fine noise."""
    chroma_coarse: Tensor
    """The same of chroma."""
    coarse_blur: Tensor
    """Standard deviation, in pixels, of the smoothing that makes the coarse part."""
    enlarged: Tensor
    """How many times larger things are than in the picture that is taken."""
    softness: Tensor
    """Standard deviation, in the sensor's pixels, of the lens and of demosaicing."""
    sharpening: Tensor
    """How much the luma is sharpened."""
    shrunk: Tensor
    """Sides of the photograph over those of the sensor's picture, at most 1."""
    gray: Tensor
    """Whether the photograph is gray: 0 or 1."""
    subsampling: Tensor
    """0 where it is no JPEG, else 1, 2, 3 for 4:4:4, 4:2:2, 4:2:0."""
    quality: Tensor
    """libjpeg's, a whole number."""

    def at(self, where: Tensor) -> Cameras:
        """Those of some of the pictures."""
        return Cameras(**{name: value[where] for name, value in vars(self).items()})


def draw(uniforms: Tensor) -> Cameras:
    """Cameras, at random.

    Photon noise is log-uniform from 1e-4 (a low ISO in good light) to 3e-2, reading noise follows
    it (Brooks et al., Section 3.1, with a wider spread: cameras of twenty years), and one picture
    in twenty has neither.

    Args:
        uniforms: ``(B, UNIFORMS)`` in [0, 1).
    """
    if uniforms.shape[1] != UNIFORMS:
        raise ValueError(f"a camera takes {UNIFORMS} numbers, got {uniforms.shape[1]}")
    u = iter(uniforms.unbind(1))

    def between(low: float, high: float) -> Tensor:
        return low + next(u) * (high - low)

    def in_logs(low: float, high: float) -> Tensor:
        return torch.exp(between(float(torch.tensor(low).log()), float(torch.tensor(high).log())))

    def chance(share: float) -> Tensor:
        return (next(u) < share).to(uniforms.dtype)

    photon = in_logs(1e-4, 3e-2)
    spread = 0.8 * (next(u) + next(u) + next(u) - 1.5) * 2.0  # near normal, never absurd
    reading = _reading(photon) * torch.exp(spread)
    noisy = 1.0 - chance(0.05)
    off_diagonal = [between(-0.8, 0.05) for _ in range(6)]
    rows = []
    for row in range(3):
        first, second = off_diagonal[2 * row], off_diagonal[2 * row + 1]
        # The sum of both is what a colour leaks to the other two: 0.1 to 1.0 in real cameras.
        first, second = first * 0.6, second * 0.6
        entries = [first, second]
        entries.insert(row, 1.0 - first - second)
        rows.append(torch.stack(entries, 1))
    red, blue = between(1.3, 2.6), between(1.2, 2.4)
    jpeg_share, kind = chance(0.8), next(u)
    subsampling = 1.0 + (kind > 0.25).to(kind.dtype) + (kind > 0.5).to(kind.dtype)
    shrunk = uniforms.new_tensor(_SHRUNK)[(next(u) * len(_SHRUNK)).long()]
    enlarging = uniforms[:, -1]
    factor = (enlarging / _ENLARGED_SHARE * len(_ENLARGED)).long().clamp(max=len(_ENLARGED) - 1)
    enlarged = torch.where(
        enlarging < _ENLARGED_SHARE, uniforms.new_tensor(_ENLARGED)[factor], uniforms.new_ones(1)
    )
    return Cameras(
        gamma=between(1.8, 2.6),
        toe=in_logs(3e-4, 2e-2),
        contrast=between(1.0, 1.5),
        gains=torch.stack((red, torch.ones_like(red), blue), 1),
        matrix=torch.stack(rows, 1),
        photon=photon * noisy,
        reading=reading * noisy,
        row=between(0.0, 0.3) * reading.sqrt() * noisy,
        hot=chance(0.1),
        cut_at_black=chance(0.5),
        malvar=chance(0.5),
        luma_blur=between(0.5, 2.6),
        chroma_blur=in_logs(1.2, 4.0),
        luma_reached=between(0.7, 1.0),
        chroma_reached=between(0.8, 1.0),
        chroma_kept=between(0.3, 1.0),
        sharpening=between(0.0, 0.8),
        shrunk=torch.where(chance(0.25) > 0, shrunk, torch.ones_like(shrunk)),
        gray=chance(0.05),
        subsampling=jpeg_share * subsampling,
        quality=75.0 + (next(u) * 26.0).floor(),
        coarse=between(0.0, 1.6),
        chroma_coarse=between(0.0, 0.5),
        coarse_blur=between(2.0, 5.0),
        softness=between(0.0, 1.4),
        enlarged=enlarged,
    )


def _reading(photon: Tensor) -> Tensor:
    """Variance of the reading noise that goes with photon noise (Brooks et al., Section 3.1)."""
    return torch.exp(2.18 * photon.log() + 1.20)


def photograph(
    gt: Tensor, cameras: Cameras, normal: Callable[[Tensor, int, int], Tensor]
) -> Tensor:
    """What the cameras make of clean pictures.

    Args:
        gt: ``(B, 3, H, W)`` in [0, 1], for screens; sides that are multiples of 16.
        cameras: One for each.
        normal: Standard normal numbers ``(len(where), NORMALS, h, w)`` for some of the pictures,
            by their indices, a height and a width, up to twice those of ``gt``.

    Returns:
        8-bit pictures of the same shape in [0, 1]. Their reference is :func:`clean`, not ``gt``.
    """
    gt = clean(gt, cameras)
    noise = torch.zeros_like(gt)
    height, width = gt.shape[-2:]
    for share in (1.0, *_SHRUNK):
        where = torch.nonzero((cameras.shrunk - share).abs() < 1e-3)[:, 0]
        if not len(where):
            continue
        # The sensor saw a larger picture; even sides, for the mosaic.
        size = [2 * round(side / share / 2) for side in (height, width)]
        seen = _resized(gt[where], size).clamp(0.0, 1.0)
        made = _noise(seen, cameras.at(where), normal(where, *size))
        noise[where] = _resized(made, [height, width])
    noise = torch.where(cameras.gray[:, None, None, None] > 0, luma_of(noise), noise)
    taken = ((gt + noise).clamp(0.0, 1.0) * 255.0).round() / 255.0
    return saved(taken, cameras)


def photographed(
    gt: NDArray[np.float64], photon: float, *, name: str, seed: int = 0
) -> NDArray[np.float64]:
    """What one camera makes of a picture, for measurements: the picture itself is the reference.

    Args:
        gt: ``(H, W, C)`` with one or three channels, on the 0-255 scale, any size.
        photon: Variance of the noise for each unit of signal, white being 1.
        name: Name of the picture's file without its ending; with ``seed`` and ``photon`` it says
            which camera.
        seed: Another seed, another camera.

    Returns:
        ``(H, W, C)``, whole numbers.
    """
    random = np.random.default_rng([seed, zlib.crc32(os.fsencode(f"{name}/{photon:g}"))])
    none = torch.zeros(1, dtype=torch.float64)
    cameras = replace(
        draw(torch.from_numpy(random.random((1, UNIFORMS)))),
        photon=none + photon,
        reading=_reading(none + photon),
        row=none,
        softness=none,
        enlarged=none + 1.0,
        gray=none + (gt.shape[2] == 1),
    )
    height, width, channels = gt.shape
    padded = np.pad(gt, ((0, -height % 16), (0, -width % 16), (0, 3 - channels)), "edge")
    planes = torch.from_numpy(padded).permute(2, 0, 1)[None] / 255.0

    def normal(where: Tensor, height: int, width: int) -> Tensor:
        return torch.from_numpy(random.standard_normal((1, NORMALS, height, width)))

    taken = photograph(planes, cameras, normal)[0, :channels, :height, :width]
    return np.rint(taken.permute(1, 2, 0).numpy() * 255.0)


def clean(gt: Tensor, cameras: Cameras) -> Tensor:
    """The reference: as large and as soft as in the photograph, its luma where that is gray."""
    gt = _enlarged(gt, cameras.enlarged)
    gt = blurred(gt, cameras.softness * cameras.shrunk)
    return torch.where(cameras.gray[:, None, None, None] > 0, luma_of(gt), gt)


def _enlarged(gt: Tensor, factors: Tensor) -> Tensor:
    """The upper left part of each picture, as large as the whole."""
    result = gt.clone()
    height, width = gt.shape[-2:]
    for factor in _ENLARGED:
        where = torch.nonzero((factors - factor).abs() < 1e-3)[:, 0]
        if len(where):
            part = gt[where, :, : round(height / factor), : round(width / factor)]
            result[where] = _resized(part, [height, width]).clamp(0.0, 1.0)
    return result


def _noise(gt: Tensor, cameras: Cameras, draws: Tensor) -> Tensor:
    """What noise the sensor's picture has after the camera's processing: ``(B, 3, H, W)``."""
    linear = _without_tone(gt, cameras)
    balanced = _through(torch.linalg.inv(cameras.matrix), linear)
    gains = cameras.gains[:, :, None, None]
    samples = mosaic_batch((balanced / gains).clamp(0.0, 1.0)).sum(1, keepdim=True)

    photon, reading, row, hot, cut = (
        value[:, None, None, None]
        for value in (
            cameras.photon,
            cameras.reading,
            cameras.row,
            cameras.hot,
            cameras.cut_at_black,
        )
    )
    noisy = samples + draws[:, :1] * (photon * samples + reading).sqrt()
    noisy = noisy + row * draws[:, 1:2, :, :1]
    noisy = noisy + hot * _HOT * (draws[:, 2:3] > _HOT_AT)
    lowest = torch.where(cut > 0, 0.0, -1.0).to(noisy.dtype)
    noisy = torch.minimum(torch.maximum(noisy, lowest), torch.ones_like(noisy))

    # Interpolation is linear, so the noise goes through it alone and the picture stays sharp.
    rgb = _demosaiced(noisy - samples, cameras.malvar)
    light = linear + _through(cameras.matrix, rgb * gains)
    return _processed(_with_tone(light.clamp(0.0, 1.0), cameras) - gt, cameras)


def _with_tone(light: Tensor, cameras: Cameras) -> Tensor:
    gamma, toe, contrast = _curve(cameras)
    black, white = toe ** (1 / gamma), (1 + toe) ** (1 / gamma)
    value = ((light + toe) ** (1 / gamma) - black) / (white - black)
    return _s_shaped(value, contrast)


def _without_tone(value: Tensor, cameras: Cameras) -> Tensor:
    gamma, toe, contrast = _curve(cameras)
    black, white = toe ** (1 / gamma), (1 + toe) ** (1 / gamma)
    straight = _s_shaped(value, 1 / contrast)
    return (straight * (white - black) + black) ** gamma - toe


def _curve(cameras: Cameras) -> tuple[Tensor, Tensor, Tensor]:
    gamma, toe, contrast = (
        value[:, None, None, None] for value in (cameras.gamma, cameras.toe, cameras.contrast)
    )
    return gamma, toe, contrast


def _s_shaped(value: Tensor, exponent: Tensor) -> Tensor:
    """A toe and a shoulder, its own inverse with the exponent's."""
    value = value.clamp(0.0, 1.0)
    up, down = value**exponent, (1.0 - value) ** exponent
    return up / (up + down)


def _through(matrix: Tensor, picture: Tensor) -> Tensor:
    return torch.einsum("bij,bjhw->bihw", matrix, picture)


def _demosaiced(mosaic: Tensor, malvar: Tensor) -> Tensor:
    """A GRBG mosaic ``(B, 1, H, W)`` in colour, by linear interpolation."""
    padded = F.pad(mosaic, (2, 2, 2, 2), mode="reflect")  # keeps the pattern
    height, width = mosaic.shape[-2:]
    filled = mosaic_batch(padded.expand(-1, 3, -1, -1))
    kernels = mosaic.new_tensor([_BILINEAR, _BILINEAR_GREEN, _BILINEAR])[:, None] / 4.0
    plain = F.conv2d(filled, kernels, groups=3)[..., 1:-1, 1:-1]

    kernels = mosaic.new_tensor([_GREEN_ELSEWHERE, _COLOUR_IN_ITS_ROW, _COLOUR_OPPOSITE]) / 8.0
    transposed = kernels[1].T
    green, across, opposite, down = F.conv2d(
        padded, torch.stack((*kernels, transposed))[:, None]
    ).chunk(4, 1)
    # GRBG: red in the even rows, blue in the odd ones.
    even_row = (torch.arange(height, device=mosaic.device) % 2 == 0)[:, None]
    even_column = (torch.arange(width, device=mosaic.device) % 2 == 0)[None, :]
    at_red, at_blue = even_row & ~even_column, ~even_row & even_column
    at_green = ~(at_red | at_blue)
    beside = torch.where(even_row, across, down), torch.where(even_row, down, across)
    better = torch.cat(
        (
            torch.where(at_red, mosaic, torch.where(at_green, beside[0], opposite)),
            torch.where(at_green, mosaic, green),
            torch.where(at_blue, mosaic, torch.where(at_green, beside[1], opposite)),
        ),
        dim=1,
    )
    return torch.where(malvar[:, None, None, None] > 0, better, plain)


def _processed(noise: Tensor, cameras: Cameras) -> Tensor:
    """Smoothing of luma and chroma, then sharpening, as cameras do it."""
    luma = luma_of(noise)
    chroma = noise - luma
    of_luma, of_chroma = (
        share[:, None, None, None] for share in (cameras.coarse, cameras.chroma_coarse)
    )
    coarse = blurred(of_luma * luma + of_chroma * chroma, cameras.coarse_blur)
    near, far = (
        share[:, None, None, None] for share in (cameras.luma_reached, cameras.chroma_reached)
    )
    luma = torch.lerp(luma, blurred(luma, cameras.luma_blur), near)
    chroma = torch.lerp(chroma, blurred(chroma, cameras.chroma_blur), far)
    chroma = chroma * cameras.chroma_kept[:, None, None, None]
    soft = blurred(luma, torch.full_like(cameras.sharpening, _SHARPENED))
    return luma + cameras.sharpening[:, None, None, None] * (luma - soft) + chroma + coarse


def luma_of(picture: Tensor) -> Tensor:
    """Brightness (ITU-R BT.601), ``(B, 1, H, W)``."""
    weights = picture.new_tensor(_LUMA)[:, None, None]
    return (picture * weights).sum(1, keepdim=True)


def blurred(picture: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian smoothing, each picture by its own."""
    batch, channels, height, width = picture.shape
    steps = torch.arange(_TAPS, device=picture.device, dtype=picture.dtype) - _TAPS // 2
    taps = torch.exp(-0.5 * (steps / sigma[:, None].clamp(min=0.1)) ** 2)
    taps = taps / taps.sum(1, keepdim=True)
    taps = taps.repeat_interleave(channels, 0)
    reach = _TAPS // 2
    rows = F.pad(picture.reshape(1, batch * channels, height, width), (reach,) * 4, mode="reflect")
    rows = F.conv2d(rows, taps[:, None, None, :], groups=batch * channels)
    rows = F.conv2d(rows, taps[:, None, :, None], groups=batch * channels)
    return rows.reshape(picture.shape)


def _resized(picture: Tensor, size: list[int]) -> Tensor:
    if list(picture.shape[-2:]) == size:
        return picture
    return F.interpolate(picture, size, mode="bicubic", antialias=True, align_corners=False)


def saved(picture: Tensor, cameras: Cameras) -> Tensor:
    """Pictures ``(B, 3, H, W)`` in [0, 1] through JPEG, where the photograph is one."""
    result = picture.clone()
    for code, subsampling in _SUBSAMPLINGS.items():
        where = torch.nonzero(cameras.subsampling == code)[:, 0]
        if len(where):
            result[where] = jpeg.compress_batch(
                picture[where], cameras.quality[where], subsampling=subsampling
            )
    return result
