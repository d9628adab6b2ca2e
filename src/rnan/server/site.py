"""The site that restores pictures in the browser itself, served as files."""

from pathlib import Path

from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rnan.errors import ConfigError, OptionRef

AT = "/local"
"""Where it is served."""

_HEADERS = {
    # Several threads in WebAssembly need a page that shares nothing with others.
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-cache",
}


def site_of(folder: Path) -> ASGIApp:
    """What answers requests for the files of a site.

    Args:
        folder: As ``make site`` writes it.

    Raises:
        ConfigError: The folder holds no site.
    """
    if not (folder / "about.json").is_file():
        raise ConfigError(OptionRef("site"), f": {folder} holds no site; make site writes one")
    files = StaticFiles(directory=folder, html=True)

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await files(scope, receive, with_headers)

    return answered
