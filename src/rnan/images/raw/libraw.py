"""Camera raw by LibRaw, through the extra ``raw``: all makers' formats."""

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError, MissingExtraError
from rnan.images.limits import check_size
from rnan.images.metadata import Metadata
from rnan.images.picture import Picture
from rnan.images.raw.colours import XYZ_TO_SRGB
from rnan.images.raw.raw import BAYER, Raw
from rnan.images.read import read_bytes

_log = logging.getLogger(__name__)
_TURNED = {0: 1, 3: 3, 5: 8, 6: 6}
"""EXIF's orientation for LibRaw's."""
Light = NDArray[np.float32]


def read_by_library(data: bytes, name: str, metadata: Metadata, max_pixels: int) -> Raw:
    """The samples of a raw file; sensors of other patterns than Bayer's are interpolated.

    Args:
        data: The whole file.
        name: What messages call it.
        metadata: What belongs to the picture.
        max_pixels: Larger ones are refused before they are decoded.

    Raises:
        InputError: The file is no camera raw, damaged or too large.
        MissingExtraError: rawpy is not installed.
    """
    with _opened(data, name) as raw:
        sizes = raw.sizes
        check_size(sizes.width, sizes.height, name, max_pixels)
        balance = _balance(raw)
        pattern = _pattern(raw)
        samples = _samples(raw, name) if pattern else _interpolated(data, balance, name)
        height, width = samples.shape[:2]
        return Raw(
            samples=samples,
            pattern=pattern,
            crop=_crop(sizes, height, width),
            white_balance=balance,
            xyz_to_camera=_matrix(raw),
            orientation=_TURNED.get(int(sizes.flip), 1),
            interpolated="" if pattern else "LibRaw",
            metadata=metadata,
        )


def developed_by_library(path: Path, algorithm: str | None = None, **options: Any) -> Picture:
    """The whole development by LibRaw, to compare with: 16-bit sRGB.

    Args:
        path: A camera raw file.
        algorithm: A name of ``rawpy.DemosaicAlgorithm``; by default what suits the sensor.
        options: For ``rawpy.RawPy.postprocess``.

    Raises:
        InputError: The file is no camera raw or damaged.
        MissingExtraError: rawpy is not installed.
    """
    rawpy = library()
    if algorithm is not None:
        options["demosaic_algorithm"] = rawpy.DemosaicAlgorithm[algorithm]
    with _opened(read_bytes(path), str(path)) as raw:
        try:
            pixels = raw.postprocess(
                use_camera_wb=True,
                no_auto_bright=True,
                adjust_maximum_thr=0.0,  # or the brightest sample says how bright all is
                output_bps=16,
                gamma=(2.4, 12.92),
                output_color=rawpy.ColorSpace.sRGB,
                **options,
            )
        except rawpy.LibRawError as error:
            raise InputError(f"{path} cannot be developed: {_words(error)}") from error
    return Picture(pixels=np.ascontiguousarray(pixels))


def library() -> Any:
    """The module ``rawpy``."""
    try:
        import rawpy
    except ImportError:
        raise MissingExtraError("rawpy") from None
    return rawpy


def _opened(data: bytes, name: str) -> Any:
    rawpy = library()
    try:
        opened = rawpy.imread(io.BytesIO(data))
        _ = opened.raw_image_visible  # unpacks; a damaged file says so here
    except Exception as error:  # LibRaw's errors have many classes
        raise InputError(f"{name} is no camera raw that can be read: {_words(error)}") from error
    return opened


def _words(error: Exception) -> str:
    what = error.args[0] if error.args else error
    text = what.decode("utf-8", "replace") if isinstance(what, bytes) else str(what)
    return " ".join(text.split())[:160]


def _pattern(raw: Any) -> str:
    """The pattern of a Bayer sensor, empty for others."""
    if raw.raw_pattern is None or raw.raw_pattern.shape != (2, 2) or raw.num_colors != 3:
        return ""
    letters = raw.color_desc.decode("ascii", "replace")
    cell = raw.raw_colors_visible[:2, :2]
    if cell.shape != (2, 2):
        return ""
    pattern = "".join(letters[index] for index in cell.ravel()).lower()
    return pattern if pattern in BAYER else ""


def _samples(raw: Any, name: str) -> NDArray[np.float32]:
    """A Bayer mosaic with black at 0 and white at 1."""
    visible = raw.raw_image_visible
    samples: NDArray[np.float32] = visible.astype(np.float32)
    white = float(raw.white_level)
    levels = np.asarray(raw.black_level_per_channel, np.float32)
    typical = float(np.median(visible[:: max(1, len(visible) // 256), ::16]))
    if white <= levels.max() or typical > white:
        most = float(2 ** int(np.ceil(np.log2(max(float(visible.max()), 2.0)))) - 1)
        _log.warning(
            "%s: its white level, %g, lies below its samples; %g is taken", name, white, most
        )
        white = most
    if white <= levels.max():
        raise InputError(f"{name} has a black level of {levels.max():g}, above white")
    colours = raw.raw_colors_visible[:2, :2]
    for row in range(2):
        for column in range(2):
            black = levels[colours[row, column]]
            part = samples[row::2, column::2]
            part -= black
            part /= np.float32(white - black)
    return samples


def _interpolated(data: bytes, balance: tuple[float, float, float], name: str) -> Light:
    """Linear camera colours ``(H, W, 3)`` of a sensor of another kind."""
    rawpy = library()
    # X-Trans takes an interpolation of its own, which refuses small pictures.
    for algorithm in (None, rawpy.DemosaicAlgorithm.LINEAR):
        with _opened(data, name) as raw:
            try:
                pixels = raw.postprocess(
                    demosaic_algorithm=algorithm,
                    output_color=rawpy.ColorSpace.raw,
                    output_bps=16,
                    gamma=(1, 1),
                    user_wb=[*balance, balance[1]],
                    no_auto_bright=True,
                    adjust_maximum_thr=0.0,
                    user_flip=0,
                )
            except rawpy.LibRawError as error:
                if algorithm is not None:
                    raise InputError(f"{name} cannot be developed: {_words(error)}") from error
                continue
        break
    if pixels.ndim == 2 or pixels.shape[2] != 3:
        raise InputError(f"{name} is of a sensor without three colours, which is not read")
    # LibRaw brings the smallest factor of the white balance to 1.
    light: Light = pixels.astype(np.float32) / np.float32(65535.0)
    light /= np.array(balance, np.float32)
    return light


def _matrix(raw: Any) -> NDArray[np.float64] | None:
    """XYZ to camera colours, of LibRaw's list of cameras or as the file says it."""
    listed = np.asarray(raw.rgb_xyz_matrix, np.float64)[:3]
    if np.isfinite(listed).all() and abs(float(np.linalg.det(listed))) > 1e-9:
        return listed
    # LibRaw 0.22.2 shows what a file says only as the way to sRGB (findings/libraw-dng-matrix.sh).
    to_srgb = np.asarray(raw.color_matrix, np.float64)[:3, :3]
    if not np.isfinite(to_srgb).all() or abs(float(np.linalg.det(to_srgb))) < 1e-9:
        return None
    if np.allclose(to_srgb, np.eye(3)):
        return None  # what it gives for cameras that it does not know
    matrix: NDArray[np.float64] = np.linalg.inv(to_srgb) @ XYZ_TO_SRGB
    return matrix


def _crop(sizes: Any, height: int, width: int) -> tuple[int, int, int, int]:
    """What the maker shows of the visible area, where the file says it."""
    across, down = int(getattr(sizes, "crop_width", 0)), int(getattr(sizes, "crop_height", 0))
    left = int(getattr(sizes, "crop_left_margin", 0)) - int(sizes.left_margin)
    top = int(getattr(sizes, "crop_top_margin", 0)) - int(sizes.top_margin)
    inside = 0 <= top < top + down <= height and 0 <= left < left + across <= width
    # Some makers' files tell of a crop for another format, not of the one that is shown.
    if not inside or down < 0.8 * height or across < 0.8 * width:
        return 0, 0, height, width
    return top, left, top + down, left + across


def _balance(raw: Any) -> tuple[float, float, float]:
    for factors in (raw.camera_whitebalance, raw.daylight_whitebalance):
        camera = np.asarray(factors, np.float64)[:3]
        if np.isfinite(camera).all() and (camera > 0).all():
            red, green, blue = camera / camera.min()
            return float(red), float(green), float(blue)
    return 1.0, 1.0, 1.0
