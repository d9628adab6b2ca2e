"""Camera raw files through the extra ``raw``: samples, and what is needed to show them."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

from rnan.errors import InputError, MissingExtraError
from rnan.images.endings import RAW_EXTENSIONS
from rnan.images.formats.tiff import exif_of_tiff
from rnan.images.limits import check_size
from rnan.images.metadata import Metadata
from rnan.images.orientation import upright
from rnan.images.picture import Picture
from rnan.images.read import read_bytes

_TURNED = {0: 1, 3: 3, 5: 8, 6: 6}
"""EXIF's orientation for LibRaw's."""
_SRGB_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What a sensor measured."""

    mosaic: NDArray[np.float32]
    """``(H, W)``: black at 0, the level at which the sensor is full at 1."""
    pattern: str
    """``grbg``, ``rggb``, ``bggr`` or ``gbrg``."""
    white_balance: tuple[float, float, float]
    """Factors of red, green and blue, the smallest 1."""
    to_srgb: NDArray[np.float64]
    """``(3, 3)``: balanced camera values to linear sRGB; white stays white."""
    orientation: int
    """As EXIF says it; 1 is upright."""
    metadata: Metadata = field(default_factory=Metadata)


def is_raw(path: Path) -> bool:
    """Whether a file's name says that it is camera raw."""
    return path.suffix.lower() in RAW_EXTENSIONS


def read_raw(path: Path) -> Raw | None:
    """Read the samples of a Bayer sensor; none for sensors of other kinds.

    Raises:
        InputError: The file is no camera raw, damaged or too large.
        MissingExtraError: rawpy is not installed.
    """
    with _opened(path) as raw:
        if raw.raw_pattern is None or raw.raw_pattern.shape != (2, 2) or raw.num_colors != 3:
            return None
        samples = raw.raw_image_visible
        check_size(samples.shape[1], samples.shape[0], str(path))
        colours = raw.raw_colors_visible
        letters = raw.color_desc.decode("ascii", "replace")
        pattern = "".join(letters[index] for index in colours[:2, :2].ravel()).lower()
        if sorted(pattern) != sorted("rggb") or pattern not in ("grbg", "rggb", "bggr", "gbrg"):
            return None
        black = np.asarray(raw.black_level_per_channel, np.float32)[colours]
        span = np.float32(raw.white_level) - black
        mosaic = (samples.astype(np.float32) - black) / np.maximum(span, 1.0)
        return Raw(
            mosaic=mosaic,
            pattern=pattern,
            white_balance=_balance(raw),
            to_srgb=_to_srgb(np.asarray(raw.rgb_xyz_matrix, np.float64)[:3]),
            orientation=_TURNED.get(int(raw.sizes.flip), 1),
            metadata=_metadata(path),
        )


def library_demosaic(path: Path, algorithm: str | None = None) -> Picture:
    """The whole development by LibRaw: for sensors of other kinds, and to compare with.

    Args:
        path: A camera raw file.
        algorithm: A name of ``rawpy.DemosaicAlgorithm``; by default what suits the sensor.

    Raises:
        InputError: The file is no camera raw or damaged.
        MissingExtraError: rawpy is not installed.
    """
    rawpy = library()
    # X-Trans takes an interpolation of its own, which refuses small pictures.
    attempts = [None, "LINEAR"] if algorithm is None else [algorithm]
    for attempt in attempts:
        chosen = {"demosaic_algorithm": rawpy.DemosaicAlgorithm[attempt]} if attempt else {}
        try:
            with _opened(path) as raw:
                pixels = raw.postprocess(
                    use_camera_wb=True,
                    no_auto_bright=True,
                    adjust_maximum_thr=0.0,  # or the brightest sample says how bright all is
                    output_bps=16,
                    gamma=(2.4, 12.92),
                    output_color=rawpy.ColorSpace.sRGB,
                    **chosen,
                )
            break
        except rawpy.LibRawError as error:
            if attempt == attempts[-1]:
                raise InputError(f"{path} cannot be developed: {_words(error)}") from error
    return Picture(pixels=np.ascontiguousarray(pixels), metadata=_metadata(path))


def srgb_picture(linear: NDArray[Any], raw: Raw) -> Picture:
    """Linear sRGB ``(H, W, 3)`` as an upright 16-bit picture."""
    value = np.clip(linear, 0.0, 1.0)
    encoded = np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)
    pixels = np.rint(65535.0 * encoded).astype(np.uint16)
    return Picture(pixels=upright(pixels, raw.orientation), metadata=raw.metadata)


def library() -> Any:
    """The module ``rawpy``."""
    try:
        import rawpy
    except ImportError:
        raise MissingExtraError("rawpy", "raw") from None
    return rawpy


def _opened(path: Path) -> Any:
    rawpy = library()
    data = read_bytes(path)
    if not data:
        raise InputError(f"{path} is empty")
    try:
        opened = rawpy.imread(io.BytesIO(data))
        _ = opened.raw_image_visible  # unpacks; a damaged file says so here
    except Exception as error:  # LibRaw's errors have many classes
        raise InputError(f"{path} is no camera raw that can be read: {_words(error)}") from error
    return opened


def _words(error: Exception) -> str:
    what = error.args[0] if error.args else error
    text = what.decode("utf-8", "replace") if isinstance(what, bytes) else str(what)
    return " ".join(text.split())[:160]


def _balance(raw: Any) -> tuple[float, float, float]:
    camera = np.asarray(raw.camera_whitebalance, np.float64)[:3]
    if not (np.isfinite(camera).all() and (camera > 0).all()):
        camera = np.asarray(raw.daylight_whitebalance, np.float64)[:3]
    if not (np.isfinite(camera).all() and (camera > 0).all()):
        camera = np.ones(3)
    red, green, blue = camera / camera.min()
    return float(red), float(green), float(blue)


def _to_srgb(xyz_to_camera: NDArray[np.float64]) -> NDArray[np.float64]:
    camera = xyz_to_camera @ _SRGB_TO_XYZ
    sums = camera.sum(axis=1, keepdims=True)
    if not np.isfinite(camera).all() or (np.abs(sums) < 1e-6).any():
        return np.eye(3)  # a camera that the library does not know
    return np.linalg.pinv(camera / sums)


def _metadata(path: Path) -> Metadata:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return Metadata(format="TIFF", icc=profile, exif=exif_of_tiff(read_bytes(path)))
