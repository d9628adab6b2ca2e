"""Running the app until somebody stops it."""

import asyncio
import logging
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from rnan.errors import InputError
from rnan.options.server import ServerOptions
from rnan.server.connections import Watched
from rnan.server.jobs import Jobs

_log = logging.getLogger(__name__)
_LOOK_EVERY = 0.1
"""Seconds between two looks at what is left to do."""


class _Server(uvicorn.Server):
    """Goes on answering until what runs has ended and could be fetched."""

    def __init__(
        self, config: uvicorn.Config, jobs: Jobs, grace: float, say: Callable[[str], None]
    ) -> None:
        super().__init__(config)
        self._jobs, self._grace, self._say = jobs, grace, say

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        await super().startup(sockets)
        self._draining = asyncio.create_task(self._drain())
        for server in self.servers:
            host, port = server.sockets[0].getsockname()[:2]
            self._say(f"http://{f'[{host}]' if ':' in host else host}:{port}/")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal drains, the second one stops what runs, the third waits for nobody."""
        if self._jobs.stopping:
            self.should_exit = self.force_exit = True
            return
        if self._jobs.refusing:
            self._jobs.stop()
            return
        if sig == signal.SIGINT:
            self._grace = 0.0  # who sits before it does not come for results
        self._jobs.refusing = True

    async def _drain(self) -> None:
        jobs = self._jobs
        while not jobs.refusing:
            await asyncio.sleep(_LOOK_EVERY)
        jobs.cancel_waiting()
        if jobs.running:
            _log.warning("finishing %d pictures; once more to stop at once", jobs.running)
        while jobs.running:
            await asyncio.sleep(_LOOK_EVERY)
        # Who waits for a result gets it, if they come for it.
        limit = time.monotonic() + self._grace
        while jobs.unfetched and time.monotonic() < limit and not jobs.stopping:
            await asyncio.sleep(_LOOK_EVERY)
        self.should_exit = True


def serve(options: ServerOptions, app: FastAPI, *, say: Callable[[str], None] = print) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    if options.folder is not None:
        tempfile.tempdir = str(options.folder)  # of uploads too, before they are a job's
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    try:
        listening = socket.create_server((options.host, options.port), family=family)
    except OSError as error:
        app.state.folder.close()
        why = error.strerror or error
        raise InputError(f"cannot listen at {options.host}:{options.port}: {why}") from error
    # Or an answer of two parts waits for the other side's word of the first: 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=int(options.grace),
        limit_concurrency=1000,
        http=Watched,
    )
    server = _Server(config, app.state.jobs, options.grace, say)
    server.run(sockets=[listening])
