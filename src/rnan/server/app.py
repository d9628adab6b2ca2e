"""The app: page, API, and what stands before both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rnan import __version__
from rnan.engines.choose import check_options
from rnan.options.server import ServerOptions
from rnan.pipeline.scratch import Scratch
from rnan.runtimes.threads import limit_threads, threads
from rnan.server import problems, routes
from rnan.server.guard import Guard
from rnan.server.jobs import Jobs
from rnan.server.metrics import Metrics
from rnan.server.site import AT, site_of
from rnan.server.studio import Studio

_FORGET_EVERY = 60.0
"""Seconds between two looks for what is to be forgotten, at most."""
_UPLOADS = {
    "/api/v1/jobs": True,
    "/api/v1/restore": True,
    "/api/v1/inspect": False,
    "/api/v1/preview": False,
}
"""Routes that take pictures, and whether they restore them."""


def create_app(options: ServerOptions | None = None) -> FastAPI:
    """The app that ``rnan serve`` runs.

    Returns:
        An ASGI app; ``app.state.jobs`` are its :class:`~rnan.server.jobs.Jobs`.

    Raises:
        ConfigError: What holds for all requests cannot be: a device, for example.
    """
    options = options or ServerOptions()
    check_options(options.restoring)
    folder = Scratch("serve", options.folder)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        limit_threads(threads() // options.workers)
        forgetting = asyncio.create_task(
            _forgetting(jobs, min(60.0 * options.keep_minutes, _FORGET_EVERY))
        )
        try:
            yield
        finally:
            forgetting.cancel()
            jobs.close()
            folder.close()

    jobs = Jobs(
        folder.path,
        workers=options.workers,
        queue=options.queue,
        seconds=60.0 * options.max_minutes,
        keep=60.0 * options.keep_minutes,
    )
    app = FastAPI(
        title="rnan",
        version=__version__,
        summary="Restore pictures: denoise, repair JPEG, demosaic, enlarge.",
        lifespan=lifespan,
        docs_url=None,  # these pages load scripts from other hosts
        redoc_url=None,
    )
    app.state.jobs, app.state.folder = jobs, folder
    metrics = Metrics(jobs)
    problems.install(app)
    app.include_router(routes.router(options, jobs, Studio(options)))
    app.include_router(routes.about_the_server(jobs, metrics))
    app.add_middleware(_Gate, jobs=jobs, options=options)
    app.add_middleware(Guard, options=options)
    app.add_middleware(_as_get)
    app.add_middleware(metrics.watching)
    if options.site is not None:
        app.mount(AT, site_of(options.site))
    page = Path(str(resources.files("rnan.server").joinpath("page")))
    # Not mounted: a mount takes other methods of the API's paths, too, and says 404 of them.
    app.router.default = StaticFiles(directory=page, html=True)
    return app


async def _forgetting(jobs: Jobs, seconds: float) -> None:
    """Files go when their time has come, whether somebody asks or not."""
    while True:
        await asyncio.sleep(seconds)
        await run_in_threadpool(jobs.forget_old)


def _as_get(app: ASGIApp) -> ASGIApp:
    """What answers GET answers HEAD, without the body."""

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await app(scope, receive, send)
            return

        async def head(message: Message) -> None:
            await send({**message, "body": b""} if "body" in message else message)

        await app({**scope, "method": "GET", routes.ASKED_BY_HEAD: True}, receive, head)

    return answered


class _Gate:
    """Refuses pictures before they are sent, where they would be refused after."""

    def __init__(self, app: ASGIApp, jobs: Jobs, options: ServerOptions) -> None:
        self._app, self._jobs, self._options = app, jobs, options
        self._too_large = f"the file is larger than {options.max_upload / 2**20:g} MiB"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        try:
            if length.isdigit() and int(length) > self._options.max_body:
                raise problems.Problem(413, self._too_large)
            if scope["path"] in _UPLOADS:
                self._jobs.check_room(restored=_UPLOADS[scope["path"]])
        except problems.Problem as error:
            refusal = problems.response(error.status, error.detail, error.headers)
            await refusal(scope, receive, send)
            return
        await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        """A body that does not say its length, or says a wrong one, ends at the limit too."""
        total = 0

        async def counting() -> Message:
            nonlocal total
            message = await receive()
            total += len(message.get("body", b""))
            if total > self._options.max_body:
                raise HTTPException(413, self._too_large)
            return message

        return counting
