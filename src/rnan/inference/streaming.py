"""Many pictures one after the other: in order, in bounded memory, stopped at any time."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal, Protocol

from rnan.errors import Cancelled, ConfigError, RnanError

Errors = Literal["raise", "return"]
"""What becomes of an error: it ends everything, or stands in the picture's place."""


class Cancel(Protocol):
    """What says that the work shall stop; ``threading.Event`` is one."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


class _Either:
    """Set when the caller says so, or when nobody takes results any more."""

    def __init__(self, other: Cancel | None) -> None:
        self._other, self._closed = other, threading.Event()

    def close(self) -> None:
        self._closed.set()

    def is_set(self) -> bool:
        return self._closed.is_set() or (self._other is not None and self._other.is_set())


def streamed(
    work: Callable[[Any, Cancel], Any],
    items: Iterable[Any],
    *,
    workers: int,
    ahead: int,
    errors: Errors,
    cancel: Cancel | None,
) -> Generator[Any, None, None]:
    """Apply ``work`` to items that come one after the other; see ``Restorer.stream``.

    Raises:
        ConfigError: ``workers``, ``ahead`` or ``errors`` cannot be.
    """
    if workers < 1 or ahead < 0:
        raise ConfigError(
            f"workers must be at least 1 and ahead at least 0, got {workers} and {ahead}"
        )
    if errors not in ("raise", "return"):
        raise ConfigError(f"errors must be raise or return, got {errors!r}")
    return _run(work, items, workers + ahead, workers, errors, _Either(cancel))


def _run(
    work: Callable[[Any, Cancel], Any],
    items: Iterable[Any],
    held: int,
    workers: int,
    errors: Errors,
    stop: _Either,
) -> Generator[Any, None, None]:
    pool = ThreadPoolExecutor(workers, thread_name_prefix="rnan-stream")
    waiting: deque[Future[Any]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(work, item, stop))
            del item  # the one that is restored is not held twice
            if len(waiting) == held:
                yield _result(waiting.popleft(), errors)
        while waiting:
            yield _result(waiting.popleft(), errors)
    finally:
        stop.close()
        pool.shutdown(wait=True, cancel_futures=True)


def _result(future: Future[Any], errors: Errors) -> Any:
    try:
        return future.result()
    except RnanError as error:
        if errors == "raise" or isinstance(error, Cancelled):
            raise
        return error
