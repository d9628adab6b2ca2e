"""Demosaicing by LibRaw through the extra ``raw``, to compare with: what raw converters do.

LibRaw reads files only, so the mosaic goes through a DNG in memory: 16 bit, no black, no white
balance, and the colours of the camera are those of the picture.
"""

import io

import numpy as np
import tifffile
from numpy.typing import NDArray

from rnan.errors import InputError
from rnan.images.raw.libraw import library

_LETTERS = {"r": 0, "g": 1, "b": 2}
_WHITE = 65535
_SMALLEST = 22
"""Sides below which LibRaw refuses a file."""


def demosaic(mosaic: NDArray[np.float64], pattern: str, algorithm: str) -> NDArray[np.float64]:
    """A colour picture by one of LibRaw's algorithms.

    Args:
        mosaic: ``(H, W)`` on the 0-255 scale; values beyond it are clipped.
        pattern: A Bayer pattern.
        algorithm: A name of ``rawpy.DemosaicAlgorithm``, such as ``AHD`` or ``DHT``.

    Returns:
        ``(H, W, 3)`` on the 0-255 scale.

    Raises:
        InputError: A side is too short for LibRaw.
        MissingExtraError: rawpy is not installed.
    """
    rawpy = library()
    if min(mosaic.shape) < _SMALLEST:
        raise InputError(f"LibRaw takes no mosaics with sides below {_SMALLEST} pixels")
    with rawpy.imread(io.BytesIO(dng(mosaic / 255.0, pattern))) as raw:
        pixels = raw.postprocess(
            demosaic_algorithm=rawpy.DemosaicAlgorithm[algorithm],
            output_color=rawpy.ColorSpace.raw,
            output_bps=16,
            gamma=(1, 1),
            user_wb=[1, 1, 1, 1],
            user_black=0,
            user_sat=65535,
            no_auto_bright=True,
            no_auto_scale=True,
        )
    restored: NDArray[np.float64] = pixels.astype(np.float64) / 257.0
    return restored


def dng(
    samples: NDArray[np.float64],
    pattern: str,
    *,
    matrix: NDArray[np.float64] | None = None,
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0),
    black: int = 0,
) -> bytes:
    """A raw file of 16 bits (Adobe, Digital Negative Specification, 1.4).

    Args:
        samples: ``(H, W)`` with black at 0 and white at 1; values beyond it are clipped.
        pattern: A Bayer pattern.
        matrix: XYZ to camera colours, ``(3, 3)``; the identity by default.
        gains: White balance.
        black: Number that stands for black, so that noise may go below it.
    """
    values = np.rint(black + (_WHITE - black) * samples).clip(0, _WHITE).astype(np.uint16)
    tags = [
        (271, "s", 0, "rnan", True),  # Make
        (272, "s", 0, "mosaic", True),  # Model
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, bytes(_LETTERS[letter] for letter in pattern), True),  # CFAPattern
        (50706, "B", 4, bytes((1, 4, 0, 0)), True),  # DNGVersion
        (50708, "s", 0, "rnan mosaic", True),  # UniqueCameraModel
        (50714, "H", 1, black, True),  # BlackLevel
        (50717, "H", 1, _WHITE, True),  # WhiteLevel
        (50721, "2i", 9, _fractions(np.eye(3) if matrix is None else matrix), True),  # ColorMatrix1
        (50728, "2I", 3, _fractions(1.0 / np.array(gains)), True),  # AsShotNeutral
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1
    ]
    file = io.BytesIO()
    bayer = 32803  # PhotometricInterpretation: colour filter array
    tifffile.imwrite(file, values, photometric=bayer, metadata=None, extratags=tags, software=False)
    return file.getvalue()


def _fractions(values: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(part for value in np.ravel(values) for part in (round(1e6 * value), 10**6))
