"""One file at a time: read, restore, write."""

import logging
import os
import sys
from collections.abc import Callable
from dataclasses import replace

from rnan.errors import InputError, OptionRef
from rnan.images import Picture, ReadOptions, check_output, write
from rnan.images.compare import side_by_side
from rnan.images.formats.registry import USUAL_ENDING, WRITTEN
from rnan.images.raw import is_raw
from rnan.images.write import check_colours, check_depth, encode, write_whole
from rnan.inference.memory import enough_memory
from rnan.inference.result import Result
from rnan.inference.streaming import Cancel
from rnan.isolation import decode, read
from rnan.options.files import WRITE, WriteOptions
from rnan.options.request import Request
from rnan.pipeline.plan import STREAM, Plan

_log = logging.getLogger(__name__)


def process_file(
    restore: Callable[[Picture], Result],
    plan: Plan,
    request: Request,
    *,
    cancel: Cancel | None = None,
) -> Result:
    """Read one picture, restore it and write it whole, or nothing.

    A picture that comes back as it was, for a file of the same format, is copied, so that no JPEG
    is compressed anew.
    """
    if plan.problem:
        raise InputError(plan.problem)
    check_outputs(plan, request.writing)
    with enough_memory(f"{plan.source}: not enough memory for a picture of this size"):
        picture = read_source(plan, request.reading, cancel)
        if plan.target != STREAM:
            check_colours(picture, WRITTEN[plan.target.suffix.lower()])
        result = restore(picture)
        if result.picture is picture and _may_be_copied(picture, plan, request):
            write_whole(plan.target, plan.source.read_bytes())
            _keep_times(plan)
        else:
            if picture.metadata.left_out:
                parts = ", ".join(picture.metadata.left_out)
                _log.warning("%s: left out of the result: %s", plan.source, parts)
            write_result(result.picture, plan, request.writing)
        if plan.comparison is not None:
            compared = side_by_side(picture, result.picture)
            write(compared, plan.comparison, overwrite=plan.overwrite)
    return replace(
        result, picture=None, size=picture.size, source=str(plan.source), target=str(plan.target)
    )


def check_outputs(plan: Plan, writing: WriteOptions) -> None:
    """Refuse outputs that could not be written, before any work is done for them."""
    for path in plan.outputs:
        if path != STREAM:
            check_output(path, overwrite=plan.overwrite)
            if WRITTEN[path.suffix.lower()] == "DNG" and not is_raw(plan.source):
                raise InputError(f"{path}: only camera raw can be written as DNG")
    if plan.target != STREAM:
        check_depth(writing.bit_depth, WRITTEN[plan.target.suffix.lower()])


def write_result(picture: Picture, plan: Plan, writing: WriteOptions) -> None:
    """Write a result to its file, or to standard output."""
    if plan.target == STREAM:
        _write_to_stream(picture, writing)
    else:
        write(picture, plan.target, overwrite=plan.overwrite, options=writing)
        _keep_times(plan)


def write_bytes(data: bytes, plan: Plan) -> None:
    """Write a file that is whole already, or to standard output."""
    if plan.target != STREAM:
        write_whole(plan.target, data)
        _keep_times(plan)
        return
    _send(data)


def read_source(plan: Plan, options: ReadOptions, cancel: Cancel | None = None) -> Picture:
    """A picture from a file, or from standard input.

    Raises:
        InputError: As :func:`rnan.isolation.read`, or standard input is closed.
        Cancelled: ``cancel`` says so.
    """
    if plan.source == STREAM:
        if sys.stdin is None:
            raise InputError("standard input is closed")
        data = sys.stdin.buffer.read()
        return decode(data, name="standard input", options=options, cancel=cancel)
    return read(plan.source, options, cancel=cancel)


def _keep_times(plan: Plan) -> None:
    """Give a result its input's time of change, where that is asked for."""
    if plan.keep_times and STREAM not in (plan.source, plan.target):
        try:
            times = plan.source.stat()
            os.utime(plan.target, ns=(times.st_atime_ns, times.st_mtime_ns))
        except OSError as error:
            _log.warning("%s: its time could not be set: %s", plan.target, error.strerror)


def _may_be_copied(picture: Picture, plan: Plan, request: Request) -> bool:
    return (
        STREAM not in (plan.source, plan.target)
        and picture.metadata.format == WRITTEN[plan.target.suffix.lower()]
        and replace(request.writing, format=None) == WRITE
        and request.reading.takes_file_as_it_is
    )


def _write_to_stream(picture: Picture, writing: WriteOptions) -> None:
    file_format = writing.format.upper() if writing.format else picture.metadata.format
    if file_format not in USUAL_ENDING:
        ref = OptionRef("format")
        raise InputError("pass ", ref, f" for standard output: {file_format} is not written")
    _send(encode(picture, file_format, writing))


def _send(data: bytes) -> None:
    if sys.stdout is None:
        raise InputError("standard output is closed")
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
