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
    with rawpy.imread(io.BytesIO(_dng(mosaic, pattern))) as raw:
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


def _dng(mosaic: NDArray[np.float64], pattern: str) -> bytes:
    """The file (Adobe, Digital Negative Specification, 1.4)."""
    samples = np.rint(257.0 * np.clip(mosaic, 0.0, 255.0)).astype(np.uint16)
    identity = tuple(part for value in np.eye(3).ravel() for part in (int(value), 1))
    tags = [
        (271, "s", 0, "rnan", True),  # Make
        (272, "s", 0, "mosaic", True),  # Model
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, bytes(_LETTERS[letter] for letter in pattern), True),  # CFAPattern
        (50706, "B", 4, bytes((1, 4, 0, 0)), True),  # DNGVersion
        (50708, "s", 0, "rnan mosaic", True),  # UniqueCameraModel
        (50714, "H", 1, 0, True),  # BlackLevel
        (50717, "H", 1, 65535, True),  # WhiteLevel
        (50721, "2i", 9, identity, True),  # ColorMatrix1
        (50728, "2I", 3, (1, 1) * 3, True),  # AsShotNeutral
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1
    ]
    file = io.BytesIO()
    bayer = 32803  # PhotometricInterpretation: colour filter array
    tifffile.imwrite(
        file, samples, photometric=bayer, metadata=None, extratags=tags, software=False
    )
    return file.getvalue()
