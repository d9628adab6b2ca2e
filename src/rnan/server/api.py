"""The routes below ``/api/v1``, and those about the server itself.

Annotations are evaluated here: FastAPI reads them, and some name what stands in a function only.
"""

import asyncio
import json
import mimetypes
import shutil
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Annotated, Any, ParamSpec, TypeVar
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Form, Query, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field
from starlette.background import BackgroundTask

from rnan.images import ReadOptions
from rnan.option_table import LEVELS
from rnan.server.examples import EXAMPLES, example
from rnan.server.forms import Asked, ShortForms, Upload, asked, fields, name_of
from rnan.server.jobs import DONE, ENDED, FAILED, Job, Jobs
from rnan.server.metrics import Metrics
from rnan.server.problems import MEDIA_TYPE, Problem
from rnan.server.settings import ServerOptions
from rnan.server.studio import Studio
from rnan.weights import registry

P = ParamSpec("P")
T = TypeVar("T")

ASKED_BY_HEAD = "rnan.asked_by_head"
"""In the scope of a request whose answer is not sent."""

_LOOK_EVERY = 0.2
"""Seconds between two looks at a job whose progress is sent."""

_SAY_SOMETHING_EVERY = 15.0
"""Seconds after which a connection gets a sign of life."""

_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"description": told, "content": {MEDIA_TYPE: {}}}
    for status, told in (
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


def router(options: ServerOptions, jobs: Jobs, studio: Studio) -> APIRouter:
    """The routes that restore."""
    routes = APIRouter(prefix="/api/v1", responses=_REFUSALS, route_class=ShortForms)
    wanted = asked(options.restoring)
    # Pictures that are decoded beside those at work; each may take as much memory.
    room, looking = CapacityLimiter(options.workers), CapacityLimiter(options.workers)

    async def looked(function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        return await to_thread.run_sync(partial(function, *given, **named), limiter=room)

    @routes.post("/jobs", status_code=202, summary="Restore a picture in the background")
    async def post_job(
        picture: Upload, response: Response, request: Annotated[Asked, Depends(wanted)]
    ) -> dict[str, Any]:
        job = await _uploaded(jobs, studio, picture)
        jobs.start(
            job, lambda job: studio.restore(job, request.wish, request.files, request.ending)
        )
        response.headers["location"] = f"/api/v1/jobs/{job.id}"
        return status(job)

    @routes.get("/jobs/{number}", summary="How far it is")
    async def get_job(number: str) -> dict[str, Any]:
        return status(jobs.get(number))

    @routes.delete("/jobs/{number}", status_code=204, summary="Stop it and remove its files")
    async def delete_job(number: str) -> Response:
        await run_in_threadpool(jobs.cancel, jobs.get(number))
        return Response(status_code=204)

    @routes.get(
        "/jobs/{number}/events",
        summary="How far it is, as server-sent events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def get_events(number: str, request: Request) -> StreamingResponse:
        job = jobs.get(number)
        return StreamingResponse(
            _events(job, request),
            media_type="text/event-stream",
            headers={"x-accel-buffering": "no"},
        )

    @routes.get(
        "/jobs/{number}/result",
        summary="The restored picture",
        response_class=FileResponse,
        responses={200: {"content": {"image/*": {}}}},
    )
    async def get_result(
        number: str,
        request: Request,
        strength: Annotated[
            float, Query(ge=0.0, le=1.0, description="1 is the result, 0 the input.")
        ] = 1.0,
    ) -> Response:
        job = _ended_well(jobs.get(number))
        assert job.result is not None
        after = _fetched(request, [job])
        headers = {"content-disposition": _disposition(result_name(job))}
        kind = _kind(job.result)
        if strength < 1.0:
            mixed = await looked(studio.blended, job, strength)
            return Response(mixed, media_type=kind, headers=headers, background=after)
        return FileResponse(job.result, media_type=kind, headers=headers, background=after)

    @routes.get(
        "/jobs/{number}/shown/{which}",
        summary="Input or result as a PNG that every browser shows",
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}},
    )
    async def get_shown(number: str, which: str) -> Response:
        if which not in ("before", "after"):
            raise Problem(404, "there are before and after")
        job = jobs.get(number)
        after = which == "after"
        if after:
            _ended_well(job)
        return Response(await looked(studio.shown, job, after=after), media_type="image/png")

    @routes.get(
        "/archive",
        summary="Several results in one ZIP",
        response_class=Response,
        responses={200: {"content": {"application/zip": {}}}},
    )
    async def get_archive(
        request: Request,
        job: Annotated[list[str], Query(description="Numbers of jobs.", max_length=1000)],
        strength: Annotated[
            list[Annotated[float, Field(ge=0.0, le=1.0)]],
            Query(description="Of each, as for one result; none: 1 for all.", max_length=1000),
        ] = [],  # noqa: B006 - FastAPI copies it
    ) -> Response:
        if len(strength) not in (0, len(job)):
            raise Problem(422, "strength: one for each job, or none")
        shares = dict(zip(job, strength or [1.0] * len(job), strict=True))
        found = [_ended_well(jobs.get(number)) for number in shares]
        content = await looked(_zipped, found, list(shares.values()), studio)
        return StreamingResponse(
            _in_parts(content),
            media_type="application/zip",
            headers={"content-disposition": _disposition("restored.zip")},
            background=_fetched(request, found),
        )

    @routes.post(
        "/restore",
        summary="Restore a small picture while waiting",
        response_class=Response,
        responses={200: {"content": {"image/*": {}}}},
    )
    async def post_restore(
        picture: Upload, client: Request, request: Annotated[Asked, Depends(wanted)]
    ) -> Response:
        job = await _uploaded(jobs, studio, picture)
        try:
            await run_in_threadpool(
                studio.check_size, studio.source(job), most=options.max_direct_pixels
            )
            ended = asyncio.wrap_future(
                jobs.start(
                    job,
                    lambda job: studio.restore(
                        job,
                        request.wish,
                        request.files,
                        request.ending,
                        most=options.max_direct_pixels,
                    ),
                )
            )
            while not (await asyncio.wait({ended}, timeout=_LOOK_EVERY))[0]:
                if await client.is_disconnected():
                    jobs.cancel(job)
            if job.state != DONE or job.result is None:
                raise _why(job)
            content = await run_in_threadpool(job.result.read_bytes)
            headers = {"content-disposition": _disposition(result_name(job)), "x-done": job.said}
            return Response(content, media_type=_kind(job.result), headers=headers)
        finally:
            jobs.cancel(job)

    @routes.post("/inspect", summary="What a picture is and what would help it")
    async def post_inspect(
        picture: Upload,
        client: Request,
        frame: Annotated[int | None, Form(ge=1, description="See restore. Default: 1.")] = None,
        assume_cmyk: Annotated[bool, Form(description="See restore.")] = False,
        salvage: Annotated[bool, Form(description="See restore.")] = False,
    ) -> dict[str, Any]:
        reading = ReadOptions(frame=frame, assume_cmyk=assume_cmyk, salvage=salvage)
        job = await _uploaded(jobs, studio, picture, restored=False)
        try:
            async with looking:
                if await client.is_disconnected():
                    raise Problem(409, "the client has gone")
                first = replace(reading, frame=frame or 1)
                found = await run_in_threadpool(studio.look, job, first)
        finally:
            jobs.forget(job)  # nobody cancelled it: it was never to run
        sentences, commands = found.sentences(), found.commands(Path(job.name), reading)
        return {**found.as_dict(), "sentences": sentences, "commands": commands}

    @routes.get("/models", summary="The networks and what they were measured to do")
    async def get_models() -> list[dict[str, Any]]:
        return [{"name": name, **registry.card(name)} for name in registry.names()]

    @routes.get("/options", summary="What can be asked for")
    async def get_options() -> dict[str, Any]:
        return {
            "tasks": {task: [option.name for option in own] for task, own in LEVELS.items()},
            "options": [
                {
                    "name": option.name,
                    "kind": option.kind.__name__,
                    "help": option.help,
                    "default": option.default,
                    "choices": option.choices,
                }
                for option in fields().values()
            ],
            "limits": {
                "bytes": options.max_bytes,
                "pixels": options.max_pixels,
                "output_pixels": options.max_output_pixels,
                "direct_pixels": options.max_direct_pixels,
            },
        }

    @routes.get("/examples", summary="Pictures to try it with")
    async def get_examples() -> dict[str, str]:
        return EXAMPLES

    @routes.get(
        "/examples/{name}",
        summary="One of them",
        response_class=Response,
        responses={200: {"content": {"image/*": {}}}},
    )
    async def get_example(name: str) -> Response:
        if name not in EXAMPLES:
            raise Problem(404, "there is no such example")
        content = await run_in_threadpool(example, name)
        return Response(content, media_type=mimetypes.guess_type(name)[0])

    return routes


def about_the_server(jobs: Jobs, metrics: Metrics) -> APIRouter:
    """Health, readiness, figures."""
    routes = APIRouter()

    @routes.get("/healthz", response_class=PlainTextResponse, summary="Whether it lives")
    async def get_health() -> str:
        return "ok\n"

    @routes.get(
        "/readyz",
        response_class=PlainTextResponse,
        summary="Whether it takes pictures",
        responses={status: _REFUSALS[status] for status in (429, 503)},
    )
    async def get_readiness() -> str:
        jobs.check_room()
        return "ok\n"

    @routes.get("/metrics", response_class=Response, summary="Figures for Prometheus")
    async def get_metrics() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes


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
        "said": job.said,
        "problem": job.problem,
        "result_name": result_name(job) if job.state == DONE else None,
        "links": {"self": here, "events": f"{here}/events", "result": f"{here}/result"},
    }


def result_name(job: Job) -> str:
    """What the result is called: as the picture, with its own ending."""
    assert job.result is not None
    return f"{Path(job.name).stem}{job.result.suffix}"


def _fetched(request: Request, jobs: list[Job]) -> BackgroundTask | None:
    """To be run when the whole answer was sent: the server need not wait for them any more."""

    async def remember() -> None:
        for job in jobs:
            job.fetched = True

    return None if ASKED_BY_HEAD in request.scope else BackgroundTask(remember)


async def _uploaded(
    jobs: Jobs, studio: Studio, picture: UploadFile, *, restored: bool = True
) -> Job:
    job = jobs.new(name_of(picture), restored=restored)

    def keep() -> None:
        with studio.source(job).open("wb") as file:
            shutil.copyfileobj(picture.file, file, 2**20)

    try:
        await run_in_threadpool(keep)
    except BaseException:
        jobs.forget(job)
        raise
    return job


async def _events(job: Job, request: Request) -> AsyncIterator[str]:
    before, silent = "", 0.0
    while True:
        state = job.state  # before the rest, so that the last event tells the end
        now = json.dumps(status(job))
        if now != before:
            yield f"event: progress\ndata: {now}\n\n"
            before, silent = now, 0.0
        elif silent >= _SAY_SOMETHING_EVERY:
            yield ": still here\n\n"
            silent = 0.0
        if state in ENDED or await request.is_disconnected():
            return
        await asyncio.sleep(_LOOK_EVERY)
        silent += _LOOK_EVERY


def _ended_well(job: Job) -> Job:
    if job.state == DONE and job.result is not None:
        return job
    raise _why(job)


def _why(job: Job) -> Problem:
    if job.state == FAILED and job.problem is not None:
        said = job.problem
        return Problem(said["status"], said["detail"], remedy=said.get("remedy", {}))
    return Problem(409, f"the job is {job.state}", retry_after="1")


def _zipped(found: list[Job], strengths: list[float], studio: Studio) -> IO[bytes]:
    file = tempfile.TemporaryFile(dir=found[0].folder)  # noqa: SIM115 - closed by _in_parts
    taken: set[str] = set()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # pictures are compressed
        for job, strength in zip(found, strengths, strict=True):
            name, number = result_name(job), 1
            while name in taken:
                number += 1
                whole = Path(result_name(job))
                name = f"{whole.stem}-{number}{whole.suffix}"
            taken.add(name)
            assert job.result is not None
            if strength < 1.0:
                archive.writestr(name, studio.blended(job, strength))
            else:
                archive.write(job.result, name)
    file.seek(0)
    return file


def _in_parts(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while part := file.read(2**20):
            yield part


def _kind(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _disposition(name: str) -> str:
    plain = "".join(sign if sign.isascii() and sign not in '"\\' else "_" for sign in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
