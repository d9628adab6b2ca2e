"""Opacity: apart from the colour while that is restored, and colour where there is none to see."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError
from rnan.images.picture import Pixels, from_float, to_float


def split_alpha(pixels: Pixels) -> tuple[Pixels, Pixels | None]:
    """Pixels ``(H, W)`` or ``(H, W, 1-4)`` as ``(H, W, 1 or 3)`` and the opacity, if any."""
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    channels = pixels.shape[2]
    if channels in (2, 4):
        return pixels[:, :, :-1], pixels[:, :, -1]
    if channels in (1, 3):
        return pixels, None
    raise InputError(f"a picture has 1 to 4 channels, not {channels}")


def unpremultiplied(colour: Pixels, alpha: Pixels) -> Pixels:
    """Colour that was stored times its opacity, as it was before."""
    opacity = to_float(alpha)[:, :, None]
    divided = to_float(colour) / np.where(opacity > 0, opacity, 1)
    return from_float(divided.astype(np.float32), colour.dtype)


def visible(alpha: Pixels | None) -> NDArray[np.bool_] | None:
    """Which pixels are seen at all; none where all of them are."""
    seen = None if alpha is None else alpha > 0
    return None if seen is None or seen.all() else seen


def filled(colour: NDArray[np.float32], alpha: Pixels) -> NDArray[np.float32]:
    """Colour ``(H, W, C)`` with that of the surroundings where nothing can be seen.

    Fully transparent pixels are often black or anything else; a network would smear that over the
    edge of what can be seen. They get the mean of what is visible around, near before far, from a
    pyramid of halves.
    """
    seen = (to_float(alpha) > 0)[:, :, None].astype(np.float32)
    if seen.all() or not seen.any():
        return colour
    return np.where(seen > 0, colour, _pulled(colour * seen, seen)).astype(np.float32)


def _pulled(colour: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[Any]:
    """Colour everywhere: its own where there is weight, else that of the next coarser level."""
    own = colour / np.maximum(weight, 1e-12)
    if weight.all() or max(weight.shape[:2]) == 1:
        return own
    coarse = _pulled(_halved(colour), _halved(weight))
    height, width = weight.shape[:2]
    larger = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return np.where(weight > 0, own, larger)


def _halved(values: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = values.shape[:2]
    even = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    return even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
