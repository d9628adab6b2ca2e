"""Jobs: a picture is sent, waits for its turn, and its result is fetched.

Annotations are evaluated here: FastAPI reads them, and some name what stands in a function only.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse

from rnan.options.request import Request as RestoreRequest
from rnan.server.forms import Upload
from rnan.server.jobs import ENDED, Job
from rnan.server.problems import Problem
from rnan.server.routes.shared import (
    LOOK_EVERY,
    HeldFile,
    Parts,
    disposition,
    done,
    fetched,
    media_type,
    result_name,
    status,
)

_SAY_SOMETHING_EVERY = 15.0
"""Seconds after which a connection gets a sign of life."""


def add_jobs(routes: APIRouter, parts: Parts) -> None:
    """Sending pictures, and following jobs."""
    jobs = parts.jobs

    @routes.post("/jobs", status_code=202, summary="Restore a picture in the background")
    async def post_job(
        picture: Upload,
        response: Response,
        request: Annotated[RestoreRequest, Depends(parts.asked)],
    ) -> dict[str, Any]:
        job = await parts.uploaded(picture)
        jobs.start(job, lambda job: parts.studio.restore(job, request))
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


def add_results(routes: APIRouter, parts: Parts) -> None:
    """Fetching results."""
    jobs = parts.jobs

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
        job = done(jobs.get(number))
        assert job.result is not None
        after = fetched(request, [job])
        headers = {"content-disposition": disposition(result_name(job))}
        kind = media_type(job.result)
        if strength < 1.0:
            with jobs.held(job):
                mixed = await parts.in_thread(parts.studio.blended, job, strength)
            return Response(mixed, media_type=kind, headers=headers, background=after)
        return HeldFile(jobs, job, media_type=kind, headers=headers, background=after)

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
            done(job)
        with jobs.held(job):
            content = await parts.in_thread(parts.studio.shown, job, after=after)
        return Response(content, media_type="image/png")


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
        await asyncio.sleep(LOOK_EVERY)
        silent += LOOK_EVERY
