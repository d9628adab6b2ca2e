"""Training pictures from files: folders, archives, and LQ pictures that belong to them."""

import hashlib
import logging
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnan.degradations.resize import at_half_size
from rnan.errors import ConfigError, InputError, ResourceError, is_full
from rnan.evaluation.datasets import pair, picture_files, read_values, split
from rnan.images import EXTENSIONS, size_of
from rnan.tasks import TASKS, Plane, Task

_log = logging.getLogger(__name__)
_BROKEN = (OSError, EOFError, RuntimeError, tarfile.TarError, zipfile.BadZipFile, zlib.error)
"""What unpacking a damaged or encrypted archive ends in."""

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One decoded picture."""

    name: str
    height: int
    width: int
    channels: int
    half: bool = False
    """Whether it is another one at half its size."""
    sha256: str
    """Hash of its pixels."""
    number: int
    """Place of its file in the list that was decoded."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The pictures of one folder; the 1st, 21st, 41st … is kept for validation."""

    training: list[Path]
    validation: list[Path]
    lq: dict[Path, Path] = field(default_factory=dict)
    """The LQ picture of each, where the folder came with one of those."""


def open_folder(folder: Path, *, only: Path | None = None, lq_folder: Path | None = None) -> Source:
    """The pictures of a folder.

    Raises:
        ConfigError: The text file cannot be read or names none of the pictures.
        InputError: A folder is missing or empty, or a picture has no partner.
    """
    files = picture_files(folder)
    training, validation = split(files)
    if only is not None:
        try:
            names = {line.strip() for line in only.read_text(encoding="utf-8-sig").splitlines()}
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"data.only: {only} cannot be read") from error
        training = [file for file in training if file.stem in names]
        if not training:
            raise ConfigError(f"data.only: {only} names no training picture of {folder}")
    lq = pair(files, lq_folder) if lq_folder is not None else {}
    return Source(training=training, validation=validation, lq=lq)


def open_archive(archive: Path, unpacked: Path) -> Source:
    """The pictures of an archive, unpacked below ``unpacked`` unless they are there already.

    Raises:
        InputError: It is no archive, is damaged, or holds no picture.
        ResourceError: The disk is full.
    """
    # Two archives may have one name.
    place = unpacked / f"{_tag(archive)}-{archive.name}"
    if not place.exists():
        partial = place.with_name(f"{place.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            if zipfile.is_zipfile(archive):
                shutil.unpack_archive(archive, partial, "zip")
            else:
                with tarfile.open(archive) as tar:
                    tar.extractall(partial, filter="data")
        except _BROKEN as error:
            shutil.rmtree(partial, ignore_errors=True)
            if isinstance(error, OSError) and is_full(error):
                raise ResourceError(f"no space left to unpack {archive} in {unpacked}") from error
            raise InputError(f"{archive} cannot be unpacked: {error}") from error
        # As old as the archive, so that unpacked again they are the same pictures.
        moment = archive.stat().st_mtime_ns
        for path in partial.rglob("*"):
            os.utime(path, ns=(moment, moment))
        partial.rename(place)
    files = sorted(
        path
        for path in place.rglob("*")
        if path.suffix.lower() in EXTENSIONS and path.is_file() and not path.name.startswith(".")
    )
    if not files:
        raise InputError(f"{archive} holds no pictures ({', '.join(EXTENSIONS)})")
    training, validation = split(files)
    return Source(training=training, validation=validation)


def _tag(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:8]


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive which can be unpacked."""
    return path.name.lower().endswith(ARCHIVES)


def task_of(plane: Plane) -> Task:
    """A task that takes this of a picture."""
    return next(task for task in TASKS.values() if task.plane == plane)


def decoded(
    files: list[Path],
    plane: Plane,
    *,
    halved: bool = False,
    expand: bool = True,
    first: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[Row, NDArray[np.uint8]]]:
    """Pictures one by one as references, ``(H, W, C)`` uint8.

    A picture that cannot be read is left out, with a warning.
    """
    task = task_of(plane)
    for number in range(first, len(files)):
        file = files[number]
        try:
            pixels = _as_eight_bit(file, task, expand=expand)
        except InputError as error:
            _log.warning("left out: %s", error)
            continue
        yield _row(file.name, number, pixels), pixels
        if halved and min(pixels.shape[:2]) >= 2:
            half = np.ascontiguousarray(at_half_size(pixels))
            yield _row(f"half of {file.name}", number, half, half=True), half
        if progress is not None:
            progress(number + 1, len(files))


def _as_eight_bit(file: Path, task: Task, *, expand: bool) -> NDArray[np.uint8]:
    pixels = task.reference(read_values(file)).astype(np.uint8)
    if expand and pixels.shape[2] == 1 and task.channels == 3:
        pixels = np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels)


def _row(name: str, number: int, pixels: NDArray[np.uint8], *, half: bool = False) -> Row:
    height, width, channels = pixels.shape
    return Row(
        name=name,
        height=height,
        width=width,
        channels=channels,
        half=half,
        sha256=hashlib.sha256(pixels.data).hexdigest(),
        number=number,
    )


def decoded_size(file: Path, task: Task) -> int:
    """Bytes of the decoded picture, from its header alone."""
    size = size_of(file)  # where there is none, reading says why
    return size[0] * size[1] * task.channels if size else 0


def lq_pixels(file: Path, gt: NDArray[np.uint8], task: Task, scale: int) -> NDArray[np.uint8]:
    """The LQ picture of a reference: ``(H, W, C)`` uint8.

    Raises:
        InputError: It is not ``scale`` times smaller than its reference.
    """
    pixels = _as_eight_bit(file, task, expand=True)
    expected = (gt.shape[0] // scale, gt.shape[1] // scale)
    if pixels.shape[:2] != expected:
        raise InputError(
            f"{file} is {pixels.shape[1]}x{pixels.shape[0]}, its reference asks for "
            f"{expected[1]}x{expected[0]}"
        )
    return pixels


def check_pairs(task: Task, scales: tuple[int, ...], *, one_level: bool) -> None:
    """Refuse pairs where they could not be learnt from."""
    if len(scales) > 1:
        raise ConfigError("LQ pictures have one scale; set level.at, for example level.at=x2")
    task.check_pairs(one_level=one_level)
