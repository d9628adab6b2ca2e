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
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

import psutil

import rnan
from rnan.errors import Cancelled, InputError, ResourceError, RnanError
from rnan.isolation.limits import Limits
from rnan.isolation.transfer import hear, receive
from rnan.isolation.words import BROKEN, DONE, FAILED, NOTICE, PIXELS, READY, Order, too_much_memory
from rnan.options.files import MAX_PIXELS

if sys.platform != "win32":
    import fcntl

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
_START = 60.0
"""Seconds within which a process has to be there."""
_FIRST_FREE = 3
"""The least number of a file of ours: those below are the program's own."""
_PATHS = [
    str(Path(rnan.__file__).absolute().parent.parent),
    *(str(Path(path).absolute()) for path in sys.path),
]
"""Where the program is found, whatever folder is the current one later."""


class Cancel(Protocol):
    """Says whether the work shall stop."""

    def is_set(self) -> bool:
        """Whether it shall."""
        ...


class Process:
    """One process that decodes one file at a time.

    Raises:
        ResourceError: None can be started.
    """

    def __init__(self) -> None:
        self._owner, self._files, self._is_ready = os.getpid(), 0, False
        try:
            ours, theirs = (_apart(end) for end in multiprocessing.Pipe())
            with theirs:
                self._connection = ours
                self._process = subprocess.Popen(
                    # -P: what lies in the current folder is no program.
                    [sys.executable, "-P", "-m", "rnan.isolation.worker", str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # decoders write there what they think of a file
                    pass_fds=[theirs.fileno()],
                    process_group=0,  # Ctrl-C is for who asked
                    env={
                        **os.environ,
                        "PYTHONPATH": os.pathsep.join(_PATHS),
                        "MALLOC_ARENA_MAX": "2",
                    },
                )
        except (OSError, TypeError) as error:
            raise _not_started(str(error)) from error

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def is_usable(self) -> bool:
        """Whether it can take another file."""
        if self._process.poll() is not None or self._files >= _MOST_FILES:
            return False
        return self.resident() <= _MOST_KEPT

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
            ResourceError: The process did not start.
            Cancelled: ``cancel`` says so.
        """
        self._wait_until_ready()
        self._files += 1
        order = Order(
            operation=operation,
            arguments=arguments,
            name=name,
            memory=limits.memory_for(len(data)),
            seconds=limits.seconds,
            seconds_per_megapixel=limits.seconds_per_megapixel,
        )
        watch = _Watch(self, order, cancel)
        with watch:
            try:
                self._connection.send(order)
                self._connection.send_bytes(data)
                kind, answer = self._answer(order, watch)
            except BaseException as error:
                self.end()
                if watch.reason is not None:
                    raise watch.reason from None
                if isinstance(error, Exception) and not isinstance(error, RuntimeError):
                    raise InputError(f"{name} is damaged: it crashes its decoder") from error
                raise
        if kind == FAILED:
            raise answer
        return answer

    def _answer(self, order: Order, watch: _Watch) -> tuple[str, Any]:
        while True:
            kind, content = hear(self._connection)
            if kind == PIXELS:
                watch.allow(min(int(content), MAX_PIXELS))
            elif kind == NOTICE:
                where, level, text = content
                logging.getLogger(where).log(level, "%s", text)
            elif kind in (DONE, FAILED, BROKEN):
                answer = receive(self._connection, max(order.memory, 2**20))
                if kind == BROKEN:
                    raise RuntimeError(answer)
                if (kind == FAILED) != isinstance(answer, RnanError):
                    raise ValueError(kind)
                return kind, answer

    def _wait_until_ready(self) -> None:
        if self._is_ready:
            return
        try:
            if not self._connection.poll(_START):
                raise TimeoutError(f"nothing within {_START:.0f} s")
            self._is_ready = hear(self._connection)[0] == READY
        except (OSError, EOFError) as error:
            self.end()
            raise _not_started(str(error) or "it ended at once") from error

    def resident(self) -> int:
        """Bytes of memory that it holds."""
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(self.pid).memory_info().rss)
        return 0

    def processor(self) -> float:
        """Seconds of the processor that it took."""
        with contextlib.suppress(psutil.Error):
            times = psutil.Process(self.pid).cpu_times()
            return float(times.user + times.system)
        return 0.0

    def kill(self) -> None:
        """End it at once, whatever it does."""
        self._process.kill()

    def end(self) -> None:
        """End it, and forget it."""
        self._connection.close()
        if self._owner != os.getpid():
            self._process.returncode = 0  # a fork is not its parent, and cannot wait for it
            return
        self.kill()
        self._process.wait()


class _Watch:
    """Looks at what a process takes for a file, and ends it where that is too much.

    In a thread of its own, since whatever comes from the process may keep the other end waiting.
    """

    def __init__(self, process: Process, order: Order, cancel: Cancel | None) -> None:
        self._process, self._order, self._cancel = process, order, cancel
        self._seconds = order.seconds
        self._used, self._held = process.processor(), process.resident()
        self._started = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="decoding", daemon=True)
        self.reason: RnanError | None = None
        """Why the process was ended."""

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def allow(self, pixels: int) -> None:
        """More time, for a picture of so many pixels."""
        more = self._order.seconds_per_megapixel * pixels / 1e6
        self._seconds = max(self._seconds, self._order.seconds + more)

    def _look(self) -> None:
        while not self._over.wait(_LOOK_EVERY):
            self.reason = self._wrong()
            if self.reason is not None:
                self._process.kill()
                return

    def _wrong(self) -> RnanError | None:
        if self._cancel is not None and self._cancel.is_set():
            return Cancelled("cancelled")
        seconds, name = self._seconds, self._order.name
        wall = time.monotonic() - self._started
        if self._process.processor() - self._used > seconds or wall > _WALL * seconds:
            return InputError(f"{name} took more than {seconds:.0f} s to decode")
        if self._process.resident() - self._held > self._order.memory:
            return too_much_memory(self._order)
        return None


class Pool:
    """Processes that wait for files, as many as files are decoded at a time.

    Safe to use from several threads; where all are at work, who comes later waits.

    Args:
        most: At a time.
    """

    def __init__(self, most: int = _AT_A_TIME) -> None:
        self._most = most
        self._begin()
        if AVAILABLE:
            os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """With nothing; in a fork too, which has neither the processes nor who held the locks."""
        self._idle: list[Process] = []
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(self._most)

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
        room = self._room
        while not room.acquire(timeout=_LOOK_EVERY):
            if cancel is not None and cancel.is_set():
                raise Cancelled("cancelled")
        try:
            process = self._take()
            try:
                return process.run(operation, data, arguments, cancel=cancel, **more)
            finally:
                self._give_back(process)
        finally:
            room.release()

    def warm(self) -> None:
        """Have one ready, without waiting for it."""
        with self._lock, contextlib.suppress(ResourceError):  # who needs it says so
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


def _apart(end: Connection) -> Connection:
    """The same connection, away from the numbers of standard input and output."""
    with end:
        return Connection(fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE))


def _not_started(why: str) -> ResourceError:
    return ResourceError(f"no process to decode pictures could be started: {why}")


POOL = Pool()
atexit.register(POOL.close)
