"""The process that decodes: ``python -m rnan.isolation.worker FILE_DESCRIPTOR``."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import psutil
from PIL import Image

from rnan.errors import InputError, ResourceError, RnanError
from rnan.images import limits
from rnan.images.read import decode, size_in
from rnan.isolation.transfer import say, send
from rnan.isolation.words import BROKEN, DONE, FAILED, NOTICE, PIXELS, READY, Order, too_much_memory

if sys.platform != "win32":  # where it is never started
    import resource


def _decode_raw(data: bytes, **given: Any) -> Any:
    from rnan.images.raw import decode_raw  # which few need

    return decode_raw(data, **given)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "decode": decode,
    "decode_raw": _decode_raw,
    "size": size_in,
}
"""What can be asked for; each takes the bytes of a file first."""

_SLACK = 2**30
"""Addresses beyond the memory allowed: threads reserve them and use next to none."""
_OPEN_FILES = 64
_LATE = 5.0
"""Seconds after which the system ends what the watcher should have ended."""
_BYTES_PER_PIXEL = 4
"""The least that decoding takes."""


class _Notices(logging.Handler):
    """Sends what is logged to the other end."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(logging.INFO)
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        say(self._connection, NOTICE, [record.name, record.levelno, record.getMessage()])


def serve(connection: Connection) -> None:
    """Do what is asked for until nobody is at the other end."""
    say(connection, READY)
    logging.getLogger().addHandler(_Notices(connection))
    logging.getLogger().setLevel(logging.INFO)
    while True:
        try:
            order: Order = connection.recv()
            data = connection.recv_bytes()
        except (EOFError, OSError):
            return
        answer = _answer(order, data, connection)
        del data
        try:
            say(connection, answer[0])
            send(connection, answer[1], os.getppid())
        except OSError:
            return


def _answer(order: Order, data: bytes, connection: Connection) -> tuple[str, Any]:
    def watch(pixels: int) -> None:
        needed = _BYTES_PER_PIXEL * pixels
        if needed > order.memory:
            raise InputError(
                f"{order.name} claims {pixels / 1e6:.4g} million pixels, for which "
                f"{order.memory / 2**20:.0f} MiB of memory do not do"
            )
        _limit_processor(order.seconds + order.seconds_per_megapixel * pixels / 1e6)
        say(connection, PIXELS, pixels)

    limits.watch_sizes(watch)
    try:
        _limit_memory(order.memory)
        _limit_processor(order.seconds)
        return DONE, OPERATIONS[order.operation](data, **order.arguments)
    except (MemoryError, ResourceError):
        return FAILED, too_much_memory(order)
    except RnanError as error:
        return FAILED, error
    except Exception:
        return BROKEN, traceback.format_exc()
    finally:
        _limit_memory(None)


def _limit_memory(allowed: int | None) -> None:
    """Bytes beyond what the process has; no limit for the time between two files."""
    if sys.platform == "win32":
        return
    most = resource.RLIM_INFINITY
    if allowed is not None:
        most = psutil.Process().memory_info().vms + allowed + _SLACK
    with contextlib.suppress(ValueError, OSError):  # macOS knows none
        _limit(resource.RLIMIT_AS, most)


def _limit_processor(seconds: float) -> None:
    """The system's own limit, for the case that nobody watches any more."""
    if sys.platform == "win32":
        return
    used = sum(psutil.Process().cpu_times()[:2])
    _limit(resource.RLIMIT_CPU, int(used + seconds + _LATE) + 1)


def _limit(which: int, most: int) -> None:
    """Set a limit, within what this process may take at most."""
    if sys.platform == "win32":
        return
    hard = resource.getrlimit(which)[1]
    no_limit = resource.RLIM_INFINITY
    if hard != no_limit and (most == no_limit or most > hard):
        most = hard
    resource.setrlimit(which, (most, hard))


def main() -> None:
    """Start with what the command line says."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asked
    if sys.platform != "win32":
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    Image.MAX_IMAGE_PIXELS = None  # the limits are ours
    serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
