"""Processes that decode: started ahead, used again, ended when a file goes too far."""

from __future__ import annotations

import atexit
import contextlib
import logging
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

import psutil

from rnan.errors import Cancelled, InputError
from rnan.isolation.limits import Limits
from rnan.isolation.transfer import hear, receive
from rnan.isolation.words import BROKEN, DONE, FAILED, NOTICE, PIXELS, Order, too_much_memory

if TYPE_CHECKING:
    pass

AVAILABLE = sys.platform != "win32"
"""Whether there are such processes: they take over open files, as Windows does not."""
_LOOK_EVERY = 0.02
"""Seconds between two looks at what a process takes."""
_AT_A_TIME = max(2, os.cpu_count() or 1)
"""Processes that decode; more would only wait for each other."""
_MOST_FILES = 500
"""After which a process is replaced: decoders lose memory."""
_MOST_KEPT = 300 * 2**20
"""Bytes that a process may hold on to between two files."""
_WALL = 10.0
"""How many times its processor's seconds a file may take where the machine has other work."""


class Cancel(Protocol):
    """Says whether the work shall stop."""

    def is_set(self) -> bool:
        """Whether it shall."""
        ...


class _Refused(Exception):
    """The operation refused the file."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(reason)
        self.reason = reason


class Process:
    """One process that decodes one file at a time."""

    def __init__(self) -> None:
        self._connection, theirs = multiprocessing.Pipe()
        self._owner = os.getpid()
        paths = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            # -P: what lies in the current folder is no program.
            [sys.executable, "-P", "-m", "rnan.isolation.worker", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # decoders write there what they think of a file
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": paths, "MALLOC_ARENA_MAX": "2"},
        )
        theirs.close()
        self._files = 0

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def is_usable(self) -> bool:
        """Whether it can take another file."""
        if self._owner != os.getpid():  # this is a fork of who started it
            return False
        if self._process.poll() is not None or self._files >= _MOST_FILES:
            return False
        return self._resident() <= _MOST_KEPT

    def run(
        self,
        operation: str,
        data: bytes,
        arguments: dict[str, Any],
        *,
        name: str,
        limits: Limits,
        cancel: Cancel | None,
    ) -> Any:
        """What an operation gives for the bytes of a file.

        Raises:
            InputError: As the operation, or the file passes a limit or crashes the decoder.
            Cancelled: ``cancel`` says so.
        """
        self._files += 1
        order = Order(
            operation=operation,
            arguments=arguments,
            name=name,
            memory=limits.memory_for(len(data)),
            seconds=limits.seconds,
            seconds_per_megapixel=limits.seconds_per_megapixel,
        )
        try:
            self._connection.send(order)
            self._connection.send_bytes(data)
            return self._answer(order, limits, cancel)
        except (EOFError, ConnectionError):
            self.end()
            raise InputError(f"{name} is damaged: it crashes its decoder") from None
        except BaseException as error:
            if not isinstance(error, _Refused):
                self.end()
                raise
            raise error.reason from None

    def _answer(self, order: Order, limits: Limits, cancel: Cancel | None) -> Any:
        name, before, used = order.name, self._resident(), self._processor()
        seconds, started = order.seconds, time.monotonic()
        while True:
            if self._connection.poll(_LOOK_EVERY):
                kind, content = hear(self._connection)
                if kind == PIXELS:
                    seconds = max(seconds, limits.seconds_for(content))
                elif kind == NOTICE:
                    where, level, text = content
                    logging.getLogger(where).log(level, "%s", text)
                elif kind == DONE:
                    return receive(self._connection)
                elif kind == FAILED:
                    raise _Refused(receive(self._connection))
                elif kind == BROKEN:
                    raise RuntimeError(receive(self._connection))
                continue
            if cancel is not None and cancel.is_set():
                raise Cancelled("cancelled")
            wall = time.monotonic() - started
            if self._processor() - used > seconds or wall > _WALL * seconds:
                raise InputError(f"{name} took more than {seconds:.0f} s to decode")
            if self._resident() - before > order.memory:
                raise too_much_memory(order)

    def _resident(self) -> int:
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(self._process.pid).memory_info().rss)
        return 0

    def _processor(self) -> float:
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(self._process.pid).cpu_times()
            return float(times.user + times.system)
        return 0.0

    def end(self) -> None:
        """End it at once, whatever it does."""
        self._connection.close()
        if self._owner != os.getpid():
            self._process.returncode = 0  # a fork is not its parent, and cannot wait for it
            return
        self._process.kill()
        self._process.wait()


class Pool:
    """Processes that wait for files, as many as files are decoded at a time.

    Safe to use from several threads; where all are at work, who comes later waits.

    Args:
        most: At a time.
    """

    def __init__(self, most: int = _AT_A_TIME) -> None:
        self._idle: list[Process] = []
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(most)

    def run(
        self,
        operation: str,
        data: bytes,
        arguments: dict[str, Any],
        *,
        cancel: Cancel | None,
        **more: Any,
    ) -> Any:
        """See :meth:`Process.run`."""
        while not self._room.acquire(timeout=_LOOK_EVERY):
            if cancel is not None and cancel.is_set():
                raise Cancelled("cancelled")
        try:
            process = self._take()
            try:
                return process.run(operation, data, arguments, cancel=cancel, **more)
            finally:
                self._give_back(process)
        finally:
            self._room.release()

    def warm(self) -> None:
        """Have one ready, without waiting for it."""
        with self._lock:
            if AVAILABLE and not self._idle:
                self._idle.append(Process())

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()

    def _take(self) -> Process:
        while True:
            with self._lock:
                process = self._idle.pop() if self._idle else None
            if process is None:
                return Process()
            if process.is_usable:
                return process
            process.end()

    def _give_back(self, process: Process) -> None:
        if process.is_usable:
            with self._lock:
                self._idle.append(process)
        else:
            process.end()


POOL = Pool()
atexit.register(POOL.close)
