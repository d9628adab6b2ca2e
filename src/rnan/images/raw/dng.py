"""DNG files by tifffile, after Adobe's Digital Negative Specification 1.7.

LibRaw 0.22.2 reads them too, but neither those compressed as JPEG XL nor noise profiles, takes the
brightest sample of one in floating point for white, and rounds the maker's crop to its active area.
"""

import io
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError
from rnan.images.limits import check_size
from rnan.images.metadata import Metadata
from rnan.images.orientation import known_orientation
from rnan.images.raw.noise import SensorNoise
from rnan.images.raw.opcodes import GainMap, read_opcodes
from rnan.images.raw.raw import Box, Raw

_log = logging.getLogger(__name__)

Tags = Mapping[int, Any]
"""Values by the number of the tag."""

_VERSION, _MODEL = 50706, 50708
_MAKE, _CAMERA, _ORIENTATION = 271, 272, 274
_CFA_SIZE, _CFA, _CFA_COLOURS, _CFA_LAYOUT = 33421, 33422, 50710, 50711
_LINEARIZATION, _BLACK_SIZE, _BLACK, _BLACK_ACROSS, _BLACK_DOWN, _WHITE = (
    *(50712, 50713, 50714, 50715, 50716, 50717),
)
_ACTIVE, _CROP_ORIGIN, _CROP_SIZE = 50829, 50719, 50720
_MATRICES, _CALIBRATIONS, _ILLUMINANTS = (50721, 50722), (50723, 50724), (50778, 50779)
_ANALOG, _NEUTRAL, _WHITE_XY = 50727, 50728, 50729
_EXPOSURE, _NOISE = 50730, 51041
_OPCODES = (51008, 51009, 51022)
_BITS, _RATIONAL, _SIGNED_RATIONAL = 258, 5, 10

COLOUR_TAGS = (
    *(_MODEL, 50709, *_MATRICES, *_CALIBRATIONS, 50725, 50726, _ANALOG, _NEUTRAL, _WHITE_XY),
    *(_EXPOSURE, 50732, 50734, *_ILLUMINANTS, 50931, 50932, 50934, 50936, 50937, 50938, 50939),
    *(50940, 50941, 50942, 50964, 50965, 50981, 50982, 51107, 51108, 51109, 51110, 52529, 52530),
    *(52531, 52532, 52533, 52534, 52536, 52537, 52543),
)
"""What a developed or demosaiced copy takes over: names, matrices, profiles, exposure."""

_CFA_PICTURE, _LINEAR_PICTURE = 32803, 34892
_REDUCED = 1
_MOST_PAGES, _MOST_DEPTH = 64, 2
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


def is_dng(data: bytes) -> bool:
    """Whether a TIFF file's first directory says that it is a DNG; others are left to LibRaw."""
    if data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return False
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            return _VERSION in file.pages[0].aspage().tags
    except Exception:  # damaged: LibRaw says in which way
        return False


def read_dng(data: bytes, name: str, metadata: Metadata, max_pixels: int) -> Raw:
    """The samples of a DNG.

    Args:
        data: The whole file.
        name: What messages call it.
        metadata: What belongs to the picture.
        max_pixels: Larger ones are refused before they are decoded.

    Raises:
        InputError: It has no picture of a sensor, is damaged, too large, or of a kind that is not
            read.
    """
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            first = file.pages[0].aspage()
            page = _picture(file, first)
            if page is None:
                raise InputError(f"{name} holds no picture of a sensor")
            check_size(page.imagewidth, page.imagelength, name, max_pixels)
            top, own = _values(first), _values(page)
            samples = np.asarray(page.asarray())
            planar = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
            dng = {
                tag.code: (int(tag.dtype), tag.value)
                for tag in first.tags
                if tag.code in COLOUR_TAGS
            }
    except InputError:
        raise
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever they like on damaged files
        words = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{name} is no camera raw that can be read: {words}") from error
    if planar and samples.ndim == 3:
        samples = np.moveaxis(samples, 0, -1)
    tags = {**top, **own}
    try:
        return _raw(samples, tags, dng, name, metadata)
    except (TypeError, ValueError, IndexError, ZeroDivisionError, OverflowError) as error:
        raise InputError(f"{name} is no camera raw that can be read: {error}") from error


def _picture(file: Any, first: Any) -> Any:
    """The page with the sensor's samples, in the first or in one below it."""
    found = []
    pages = [first]
    for _ in range(_MOST_DEPTH):
        found += pages
        pages = [one.aspage() for page in pages for one in (page.pages or [])[:_MOST_PAGES]]
    whole = [
        page
        for page in found
        if page.photometric in (_CFA_PICTURE, _LINEAR_PICTURE)
        and not int(getattr(page, "subfiletype", 0) or 0) & _REDUCED
    ]
    return max(whole, key=lambda page: page.imagewidth * page.imagelength, default=None)


def _values(page: Any) -> dict[int, Any]:
    """Values of a page's tags, fractions divided."""
    values = {}
    for tag in page.tags:
        value = tag.value
        if int(tag.dtype) in (_RATIONAL, _SIGNED_RATIONAL):
            parts = np.ravel(value).astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                value = parts[::2] / parts[1::2]
        values[tag.code] = value
    return values


def _raw(
    samples: NDArray[Any],
    tags: Tags,
    dng: dict[int, tuple[int, Any]],
    name: str,
    metadata: Metadata,
) -> Raw:
    is_mosaic = samples.ndim == 2
    if not (is_mosaic or (samples.ndim == 3 and samples.shape[2] == 3)):
        raise InputError(f"{name} has {samples.shape[2:] or (1,)} colours a pixel; 1 or 3 are read")
    if int(tags.get(_CFA_LAYOUT, 1)) != 1:
        raise InputError(f"{name} is of a sensor with staggered rows, which is not read")
    light = _in_light(samples, tags, name)
    top, left, bottom, right = _active(tags, samples.shape[0], samples.shape[1])
    light = np.ascontiguousarray(light[top:bottom, left:right])
    height, width = light.shape[:2]
    crop = _crop(tags, height, width)
    profile = _profile(tags)
    left_out: list[str] = []
    pattern = ""
    if is_mosaic:
        cell = _cell(tags, name)
        pattern, light, crop, profile = _as_bayer(cell, light, crop, profile, name)
    maps = _operations(tags, left_out)
    matrix = _xyz_to_camera(tags)
    return Raw(
        samples=light,
        pattern=pattern,
        crop=crop,
        white_balance=_balance(tags, matrix),
        xyz_to_camera=matrix,
        orientation=known_orientation(tags.get(_ORIENTATION)),
        exposure=float(np.clip(_numbers(tags.get(_EXPOSURE, 0))[0], -8.0, 8.0)),
        profile=profile,
        shading=tuple(maps),
        left_out=tuple(left_out),
        camera=_words(tags),
        metadata=metadata,
        dng=dng,
    )


def _in_light(samples: NDArray[Any], tags: Tags, name: str) -> NDArray[np.float32]:
    """Samples with black at 0 and white at 1.

    Chapter 5, "Mapping Raw Values to Linear Reference Values".
    """
    if np.issubdtype(samples.dtype, np.floating):
        if not np.isfinite(samples).all():
            raise InputError(f"{name} holds values that are not finite")
        most = 1.0
    else:
        most = float(2 ** int(np.max(tags.get(_BITS, 16))) - 1)
    table = tags.get(_LINEARIZATION)
    if table is not None and np.issubdtype(samples.dtype, np.integer):
        values = np.atleast_1d(np.asarray(table, np.float32))
        samples, most = values[np.minimum(samples, len(values) - 1)], 65535.0
    height, width = samples.shape[:2]
    light = samples.astype(np.float32).reshape(height, width, -1)
    planes = light.shape[2]
    top, left, _, _ = _active(tags, height, width)
    rows, columns = (max(1, int(one)) for one in np.ravel(tags.get(_BLACK_SIZE, (1, 1)))[:2])
    black = _numbers(tags.get(_BLACK, 0), rows * columns * planes).reshape(rows, columns, planes)
    down = _along(tags.get(_BLACK_DOWN), height, top)
    across = _along(tags.get(_BLACK_ACROSS), width, left)
    brightest = black.max(axis=(0, 1)) + down.max() + across.max()
    white = _numbers(tags.get(_WHITE, most), planes)
    typical = float(np.median(light[:: max(1, height // 256), :: max(1, width // 256)]))
    if (white <= brightest).any() or typical > white.max():
        what = "samples" if typical > white.max() else "black level"
        if most <= brightest.max():
            raise InputError(f"{name} has a black level of {brightest.max():g}, above white")
        _log.warning(
            "%s: its white level, %g, lies below its %s; %g is taken", name, white[0], what, most
        )
        white = np.full(planes, most)
    for row in range(rows):
        for column in range(columns):
            light[(top + row) % rows :: rows, (left + column) % columns :: columns] -= black[
                row, column
            ].astype(np.float32)
    if down.any() or across.any():
        light -= (down[:, None, None] + across[None, :, None]).astype(np.float32)
    light /= (white - brightest).astype(np.float32)
    return light.reshape(samples.shape)


def _along(value: Any, length: int, first: int) -> NDArray[np.float64]:
    """Changes of the black level for each row or column of the active area."""
    whole = np.zeros(length)
    if value is not None:
        numbers = _numbers(value)[: length - first]
        whole[first : first + len(numbers)] = numbers
    return whole


def _numbers(value: Any, number: int = 0) -> NDArray[np.float64]:
    """Numbers of a tag; where ``number`` are wanted, so many, the last one repeated."""
    flat = np.atleast_1d(np.asarray(value, np.float64)).ravel()
    if not len(flat) or not np.isfinite(flat).all():
        raise ValueError("a tag holds no numbers")
    if number > len(flat):
        flat = np.concatenate([flat, np.full(number - len(flat), flat[-1])])
    return flat[:number] if number else flat


def _active(tags: Tags, height: int, width: int) -> Box:
    """The part that light falls on; the rest is masked."""
    if _ACTIVE not in tags:
        return 0, 0, height, width
    top, left, bottom, right = (int(one) for one in _numbers(tags[_ACTIVE], 4))
    top, left = max(top, 0), max(left, 0)
    bottom, right = min(bottom, height), min(right, width)
    if bottom <= top or right <= left:
        raise ValueError("its active area is empty")
    return top, left, bottom, right


def _crop(tags: Tags, height: int, width: int) -> Box:
    """What the maker shows of the active area."""
    if _CROP_ORIGIN not in tags or _CROP_SIZE not in tags:
        return 0, 0, height, width
    left, top = (round(one) for one in _numbers(tags[_CROP_ORIGIN], 2))
    across, down = (round(one) for one in _numbers(tags[_CROP_SIZE], 2))
    top, left = max(top, 0), max(left, 0)
    bottom, right = min(top + down, height), min(left + across, width)
    if bottom <= top or right <= left:
        return 0, 0, height, width
    return top, left, bottom, right


def _cell(tags: Tags, name: str) -> NDArray[np.str_]:
    """Letters of the colour filters, ``(rows, columns)``."""
    rows, columns = (int(one) for one in _numbers(tags.get(_CFA_SIZE, (2, 2)), 2))
    codes = np.frombuffer(bytes(tags.get(_CFA, b"")), np.uint8)
    colours = bytes(np.ravel(tags.get(_CFA_COLOURS, (0, 1, 2))).astype(np.uint8))
    if not 0 < rows * columns <= 64 or len(codes) != rows * columns or codes.max() > 2:
        raise InputError(f"{name} has colour filters other than red, green and blue")
    if sorted(colours) != [0, 1, 2]:
        raise InputError(f"{name} has colour filters other than red, green and blue")
    return np.array(list("rgb"))[codes].reshape(rows, columns)


def _as_bayer(
    cell: NDArray[np.str_],
    light: NDArray[np.float32],
    crop: Box,
    profile: SensorNoise | None,
    name: str,
) -> tuple[str, NDArray[np.float32], Box, SensorNoise | None]:
    """Pattern and samples of a Bayer sensor; those of four pixels under one filter are averaged."""
    quad = cell.shape == (4, 4) and all(
        len({*cell[row : row + 2, column : column + 2].ravel()}) == 1
        for row in (0, 2)
        for column in (0, 2)
    )
    if quad:
        height, width = (side // 2 * 2 for side in light.shape)
        light = light[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
        crop = tuple(side // 2 for side in crop)  # type: ignore[assignment]
        profile = profile and profile.scaled(0.25)
        cell = cell[::2, ::2]
        _log.warning("%s: four pixels under each colour filter, averaged: half the size", name)
    pattern = "".join(cell.ravel())
    return pattern, light, crop, profile


def _operations(tags: Tags, left_out: list[str]) -> list[GainMap]:
    """Gain maps; the names of operations that are not done are added to ``left_out``."""
    maps: list[GainMap] = []
    for tag in _OPCODES:
        if tag not in tags:
            continue
        try:
            own, others = read_opcodes(bytes(tags[tag]))
        except ValueError as error:
            left_out.append(f"operations that cannot be read ({error})")
            continue
        maps += own
        left_out += others
    return maps


def _profile(tags: Tags) -> SensorNoise | None:
    """One pair for all colours, or a pair for each."""
    try:
        values = _numbers(tags[_NOISE])
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


def _xyz_to_camera(tags: Tags) -> NDArray[np.float64] | None:
    """The matrix for the light that is nearest to daylight, with the camera's calibration."""
    found: list[tuple[int, int, NDArray[np.float64]]] = []
    for matrix, calibration, light in zip(_MATRICES, _CALIBRATIONS, _ILLUMINANTS, strict=True):
        if matrix not in tags or np.size(tags[matrix]) != 9:
            continue
        values = _numbers(tags[matrix], 9).reshape(3, 3)
        if np.size(tags.get(calibration, ())) == 9:
            values = _numbers(tags[calibration], 9).reshape(3, 3) @ values
        values = np.diag(_numbers(tags.get(_ANALOG, (1, 1, 1)), 3)) @ values
        kelvin = _LIGHTS.get(int(np.ravel(tags.get(light, 0))[0]), 5500)
        if np.abs(np.linalg.det(values)) > 1e-6:
            found.append((abs(kelvin - 6504), len(found), values))
    return min(found, key=lambda one: one[:2])[2] if found else None


def _balance(tags: Tags, matrix: NDArray[np.float64] | None) -> tuple[float, float, float]:
    """Factors that make what the camera saw as white gray."""
    neutral = np.ones(3)
    try:
        if _NEUTRAL in tags:
            neutral = _numbers(tags[_NEUTRAL], 3)
        elif _WHITE_XY in tags and matrix is not None:
            x, y = _numbers(tags[_WHITE_XY], 2)
            neutral = matrix @ np.array([x / y, 1.0, (1 - x - y) / y])
    except (ValueError, TypeError):
        pass
    if not (np.isfinite(neutral).all() and (neutral > 0).all()):
        neutral = np.ones(3)
    factors = 1.0 / neutral
    red, green, blue = factors / factors.min()
    return float(red), float(green), float(blue)


def _words(tags: Tags) -> str:
    """Name of the camera."""
    maker, model = (str(tags.get(tag, "")).strip() for tag in (_MAKE, _CAMERA))
    unique = str(tags.get(_MODEL, "")).strip()
    if not model:
        return unique or maker
    return model if model.lower().startswith(maker.lower()) else f"{maker} {model}"
