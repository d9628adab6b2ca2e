"""Several results in one file."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from rnan.server.jobs import Job
from rnan.server.problems import Problem
from rnan.server.routes.shared import Parts, disposition, done, fetched, result_name
from rnan.server.studio import Studio


def add_archive(routes: APIRouter, parts: Parts) -> None:
    """The ZIP of several results."""

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
        ended = [done(parts.jobs.get(number)) for number in shares]
        with ExitStack() as kept:
            for one in ended:
                kept.enter_context(parts.jobs.held(one))
            content = await parts.in_thread(_zipped, ended, list(shares.values()), parts.studio)
        return StreamingResponse(
            _in_parts(content),
            media_type="application/zip",
            headers={"content-disposition": disposition("restored.zip")},
            background=fetched(request, ended),
        )


def _zipped(jobs: list[Job], strengths: list[float], studio: Studio) -> IO[bytes]:
    file = tempfile.TemporaryFile(dir=jobs[0].folder)  # noqa: SIM115 - closed by _in_parts
    taken: set[str] = set()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # pictures are compressed
        for job, strength in zip(jobs, strengths, strict=True):
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
