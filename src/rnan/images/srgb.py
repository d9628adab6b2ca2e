"""The curve of sRGB (IEC 61966-2-1), from light and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

TOE, SLOPE = 0.0031308, 12.92
"""Light up to which the curve is a line, and how steep."""


def srgb_encoded(light: NDArray[Any]) -> NDArray[Any]:
    """Linear light from 0 to 1 as values of sRGB; below 0 along the same line."""
    value = np.maximum(light, TOE)
    return np.where(light <= TOE, SLOPE * light, 1.055 * value ** (1 / 2.4) - 0.055)


def srgb_slope(light: NDArray[Any]) -> NDArray[Any]:
    """Derivative of :func:`srgb_encoded`."""
    value = np.maximum(light, TOE)
    return np.where(light <= TOE, SLOPE, 1.055 / 2.4 * value ** (1 / 2.4 - 1))


def srgb_decoded(value: NDArray[Any]) -> NDArray[Any]:
    """The inverse of :func:`srgb_encoded`."""
    power = ((np.maximum(value, TOE * SLOPE) + 0.055) / 1.055) ** 2.4
    return np.where(value <= TOE * SLOPE, value / SLOPE, power)
