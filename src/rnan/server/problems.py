"""Errors as problem documents (RFC 9457), from the one tree of errors."""

import json
import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from rnan.errors import (
    Cancelled,
    ConfigError,
    InputError,
    MissingExtraError,
    OptionRef,
    ResourceError,
    RnanError,
    WeightsError,
    is_full,
)

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_STATUS: list[tuple[type[RnanError], int]] = [
    (InputError, 422),
    (ConfigError, 422),
    (MissingExtraError, 501),
    (ResourceError, 507),
    (WeightsError, 422),
    (Cancelled, 409),
    (RnanError, 500),
]


class Problem(Exception):
    """A request that is refused."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        remedy: Mapping[str, object] = MappingProxyType({}),
        **headers: str,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.remedy = status, detail, remedy
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def document(
    status: int, detail: str, remedy: Mapping[str, object] = MappingProxyType({})
) -> dict[str, Any]:
    """The fields of a problem, and the options by which the same would be taken, if any."""
    detail = detail.encode("utf-8", "replace").decode()  # it may repeat what a client sent
    fields = {"type": "about:blank", "title": _title(status), "status": status, "detail": detail}
    return {**fields, "remedy": dict(remedy)} if remedy else fields


def problem_of(error: RnanError) -> dict[str, Any]:
    """A problem from an error of ours; options are called as the API calls them."""
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    remedy = error.remedy if isinstance(error, InputError) else {}
    message = " ".join(error.spelled(in_json).split())
    problem = document(status, message, remedy)
    if error.option is not None:
        problem["option"] = error.option
    return problem


def in_json(ref: OptionRef) -> str:
    """How messages name an option here: ``"bit_depth"``, ``"frame": 1``."""
    name = json.dumps(ref.name)
    return name if ref.value is None else f"{name}: {json.dumps(ref.value)}"


def response(
    status: int,
    detail: str,
    headers: dict[str, str] | None = None,
    remedy: Mapping[str, object] = MappingProxyType({}),
) -> JSONResponse:
    """A refusal."""
    content = document(status, detail, remedy)
    return JSONResponse(content, status, headers=headers or {}, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let every error of an app be a problem document."""

    @app.exception_handler(Problem)
    async def of_ours(_: Request, error: Problem) -> JSONResponse:
        return response(error.status, error.detail, error.headers, error.remedy)

    @app.exception_handler(RnanError)
    async def of_the_tree(_: Request, error: RnanError) -> JSONResponse:
        content = problem_of(error)
        return JSONResponse(content, content["status"], media_type=MEDIA_TYPE)

    @app.exception_handler(RequestValidationError)
    async def of_the_form(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "the request"
        message = first["msg"].removeprefix("Value error, ")
        if "UploadFile" in message:
            message = "must be a file, which curl -F picture=@name sends"
        return response(422, f"{place}: {message}")

    @app.exception_handler(HTTPException)
    async def of_starlette(_: Request, error: HTTPException) -> JSONResponse:
        return response(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(ClientDisconnect)
    async def of_who_went(_: Request, error: ClientDisconnect) -> JSONResponse:
        return response(400, "the client went away")  # nobody reads it, and no log need tell it

    @app.exception_handler(OSError)
    async def of_the_system(request: Request, error: OSError) -> JSONResponse:
        if is_full(error):
            return response(507, "no space left on the server's disk")
        return await of_nobody(request, error)

    @app.exception_handler(Exception)
    async def of_nobody(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return response(500, "an error in the server; its log says more")


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
