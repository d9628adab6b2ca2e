"""One file at a time: read, restore, write."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rnan.errors import InputError
from rnan.images import Picture, ReadOptions, WriteOptions, check_output, decode, read, write
from rnan.images.compare import side_by_side
from rnan.images.options import READ, WRITE
from rnan.images.write import ENDINGS, FORMATS, check_colours, check_depth, encode, write_whole
from rnan.inference.conditions import LevelLike
from rnan.inference.inspection import what_else_would_help
from rnan.inference.memory import enough_memory
from rnan.inference.plan import STREAM, Job
from rnan.inference.restorer import Restorer
from rnan.inference.streaming import Cancel
from rnan.inference.tiled import Progress
from rnan.tasks import restoration_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was done for one picture."""

    job: Job
    size: tuple[int, int]
    """Height and width of the input."""
    level: LevelLike
    estimated: bool


@dataclass(frozen=True, kw_only=True)
class FileOptions:
    """How files are read and written."""

    reading: ReadOptions = READ
    writing: WriteOptions = WRITE
    overwrite: bool = False
    """Replace outputs that exist."""
    keep_times: bool = False
    """Results get their inputs' time of change."""
    stream_format: str | None = None
    """Of what goes to standard output; by default the input's."""


def restore_file(
    choose: Callable[[Picture], Restorer],
    job: Job,
    *,
    level: LevelLike = "auto",
    sigma: float = 0.0,
    options: FileOptions | None = None,
    before: Callable[[Picture, Restorer], None] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Done:
    """Read, restore and write one picture; nothing is left of a failed attempt.

    Args:
        choose: The restorer for a picture.
        job: Where it is and where it goes.
        level: See :class:`~rnan.inference.Restorer`, as ``sigma``, ``progress`` and ``cancel``.
        sigma: Beside a Bayer pattern.
        options: How the files are read and written.
        before: Called once the picture is read.
        progress: Called after each tile.
        cancel: Looked at before each tile.

    Raises:
        RnanError: Whatever goes wrong, in one line.
    """
    taken = level
    estimated = False

    def transform(picture: Picture) -> Picture:
        nonlocal taken, estimated
        restorer = choose(picture)
        if before is not None:
            before(picture, restorer)
        estimated = isinstance(level, str) and level == "auto" and restorer.estimates
        if estimated:
            taken = restorer.estimate(picture)
            if said := what_else_would_help(picture, restoration_of(restorer.task), taken):
                _log.warning("%s: %s", job.source, said)
        restored: Picture = restorer(
            picture, level=taken, sigma=sigma, progress=progress, cancel=cancel
        )
        return restored

    size = process_file(transform, job, options)
    return Done(job=job, size=size, level=taken, estimated=estimated)


def process_file(
    transform: Callable[[Picture], Picture], job: Job, options: FileOptions | None = None
) -> tuple[int, int]:
    """Read one picture, do something to it and write it whole, or nothing.

    What comes back as it is, for a file of the same format, is copied, so that no JPEG is
    compressed anew.

    Returns:
        Height and width of the input.

    Raises:
        RnanError: Whatever goes wrong, in one line.
    """
    options = options or FileOptions()
    if job.problem:
        raise InputError(job.problem)
    check_outputs(job, options)
    with enough_memory(otherwise=f"{job.source}: not enough memory for a picture of this size"):
        picture = read_source(job.source, options.reading)
        if job.target != STREAM:
            check_colours(picture, FORMATS[job.target.suffix.lower()])
        result = transform(picture)
        if result is picture and _may_be_copied(picture, job, options):
            write_whole(job.target, job.source.read_bytes())
            keep_times(job, options)
        else:
            if picture.metadata.left_out:
                parts = ", ".join(picture.metadata.left_out)
                _log.warning("%s: left out of the result: %s", job.source, parts)
            write_result(result, job, options)
        if job.comparison is not None:
            write(side_by_side(picture, result), job.comparison, overwrite=options.overwrite)
    return picture.size


def check_outputs(job: Job, options: FileOptions) -> None:
    """Refuse outputs that could not be written, before any work is done for them.

    Raises:
        InputError: As :func:`rnan.images.write`.
    """
    for path in job.outputs:
        if path != STREAM:
            check_output(path, overwrite=options.overwrite)
    if job.target != STREAM:
        check_depth(options.writing.bit_depth, FORMATS[job.target.suffix.lower()])


def write_result(picture: Picture, job: Job, options: FileOptions) -> None:
    """Write a result to its file, or to standard output.

    Raises:
        RnanError: It cannot be written.
    """
    if job.target == STREAM:
        _write_to_stream(picture, options)
    else:
        write(picture, job.target, overwrite=options.overwrite, options=options.writing)
        keep_times(job, options)


def keep_times(job: Job, options: FileOptions) -> None:
    """Give a result its input's time of change, where that is asked for."""
    if options.keep_times and STREAM not in (job.source, job.target):
        try:
            times = job.source.stat()
            os.utime(job.target, ns=(times.st_atime_ns, times.st_mtime_ns))
        except OSError as error:
            _log.warning("%s: its time could not be set: %s", job.target, error.strerror)


def _may_be_copied(picture: Picture, job: Job, options: FileOptions) -> bool:
    return (
        STREAM not in (job.source, job.target)
        and picture.metadata.format == FORMATS[job.target.suffix.lower()]
        and options.writing == WRITE
        and options.reading.takes_it_as_it_is
    )


def read_source(source: Path, options: ReadOptions) -> Picture:
    """A picture from a file, or from standard input.

    Raises:
        InputError: As :func:`rnan.images.read`, or standard input is closed.
    """
    if source == STREAM:
        if sys.stdin is None:
            raise InputError("standard input is closed")
        return decode(sys.stdin.buffer.read(), name="standard input", options=options)
    return read(source, options)


def _write_to_stream(picture: Picture, options: FileOptions) -> None:
    file_format = options.stream_format or picture.metadata.format
    if file_format not in ENDINGS:
        raise InputError(f"pass --format for standard output: {file_format} is not written")
    if sys.stdout is None:
        raise InputError("standard output is closed")
    sys.stdout.buffer.write(encode(picture, file_format, options.writing))
    sys.stdout.buffer.flush()
