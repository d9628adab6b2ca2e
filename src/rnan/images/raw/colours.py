"""From a camera's colours to a picture: sRGB, with a tone curve, or wide linear light."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

from rnan.images.icc import Curve, profile, to_xyz
from rnan.images.orientation import upright
from rnan.images.picture import Picture
from rnan.images.raw.raw import Raw
from rnan.images.srgb import srgb_encoded
from rnan.options.raw import Rendering

XYZ_TO_SRGB = np.linalg.inv(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
"""Of daylight, D65 (IEC 61966-2-1)."""

_BAND = 256
"""Rows at a time."""
_REC2020 = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290)
_SRGB = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
_CONTRAST, _SHOULDER = 1.25, 0.6
"""The neutral curve: contrast about middle gray, and where highlights begin to bend."""


def developed(light: NDArray[np.float32], raw: Raw, rendering: Rendering) -> Picture:
    """An upright picture of 16 bits, or of 32 where it is linear and goes beyond white.

    Args:
        light: ``(H, W, 3)``: white-balanced camera colours with white at 1.
        raw: Says what they mean.
        rendering: ``srgb``, ``neutral`` or ``linear``.
    """
    wide = rendering == "linear"
    matrix = (colours_of(raw, _REC2020 if wide else _SRGB) * 2.0**raw.exposure).astype(np.float32)
    beyond = wide and raw.goes_beyond_white
    pixels = np.empty(light.shape, np.float32 if beyond else np.uint16)
    for start in range(0, len(light), _BAND):
        band = light[start : start + _BAND] @ matrix.T
        if beyond:
            pixels[start : start + _BAND] = np.maximum(band, 0.0)
            continue
        np.clip(band, 0.0, 1.0, out=band)
        if rendering == "neutral":
            band = _with_tone(band)
        if not wide:
            band = srgb_encoded(band)
        pixels[start : start + _BAND] = np.rint(65535.0 * band)
    metadata = raw.metadata
    if wide:
        icc = profile("Rec. 2020, linear", _REC2020, Curve(gamma=1.0))
    else:
        icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return Picture(pixels=upright(pixels, raw.orientation), metadata=replace(metadata, icc=icc))


def quick_look(raw: Raw) -> Picture:
    """A development at half the size: each cell of the mosaic is a pixel."""
    gains = raw.gains()
    top, left, bottom, right = raw.crop
    if raw.is_mosaic:
        top, left = top // 2 * 2, left // 2 * 2
        bottom, right = top + (bottom - top) // 2 * 2, left + (right - left) // 2 * 2
        if bottom - top < 2 or right - left < 2:
            light = np.repeat(raw.samples[:1, :1, None] * gains[0, 0], 3, axis=2)
            return developed(light.clip(0.0, 1.0), raw, "srgb")
        x = raw.samples[top:bottom, left:right]
        planes: dict[str, list[NDArray[Any]]] = {"r": [], "g": [], "b": []}
        for place, letter in enumerate(raw.pattern):
            row, column = divmod(place, 2)
            planes[letter].append(x[row::2, column::2] * gains[row, column])
        light = np.stack([sum(planes[letter]) / len(planes[letter]) for letter in "rgb"], axis=2)
    else:
        light = raw.samples[top:bottom:2, left:right:2] * gains
    return developed(np.clip(light, 0.0, 1.0).astype(np.float32), raw, "srgb")


def colours_of(raw: Raw, primaries: tuple[float, ...]) -> NDArray[np.float64]:
    """``(3, 3)``: balanced camera values to linear light of some primaries; white stays white.

    The identity for a camera that nobody knows.
    """
    if raw.xyz_to_camera is None:
        return np.eye(3)
    camera = raw.xyz_to_camera @ to_xyz(primaries)[0]
    sums = camera.sum(axis=1, keepdims=True)
    if (np.abs(sums) < 1e-6).any():
        return np.eye(3)
    return np.linalg.pinv(camera / sums)


def _with_tone(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear light with more contrast about middle gray and a shoulder instead of an edge.

    The curve acts on the largest of the three, so that hues stay.
    """
    most = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    gray = 0.18
    toned = gray * (most / gray) ** _CONTRAST
    over = np.maximum(toned - _SHOULDER, 0.0)
    room = 1.0 - _SHOULDER
    # 1 at the largest value that can come: the curve ends in white.
    highest = gray * (1.0 / gray) ** _CONTRAST - _SHOULDER
    bent = room * (1.0 - np.exp(-over / room)) / (1.0 - np.exp(-highest / room))
    toned = np.where(toned > _SHOULDER, _SHOULDER + bent, toned)
    result: NDArray[np.float32] = light * (np.minimum(toned, 1.0) / most)
    return result
