"""What a DNG says of its colours: filters, matrices, white balance, noise."""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError
from rnan.images.raw.dng_tags import Tags, numbers, octets
from rnan.images.raw.noise import SensorNoise

_log = logging.getLogger(__name__)

_CFA_SIZE, _CFA, _CFA_COLOURS = 33421, 33422, 50710
_MATRICES, _CALIBRATIONS, _ILLUMINANTS = (50721, 50722), (50723, 50724), (50778, 50779)
_ANALOG, _NEUTRAL, _WHITE_XY, _NOISE = 50727, 50728, 50729, 51041
_LIGHTS = {  # EXIF's codes of lights, in kelvin
    1: 5500,
    2: 4200,
    3: 2850,
    4: 5500,
    9: 5500,
    10: 6500,
    11: 7500,
    12: 6400,
    13: 5050,
    14: 4150,
    15: 3525,
    17: 2850,
    18: 4874,
    19: 6774,
    20: 5500,
    21: 6504,
    22: 7500,
    23: 5000,
    24: 3200,
}
_DAYLIGHT = 6504
_MOST_GAIN = 100.0
"""Factor of a white balance from which on it is not believed."""


def cell_of(tags: Tags, name: str) -> NDArray[np.str_]:
    """Letters of the colour filters, ``(rows, columns)``.

    Raises:
        InputError: They are others than red, green and blue.
    """
    rows, columns = (int(one) for one in numbers(tags.get(_CFA_SIZE, (2, 2)), 2))
    codes = np.frombuffer(octets(tags.get(_CFA, b"")), np.uint8)
    colours = octets(tags.get(_CFA_COLOURS, (0, 1, 2)))
    known = 0 < rows * columns <= 64 and len(codes) == rows * columns and codes.max() <= 2
    if not known or sorted(colours) != [0, 1, 2]:
        raise InputError(f"{name} has colour filters other than red, green and blue")
    return np.array(list("rgb"))[codes].reshape(rows, columns)


def xyz_to_camera(tags: Tags) -> NDArray[np.float64] | None:
    """The matrix for the light that is nearest to daylight, with the camera's calibration."""
    found: list[tuple[int, int, NDArray[np.float64]]] = []
    for matrix, calibration, light in zip(_MATRICES, _CALIBRATIONS, _ILLUMINANTS, strict=True):
        if matrix not in tags or np.size(tags[matrix]) != 9:
            continue
        values = numbers(tags[matrix], 9).reshape(3, 3)
        if np.size(tags.get(calibration, ())) == 9:
            values = numbers(tags[calibration], 9).reshape(3, 3) @ values
        values = np.diag(numbers(tags.get(_ANALOG, (1, 1, 1)), 3)) @ values
        kelvin = _LIGHTS.get(int(numbers(tags.get(light, 0))[0]), 5500)
        if np.abs(np.linalg.det(values)) > 1e-6:
            found.append((abs(kelvin - _DAYLIGHT), len(found), values))
    return min(found, key=lambda one: one[:2])[2] if found else None


def white_balance(
    tags: Tags, matrix: NDArray[np.float64] | None, name: str
) -> tuple[float, float, float]:
    """Factors that make gray what the camera saw as white; 1 where the file does not say."""
    factors: Any = None
    if _NEUTRAL in tags:
        factors = _factors(numbers(tags[_NEUTRAL], 3))
    elif _WHITE_XY in tags and matrix is not None:
        x, y = numbers(tags[_WHITE_XY], 2)
        if y > 0.0:
            factors = _factors(matrix @ np.array([x / y, 1.0, (1 - x - y) / y]))
    if factors is None:
        _log.warning("%s says nothing of its white balance that could be: none is applied", name)
        return 1.0, 1.0, 1.0
    red, green, blue = factors
    return float(red), float(green), float(blue)


def _factors(neutral: NDArray[np.float64]) -> NDArray[np.float64] | None:
    if not (neutral > 0.0).all():
        return None
    factors: NDArray[np.float64] = neutral.max() / neutral
    return factors if factors.max() <= _MOST_GAIN else None


def noise_profile(tags: Tags) -> SensorNoise | None:
    """Noise as the file says it: one pair for all colours, or a pair for each."""
    try:
        values = numbers(tags[_NOISE])
    except (KeyError, ValueError, TypeError):
        return None
    if len(values) == 2:
        values = np.tile(values, 3)
    if len(values) == 8:  # two greens
        values = np.concatenate([values[:2], (values[2:4] + values[4:6]) / 2, values[6:]])
    if len(values) != 6:
        return None
    noise = SensorNoise(photon=tuple(values[::2]), reading=tuple(values[1::2]))
    return noise if noise.is_sound else None
