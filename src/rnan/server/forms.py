"""The fields of a request, made from the table that the command line is made from."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal

from fastapi import File, Form, Request, Response, UploadFile
from fastapi.routing import APIRoute

from rnan.errors import ConfigError
from rnan.inference import RestoreOptions
from rnan.inference.files import FileOptions
from rnan.option_table import LEVELS, READING_AND_WRITING, RESTORING, SPECIAL, Option
from rnan.settings import nearest
from rnan.weights import registry
from rnan.work import Wish, files_for, wish_for

_MOST_FIELDS, _LONGEST = 40, 4096
"""Of a form, and the bytes of a field."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a request asks for."""

    wish: Wish
    files: FileOptions
    ending: str | None


def fields() -> dict[str, Option]:
    """All options of a request, by name; a level of several restorations is text."""
    found: dict[str, Option] = {}
    for restoration, options in LEVELS.items():
        for option in options:
            told = f"For {restoration}: {option.help}"
            if option.name in found:
                before = found[option.name]
                found[option.name] = replace(before, help=f"{before.help} {told}")
            else:
                found[option.name] = replace(option, kind=str, help=told, default=None)
    model = Option(name="model", kind=str, help="Weights by name.", unset="what suits the picture")
    for restoration, options in SPECIAL.items():
        for option in options:
            found[option.name] = replace(option, help=f"For {restoration}: {option.help}")
    for option in (model, *RESTORING, *READING_AND_WRITING):
        found[option.name] = option
    return found


def asked(restoring: dict[str, object]) -> Callable[..., Awaitable[Asked]]:
    """A dependency that reads and checks them.

    Args:
        restoring: Fields of ``RestoreOptions`` that hold for all requests.
    """
    table = fields()

    async def read(request: Request, **given: Any) -> Asked:
        for name in await request.form():
            if name not in (*table, "picture", "task"):
                raise ConfigError(f"unknown option {name}{nearest(name, table)}")
        return _asked(given, restoring)

    parameters = [
        inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request),
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


def _parameter(option: Option) -> inspect.Parameter:
    kind: Any = Literal[option.choices] if option.choices else option.kind
    if option.default is None:
        kind = kind | None
    told = option.help + (f" Default: {option.unset}." if option.unset else "")
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        annotation=Annotated[kind, Form(description=told)],
        default=option.default,
    )


def _asked(given: dict[str, Any], restoring: dict[str, object]) -> Asked:
    model = given["model"] or None
    if model is not None and model not in registry.names():
        # A path in a request must not reach the disk.
        raise ConfigError(f"unknown model {model}{nearest(model, registry.names())}")
    given = {name: None if value == "" else value for name, value in given.items()}
    special = [option for options in SPECIAL.values() for option in options]
    own = {option.name: given.pop(option.name) for option in (*RESTORING, *special)}
    RestoreOptions(**own)  # refuses what cannot be, before the picture waits for its turn
    files, ending = files_for(given, overwrite=True)
    wish = wish_for(given.pop("task"), given | {"model": model})
    return Asked(
        wish=replace(wish, options={**restoring, **own}),
        files=files,
        ending=ending,
    )


class ShortForms(APIRoute):
    """Reads a form only up to what our requests have: one file, and short fields."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What FastAPI calls, after the form was read."""
        handle = super().get_route_handler()

        async def limited(request: Request) -> Response:
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
