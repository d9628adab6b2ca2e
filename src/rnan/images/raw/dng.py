"""DNG files by tifffile, after Adobe's Digital Negative Specification 1.7.

LibRaw 0.22.2 reads them too, but neither those compressed as JPEG XL nor noise profiles, takes the
brightest sample of one in floating point for white, and rounds the maker's crop to its active area.
"""

import io
import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError
from rnan.images.formats.tiff_chain import check_chain, check_segments
from rnan.images.limits import check_size
from rnan.images.metadata import Metadata
from rnan.images.orientation import known_orientation
from rnan.images.raw.dng_colours import cell_of, noise_profile, white_balance, xyz_to_camera
from rnan.images.raw.dng_levels import active_area, default_crop, in_light
from rnan.images.raw.dng_tags import Tags, numbers, octets, tags_of
from rnan.images.raw.opcodes import apply, read_opcodes
from rnan.images.raw.raw import BAYER, Raw

_log = logging.getLogger(__name__)

_VERSION, _UNIQUE_MODEL = 50706, 50708
_MAKE, _MODEL, _ORIENTATION = 271, 272, 274
_CFA_LAYOUT, _SCALE, _EXPOSURE = 50711, 50718, 50730
_BEFORE, _AFTER, _LAST = 51008, 51009, 51022
"""Operations on what is stored, on light, and on what was demosaiced."""

COLOUR_TAGS = (
    *(_UNIQUE_MODEL, 50709, 50721, 50722, 50723, 50724, 50725, 50726, 50727, 50728, 50729),
    *(_EXPOSURE, 50732, 50734, 50778, 50779, 50931, 50932, 50934, 50936, 50937, 50938, 50939),
    *(50940, 50941, 50942, 50964, 50965, 50981, 50982, 51107, 51108, 51109, 51110, 52529, 52530),
    *(52531, 52532, 52533, 52534, 52536, 52537, 52543),
)
"""What a developed or demosaiced copy takes over: names, matrices, profiles, exposure."""

_CFA_PICTURE, _LINEAR_PICTURE = 32803, 34892
_REDUCED = 1
_MOST_PAGES, _MOST_DEPTH = 64, 2
_X_TRANS = (6, 6)


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

    Returns:
        A pattern of 36 letters stands for a sensor of another kind, whose samples are of no use.

    Raises:
        InputError: It has no picture of a sensor, is damaged, too large, or of a kind that is not
            read.
    """
    import tifffile

    check_chain(data, name)
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            first = file.pages[0].aspage()
            page = _picture(first)
            if page is None:
                raise InputError(f"{name} holds no picture of a sensor")
            check_size(page.imagewidth, page.imagelength, name, max_pixels)
            check_segments(page, len(data), name)
            _check_whole(page, len(data))
            tags = {**tags_of(first), **tags_of(page)}
            samples = np.asarray(page.asarray())
            if page.planarconfig == tifffile.PLANARCONFIG.SEPARATE and samples.ndim == 3:
                samples = np.moveaxis(samples, 0, -1)
            dng = {
                tag.code: (int(tag.dtype), tag.value)
                for tag in first.tags
                if tag.code in COLOUR_TAGS and tag.code in tags
            }
        return _raw(samples, tags, dng, name, metadata)
    except (InputError, MemoryError):
        raise
    except Exception as error:  # decoders raise whatever they like on damaged files
        words = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(f"{name} is no camera raw that can be read: {words}") from error


def _picture(first: Any) -> Any:
    """The page with the sensor's samples, the first or one below it."""
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


def _check_whole(page: Any, length: int) -> None:
    """Refuse a file that ends before its samples do: decoders make something up for the rest."""
    ends = (at + count for at, count in zip(page.dataoffsets, page.databytecounts, strict=True))
    if max(ends, default=0) > length:
        raise ValueError("it is cut off")


def _raw(
    samples: NDArray[Any],
    tags: Tags,
    dng: dict[int, tuple[int, Any]],
    name: str,
    metadata: Metadata,
) -> Raw:
    if samples.ndim == 3 and samples.shape[2] == 1:
        samples = samples[:, :, 0]
    is_mosaic = samples.ndim == 2
    if not (is_mosaic or (samples.ndim == 3 and samples.shape[2] == 3)):
        number = samples.shape[2] if samples.ndim == 3 else samples.ndim
        raise InputError(f"{name} has {number} colours a pixel; 1 or 3 are read")
    if int(numbers(tags.get(_CFA_LAYOUT, 1))[0]) != 1:
        raise InputError(f"{name} is of a sensor with staggered rows, which is not read")
    light = in_light(samples, tags, name)
    top, left, bottom, right = active_area(tags, samples.shape[0], samples.shape[1])
    light = np.ascontiguousarray(light[top:bottom, left:right])
    cell = cell_of(tags, name) if is_mosaic else None
    left_out: list[str] = []
    shading = _operated(light, tags, cell, left_out)
    crop = default_crop(tags, light.shape[0], light.shape[1])
    profile = noise_profile(tags)
    pattern = ""
    if cell is not None:
        if _is_quad(cell):
            light, shading = _averaged(light, name), shading and _averaged(shading, name)
            crop = tuple(side // 2 for side in crop)  # type: ignore[assignment]
            profile = profile and profile.scaled(0.25)
            cell = cell[::2, ::2]
            _log.warning("%s: four pixels under each colour filter, averaged: half the size", name)
        pattern = _pattern(cell, name)
    matrix = xyz_to_camera(tags)
    if (numbers(tags.get(_SCALE, (1, 1))) != 1).any():
        left_out.append("pixels that are not square")
    return Raw(
        samples=light,
        shading=shading,
        pattern=pattern,
        crop=crop,
        white_balance=white_balance(tags, matrix, name),
        xyz_to_camera=matrix,
        orientation=known_orientation(tags.get(_ORIENTATION)),
        exposure=float(np.clip(numbers(tags.get(_EXPOSURE, 0))[0], -8.0, 8.0)),
        profile=profile,
        left_out=tuple(left_out),
        camera=_camera(tags),
        metadata=metadata,
        dng=dng,
    )


def _operated(
    light: NDArray[np.float32], tags: Tags, cell: NDArray[np.str_] | None, left_out: list[str]
) -> NDArray[np.float32] | None:
    """Apply gain maps, in place.

    Returns:
        The factors, or none; what is not done is added to ``left_out``.
    """
    shading = None
    for tag in (_BEFORE, _AFTER, _LAST):
        if tag not in tags:
            continue
        try:
            maps, others = read_opcodes(octets(tags[tag]))
        except ValueError as error:
            left_out.append(f"operations that cannot be read ({error})")
            continue
        left_out += others
        if maps and tag == _BEFORE:
            left_out.append("GainMap of what is stored")
            continue
        for one in maps:
            if shading is None:
                shading = np.ones_like(light)
            apply(one, shading, cell if tag == _LAST else None)
    if shading is not None:
        light *= shading
    return shading


def _is_quad(cell: NDArray[np.str_]) -> bool:
    """Whether two by two neighbours have one filter."""
    if cell.shape != (4, 4):
        return False
    return bool((cell[::2, ::2].repeat(2, axis=0).repeat(2, axis=1) == cell).all())


def _averaged(light: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    height, width = (side // 4 * 4 for side in light.shape)
    if not height or not width:
        raise InputError(f"{name} is smaller than a cell of its colour filters")
    cells = light[:height, :width].reshape(height // 2, 2, width // 2, 2)
    mean: NDArray[np.float32] = cells.mean(axis=(1, 3))
    return mean


def _pattern(cell: NDArray[np.str_], name: str) -> str:
    """The Bayer pattern, or the 36 letters of X-Trans."""
    rows, columns = cell.shape
    if rows % 2 == columns % 2 == 0:
        first = cell[:2, :2]
        if (np.tile(first, (rows // 2, columns // 2)) == cell).all():
            cell = first
    pattern = "".join(cell.ravel())
    bayer = cell.shape == (2, 2) and pattern in BAYER
    if not bayer and cell.shape != _X_TRANS:
        raise InputError(f"{name} has its colour filters in an order that is not read: {pattern}")
    return pattern


def _camera(tags: Tags) -> str:
    """Its name."""
    maker, model, unique = (
        str(tags.get(tag, "")).strip() for tag in (_MAKE, _MODEL, _UNIQUE_MODEL)
    )
    if not model:
        return unique or maker
    return model if model.lower().startswith(maker.lower()) else f"{maker} {model}"
