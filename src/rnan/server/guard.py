"""What every request passes first: is it for us, from whom, with what right."""

import hmac
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rnan.options.server import LOCAL, ServerOptions
from rnan.server.problems import response

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""Headers of every answer: the page loads nothing from elsewhere, and nobody frames it."""


class Guard:
    """Refuses requests under another name, from pages elsewhere, or without the token.

    A page that was opened in a browser could otherwise drive a server on the same machine, by its
    own requests or by a name that leads to 127.0.0.1 (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, options: ServerOptions) -> None:
        self._app = app
        self._token = options.token
        self._hosts = {name.lower() for name in (*LOCAL, options.host, *options.allow_host)}
        self._any_host = "*" in options.allow_host
        self._named = {name.lower() for name in options.allow_host}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refusal(scope["path"], Headers(scope=scope))
        if refusal is not None:
            asks = refusal[0] == HTTPStatus.UNAUTHORIZED
            headers = {"www-authenticate": "Bearer"} if asks else {}
            await response(*refusal, headers)(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)

    def _refusal(self, path: str, headers: Headers) -> tuple[int, str] | None:
        host = _name(f"//{headers.get('host', '')}")
        if not self._any_host and host not in self._hosts:
            return 421, "this server is not called that; see --allow-host"
        origin = headers.get("origin")
        # A proxy need not pass the name on that the browser knows.
        if origin is not None and _name(origin) not in {host, *self._named}:
            return 403, "requests from pages of other hosts are refused"
        if headers.get("sec-fetch-site") == "cross-site" and path.startswith("/api/"):
            return 403, "requests from pages of other hosts are refused"
        guarded = path.startswith("/api/") or path == "/metrics"
        if self._token is not None and guarded:
            kind, _, given = headers.get("authorization", "").partition(" ")
            right = kind.lower() == "bearer" and hmac.compare_digest(
                given.strip().encode(), self._token.encode()
            )
            if not right:
                return 401, "a token is needed: Authorization: Bearer …"
        return None


def _name(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").lower()
    except ValueError:
        return ""
