"""The fields of a request, made from the options that the command line is made from."""

import inspect
import math
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal

from fastapi import File, Form, Response, UploadFile
from fastapi import Request as HttpRequest
from fastapi.routing import APIRoute

from rnan.errors import ConfigError
from rnan.options.levels import LEVELS
from rnan.options.mapping import nearest
from rnan.options.option import Option
from rnan.options.request import Request, make_request, request_options
from rnan.weights import registry

_MOST_FIELDS, _LONGEST = 40, 4096
"""Most fields of a form, and most bytes of a field."""


def fields() -> dict[str, Option]:
    """All options of a request, by name; what is about the machine is the server's."""
    return {name: one for name, one in request_options().items() if not one.machine}


def asked(base: Request) -> Callable[..., Awaitable[Request]]:
    """A dependency that reads and checks them."""
    table = fields()

    async def read(request: HttpRequest, task: str, **given: Any) -> Request:
        for name in await request.form():
            if name not in (*table, "picture", "task"):
                raise ConfigError(f"unknown option {name}{nearest(name, table)}")
        values = {name: None if value == "" else value for name, value in given.items()}
        model = values["model"]
        if model is not None and model not in registry.names():
            # A path in a request must not reach the disk.
            raise ConfigError(f"unknown model {model}{nearest(model, registry.names())}")
        return make_request(task, values, base)

    parameters = [
        inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=HttpRequest),
        inspect.Parameter(
            "task",
            inspect.Parameter.KEYWORD_ONLY,
            annotation=Annotated[Literal[tuple(LEVELS)], Form(description="What is done.")],
            default="auto",
        ),
        *(_parameter(option) for option in table.values()),
    ]
    read.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return read


def as_json(described: Option) -> dict[str, Any]:
    """An option for programs and for the page."""
    return {
        "name": described.name,
        "kind": described.kind.__name__,
        "help": described.help,
        "default": described.default,
        "choices": [str(choice) for choice in described.choices],
        "low": described.low if math.isfinite(described.low) else None,
        "high": described.high if math.isfinite(described.high) else None,
        "unit": described.unit,
        "group": described.group,
    }


def _parameter(described: Option) -> inspect.Parameter:
    kind: Any = described.kind if described.parse is None else str
    if described.choices and described.parse is None:
        kind = Literal[tuple(str(choice) for choice in described.choices)]
    if described.default is None:
        kind = kind | None
    default = f" Default: {described.default_text}." if described.default_text else ""
    return inspect.Parameter(
        described.name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[kind, Form(description=described.help + default)],
        default=described.default,
    )


class ShortForms(APIRoute):
    """Reads a form only up to what our requests have: one file, and short fields."""

    def get_route_handler(self) -> Callable[[HttpRequest], Coroutine[Any, Any, Response]]:
        """What FastAPI calls, after the form was read."""
        handle = super().get_route_handler()

        async def limited(request: HttpRequest) -> Response:
            if self.methods and "POST" in self.methods:
                await request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=_LONGEST)
            return await handle(request)

        return limited


Upload = Annotated[UploadFile, File(description="The file of a picture.")]


def name_of(picture: UploadFile) -> str:
    """What the client called it, without folders and signs that end lines."""
    last = PureWindowsPath(PurePosixPath(picture.filename or "").name).name
    clean = "".join(sign for sign in last if sign.isprintable()).strip(". ")
    return clean[-120:] or "picture"
