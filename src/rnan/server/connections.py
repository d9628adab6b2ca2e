"""Connections that say nothing, or hardly anything, are closed: they keep others out."""

import asyncio
import contextlib
import sys
import time
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if sys.platform != "win32":
    import fcntl
    import termios

SILENT = 15.0
"""Seconds for the head of a first request."""
_STALLED = 30.0
"""Seconds after which a body that does not grow is given up, or an answer that nobody takes."""
_LEAST = 1000
"""Bytes a second that a body has to grow by, on the whole."""
_LOOK_EVERY = 1.0


class Watched(H11Protocol):
    """Uvicorn's protocol with limits for a client that is slow on purpose."""

    silent, stalled, least = SILENT, _STALLED, _LEAST

    def connection_made(self, transport: Any) -> None:
        """A client is there."""
        super().connection_made(transport)
        self._since = self._heard = self._took = time.monotonic()
        self._bytes = self._waiting = 0
        self._looking = self.loop.call_later(_LOOK_EVERY, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._looking.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """It says something."""
        self._heard = time.monotonic()
        if not self._bytes:
            self._since = self._heard
        self._bytes += len(data)
        super().data_received(data)

    def on_response_complete(self) -> None:
        """It has its answer; uvicorn counts the time until its next request begins."""
        self._bytes = 0
        super().on_response_complete()

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        if self._is_late(time.monotonic()):
            self.transport.abort()
        else:
            self._looking = self.loop.call_later(_LOOK_EVERY, self._look)

    def _on_its_way(self) -> int:
        """Bytes that the system has and the other side has not, where it says so."""
        with contextlib.suppress(Exception):
            number = self.transport.get_extra_info("socket").fileno()
            return int.from_bytes(fcntl.ioctl(number, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        return 0

    def _is_late(self, now: float) -> bool:
        waiting = self.transport.get_write_buffer_size() + self._on_its_way()
        if waiting != self._waiting or not waiting:
            self._waiting, self._took = waiting, now
        if now - self._took > self.stalled:  # it takes nothing of its answer
            return True
        cycle: Any = self.cycle  # none before the first request
        if cycle is None or cycle.response_complete:
            begun = cycle is None or self._bytes > 0
            return begun and now - self._since > self.silent
        if not cycle.more_body or self.flow.read_paused:
            return False
        elapsed = now - self._since
        slow = elapsed > self.stalled and self._bytes < self.least * elapsed
        return slow or now - self._heard > self.stalled


def protocol(**limits: float) -> type[asyncio.Protocol]:
    """The protocol, with other limits for a test."""
    return type("Watched", (Watched,), limits)
