"""Reading as :mod:`rnan.images` does it, in another process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnan import images
from rnan.images.formats import OURS
from rnan.images.formats.registry import FORMATS
from rnan.images.picture import Picture
from rnan.images.raw import Raw, decode_raw
from rnan.images.read import as_picture_file, read_bytes, size_in
from rnan.isolation import pool
from rnan.isolation.limits import LIMITS, Limits
from rnan.isolation.pool import POOL, Cancel
from rnan.options.files import MAX_PIXELS, READ, ReadOptions


def read(
    path: str | Path,
    options: ReadOptions = READ,
    *,
    limits: Limits = LIMITS,
    cancel: Cancel | None = None,
) -> Picture:
    """Read a picture from a file.

    Args:
        path: The file.
        options: How.
        limits: What it may take.
        cancel: Asked again and again whether to stop.

    Raises:
        InputError: As :func:`rnan.images.read`, or it takes too long or too much memory.
        Cancelled: ``cancel`` says so.
    """
    path = as_picture_file(path)
    data = read_bytes(path)
    return decode(data, name=str(path), options=options, limits=limits, cancel=cancel)


def decode(
    data: bytes,
    *,
    name: str = "the picture",
    options: ReadOptions = READ,
    limits: Limits = LIMITS,
    cancel: Cancel | None = None,
) -> Picture:
    """Read a picture from the bytes of a file; see :func:`read`.

    A format that this process alone knows (:func:`rnan.images.formats.registry.register`) is
    decoded here; so is all on Windows, within no limits.
    """
    foreign = any(one.recognises(data) for one in FORMATS.values() if OURS.get(one.name) is not one)
    if foreign or not pool.AVAILABLE:
        return images.decode(data, name=name, options=options)
    given = {"name": name, "options": options}
    picture: Picture = POOL.run("decode", data, given, name=name, limits=limits, cancel=cancel)
    return picture


def read_raw(
    path: Path,
    *,
    max_pixels: int = MAX_PIXELS,
    limits: Limits = LIMITS,
    cancel: Cancel | None = None,
) -> Raw:
    """Read camera raw, as :func:`rnan.images.raw.read_raw`; see :func:`read`."""
    given: dict[str, Any] = {"name": str(path), "max_pixels": max_pixels}
    data = read_bytes(path)
    if not pool.AVAILABLE:
        return decode_raw(data, **given)
    raw: Raw = POOL.run("decode_raw", data, given, name=str(path), limits=limits, cancel=cancel)
    return raw


def size_of(path: Path, *, limits: Limits = LIMITS) -> tuple[int, int] | None:
    """Height and width from the header alone; ``None`` where it cannot be read."""
    if not pool.AVAILABLE:
        return size_in(read_bytes(path))
    found: tuple[int, int] | None = POOL.run(
        "size", read_bytes(path), {}, name=str(path), limits=limits, cancel=None
    )
    return found
