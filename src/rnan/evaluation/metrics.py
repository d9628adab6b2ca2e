"""PSNR and SSIM as the paper's tables have them, under a named protocol.

Values are on the 0-255 scale throughout.
"""

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError
from rnan.images.colour import to_luma
from rnan.tasks import Protocol

Plane = NDArray[np.float64]

PSNR_CEILING = 100.0
"""PSNR of a picture that equals its reference, where the formula gives infinity."""

LEAST_SIDE = 11
"""Least side of a picture that SSIM can be measured on: its window."""

_SIGMA, _K1, _K2, _RANGE = 1.5, 0.01, 0.03, 255.0


def measured(protocol: Protocol, picture: Plane, *, scale: int = 1) -> Plane:
    """What of a picture is measured under a protocol.

    Args:
        protocol: Of the task.
        picture: ``(H, W, C)`` on the 0-255 scale.
        scale: What it was enlarged by.

    Raises:
        InputError: Nothing is left inside the border that is cut.
    """
    border = protocol.crop_border * scale
    if min(picture.shape[:2]) <= 2 * border:
        raise InputError(
            f"a picture of {picture.shape[1]}x{picture.shape[0]} has nothing inside the "
            f"border of {border} pixels that is cut"
        )
    inside = picture[border : picture.shape[0] - border, border : picture.shape[1] - border]
    return to_luma(inside) if protocol.luma else inside


def as_eight_bit(picture: Plane) -> Plane:
    """Clip to 0-255 and round, as a restored picture is before it is measured."""
    return np.rint(np.clip(picture, 0.0, 255.0))


def psnr(restored: Plane, gt: Plane) -> float:
    """Peak signal-to-noise ratio, 10·log10(255² / MSE), at most 100 dB.

    Args:
        restored: Picture of any shape, on the 0-255 scale.
        gt: Its reference, of the same shape.

    Raises:
        InputError: The shapes differ.
    """
    _check_shapes(restored, gt)
    mse = float(np.mean(np.square(restored.astype(np.float64) - gt)))
    if mse == 0.0:
        return PSNR_CEILING
    return min(PSNR_CEILING, float(10.0 * np.log10(_RANGE**2 / mse)))


def ssim(restored: Plane, gt: Plane) -> float:
    """Structural similarity (Wang et al., TIP 2004) on the 0-255 scale.

    Gaussian window 11×11 of σ 1.5, valid positions only, no shrinking first; of a colour
    picture the mean of its planes.

    Args:
        restored: ``(H, W)`` or ``(H, W, C)``, sides of at least 11.
        gt: Its reference, of the same shape.

    Raises:
        InputError: The shapes differ, or a side is smaller than the window.
    """
    _check_shapes(restored, gt)
    if min(restored.shape[:2]) < LEAST_SIDE:
        raise InputError(
            f"SSIM needs sides of at least {LEAST_SIDE} pixels, "
            f"got {restored.shape[1]}x{restored.shape[0]}"
        )
    if restored.ndim == 3:
        planes = [ssim(restored[..., c], gt[..., c]) for c in range(restored.shape[2])]
        return float(np.mean(planes))
    x, y = restored.astype(np.float64), gt.astype(np.float64)
    mean_x, mean_y = _blur(x), _blur(y)
    var_x = _blur(x * x) - mean_x**2
    var_y = _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * _RANGE) ** 2, (_K2 * _RANGE) ** 2
    numerator = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    denominator = (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return float(np.mean(numerator / denominator))


def _blur(plane: Plane) -> Plane:
    """Gaussian window at valid positions, rows and columns in turn."""
    offsets = np.arange(LEAST_SIDE) - LEAST_SIDE // 2
    weights = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    rows = sum(w * plane[i : plane.shape[0] - LEAST_SIDE + 1 + i] for i, w in enumerate(weights))
    return np.asarray(
        sum(w * rows[:, i : rows.shape[1] - LEAST_SIDE + 1 + i] for i, w in enumerate(weights))
    )


def _check_shapes(restored: Plane, gt: Plane) -> None:
    if restored.shape != gt.shape:
        raise InputError(f"the pictures differ in shape: {restored.shape} against {gt.shape}")
