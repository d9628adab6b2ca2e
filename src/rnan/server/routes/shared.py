"""What the routes share: the parts of a server, uploads, a job in words, and its files."""

import mimetypes
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from fastapi import Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask
from starlette.types import Receive, Scope, Send

from rnan.options.request import Request as RestoreRequest
from rnan.options.server import ServerOptions
from rnan.server.forms import asked, name_of
from rnan.server.jobs import DONE, FAILED, Job, Jobs
from rnan.server.problems import MEDIA_TYPE, Problem
from rnan.server.studio import Studio

P = ParamSpec("P")
T = TypeVar("T")

_AT_A_TIME = 16
"""Pictures of one client that are looked at, or wait for that."""

ASKED_BY_HEAD = "rnan.asked_by_head"
"""In the scope of a request whose answer is not sent."""

LOOK_EVERY = 0.2
"""Seconds between two looks at a job that somebody waits for."""

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": meaning, "content": {MEDIA_TYPE: {}}}
    for status, meaning in (
        (400, "no request that can be read"),
        (401, "a token is needed"),
        (403, "from a page of another host"),
        (404, "no such job"),
        (409, "not in this state"),
        (413, "too many bytes"),
        (421, "another host's name"),
        (422, "no picture that can be read, too many pixels, or an option that cannot be"),
        (429, "too many wait"),
        (500, "an error in the server"),
        (501, "a package is not installed"),
        (503, "being stopped, or it took too long"),
        (507, "not enough memory or disk"),
    )
}


class Parts:
    """The parts of a server that answer requests."""

    def __init__(self, options: ServerOptions, jobs: Jobs, studio: Studio) -> None:
        self.options, self.jobs, self.studio = options, jobs, studio
        self.asked = asked(RestoreRequest(restoring=options.restoring))
        # Pictures that are decoded beside those at work; each may take as much memory.
        self.room = CapacityLimiter(options.workers)
        self._looking = CapacityLimiter(options.workers)
        self._looked_at: Counter[str] = Counter()

    @asynccontextmanager
    async def turn(self, client: Request) -> AsyncIterator[None]:
        """Wait until a picture of a client may be looked at.

        Raises:
            Problem: Too many of the same client's wait (429), or it went away (409).
        """
        host = client.client.host if client.client else ""
        if self._looked_at[host] >= _AT_A_TIME:
            raise Problem(
                429, f"{_AT_A_TIME} of your pictures are being looked at", retry_after="1"
            )
        self._looked_at[host] += 1
        try:
            async with self._looking:
                if await client.is_disconnected():
                    raise Problem(409, "the client has gone")
                yield
        finally:
            self._looked_at[host] -= 1
            self._looked_at += Counter()  # without those that have none

    async def in_thread(self, function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Decode or encode a picture beside those at work."""
        return await to_thread.run_sync(partial(function, *given, **named), limiter=self.room)

    async def uploaded(self, picture: UploadFile, *, restored: bool = True) -> Job:
        """A job for an upload, whose file is kept."""
        job = self.jobs.new(name_of(picture), restored=restored)

        def keep() -> None:
            with self.studio.source(job).open("wb") as file:
                shutil.copyfileobj(picture.file, file, 2**20)

        try:
            await run_in_threadpool(keep)
        except BaseException:
            self.jobs.forget(job)
            raise
        return job


def status(job: Job) -> dict[str, Any]:
    """A job for its client."""
    done, total = job.tiles
    here = f"/api/v1/jobs/{job.id}"
    return {
        "id": job.id,
        "name": job.name,
        "state": job.state,
        "tiles": {"done": done, "total": total},
        "seconds_left": job.seconds_left,
        "said": job.description,
        "problem": job.problem,
        "result_name": result_name(job) if job.state == DONE else None,
        "links": {"self": here, "events": f"{here}/events", "result": f"{here}/result"},
    }


def result_name(job: Job) -> str:
    """What the result is called: as the picture, with its own ending."""
    assert job.result is not None
    return f"{Path(job.name).stem}{job.result.suffix}"


def done(job: Job) -> Job:
    """The job, if it is done."""
    if job.state == DONE and job.result is not None:
        return job
    raise reason(job)


def reason(job: Job) -> Problem:
    """Why there is no result."""
    if job.state == FAILED and job.problem is not None:
        problem = job.problem
        return Problem(problem["status"], problem["detail"], remedy=problem.get("remedy", {}))
    return Problem(409, f"the job is {job.state}", retry_after="1")


def fetched(request: Request, jobs: list[Job]) -> BackgroundTask | None:
    """To be run when the whole answer was sent: the server need not wait for them any more."""

    async def remember() -> None:
        for job in jobs:
            job.fetched = True

    is_part = ASKED_BY_HEAD in request.scope or "range" in request.headers
    return None if is_part else BackgroundTask(remember)


class HeldFile(FileResponse):
    """The result of a job, which stays until it is sent, whoever removes the job."""

    def __init__(self, jobs: Jobs, job: Job, **more: Any) -> None:
        assert job.result is not None
        super().__init__(job.result, **more)
        self._jobs, self._job = jobs, job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        with self._jobs.held(self._job):
            await super().__call__(scope, receive, send)


def media_type(path: Path) -> str:
    """The media type of a file."""
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def disposition(name: str) -> str:
    """A header that lets a browser save an answer under a name."""
    plain = "".join(sign if sign.isascii() and sign not in '"\\' else "_" for sign in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
