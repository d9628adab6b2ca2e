"""Answers while the client waits: small pictures restored, any picture inspected.

Annotations are evaluated here: FastAPI reads them, and some name what stands in a function only.
"""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.concurrency import run_in_threadpool

from rnan.images import ReadOptions
from rnan.options.request import Request as RestoreRequest
from rnan.server.forms import Upload
from rnan.server.jobs import DONE
from rnan.server.routes.shared import (
    LOOK_EVERY,
    Parts,
    disposition,
    media_type,
    reason,
    result_name,
)


def add_restore(routes: APIRouter, parts: Parts) -> None:
    """Restoring a small picture."""
    jobs, studio, most = parts.jobs, parts.studio, parts.options.max_direct_pixels

    @routes.post(
        "/restore",
        summary="Restore a small picture while waiting",
        response_class=Response,
        responses={200: {"content": {"image/*": {}}}},
    )
    async def post_restore(
        picture: Upload, client: Request, request: Annotated[RestoreRequest, Depends(parts.asked)]
    ) -> Response:
        job = await parts.uploaded(picture)
        try:
            await run_in_threadpool(studio.check_size, studio.source(job), most=most)
            ended = asyncio.wrap_future(
                jobs.start(job, lambda job: studio.restore(job, request, most=most))
            )
            while not (await asyncio.wait({ended}, timeout=LOOK_EVERY))[0]:
                if await client.is_disconnected():
                    jobs.cancel(job)
            if job.state != DONE or job.result is None:
                raise reason(job)
            content = await run_in_threadpool(job.result.read_bytes)
            headers = {
                "content-disposition": disposition(result_name(job)),
                "x-done": job.description,
            }
            return Response(content, media_type=media_type(job.result), headers=headers)
        finally:
            jobs.cancel(job)


def add_inspect(routes: APIRouter, parts: Parts) -> None:
    """Looking at a picture."""
    jobs, studio = parts.jobs, parts.studio

    @routes.post("/inspect", summary="What a picture is and what would help it")
    async def post_inspect(
        picture: Upload,
        client: Request,
        frame: Annotated[int | None, Form(ge=1, description="See restore. Default: 1.")] = None,
        assume_cmyk: Annotated[bool, Form(description="See restore.")] = False,
        salvage: Annotated[bool, Form(description="See restore.")] = False,
    ) -> dict[str, Any]:
        reading = ReadOptions(frame=frame, assume_cmyk=assume_cmyk, salvage=salvage)
        job = await parts.uploaded(picture, restored=False)
        try:
            async with parts.turn(client):
                first = replace(reading, frame=frame or 1)
                findings = await run_in_threadpool(studio.look, job, first)
        finally:
            jobs.forget(job)  # nobody cancelled it: it was never to run
        sentences, commands = findings.sentences(), findings.commands(Path(job.name), reading)
        return {**findings.as_dict(), "sentences": sentences, "commands": commands}


def add_preview(routes: APIRouter, parts: Parts) -> None:
    """A small picture of what browsers cannot show."""
    jobs, studio = parts.jobs, parts.studio

    @routes.post(
        "/preview",
        summary="A small JPEG of a picture, camera raw too",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}},
    )
    async def post_preview(
        picture: Upload,
        client: Request,
        side: Annotated[int, Form(ge=16, le=2048, description="Longest side in pixels.")] = 512,
    ) -> Response:
        job = await parts.uploaded(picture, restored=False)
        try:
            async with parts.turn(client):
                content = await run_in_threadpool(studio.preview, job, side)
        finally:
            jobs.forget(job)
        return Response(content, media_type="image/jpeg")
