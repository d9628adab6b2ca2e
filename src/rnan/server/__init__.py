"""The page and the HTTP API: ``rnan serve``."""

from rnan.errors import MissingExtraError

try:
    import fastapi  # noqa: F401
    import prometheus_client  # noqa: F401
    import python_multipart  # noqa: F401
    import uvicorn  # noqa: F401
except ImportError as error:
    raise MissingExtraError("fastapi", "web") from error

from rnan.options.server import ServerOptions
from rnan.server.app import create_app
from rnan.server.run import serve

__all__ = ["ServerOptions", "create_app", "serve"]
