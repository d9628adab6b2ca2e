"""What a server allows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from rnan.errors import ConfigError

LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Limits and habits of a server."""

    host: str = "127.0.0.1"
    port: int = 8000
    hosts: tuple[str, ...] = ()
    """Names under which it is called, beside ``host`` and those of this machine."""

    token: str | None = None
    """What every request to the API has to bring, if anything; ASCII without blanks."""

    max_bytes: int = 200 * 2**20
    """Of an upload."""

    max_pixels: int = 50_000_000
    """Of a picture, checked before it is decoded."""

    max_output_pixels: int = 200_000_000
    """Of a result: enlarging makes up to 16 times as many."""

    max_direct_pixels: int = 2_000_000
    """Of a picture that is restored while the client waits."""

    queue: int = 32
    """Jobs that may wait; more are refused."""

    workers: int = 1
    """Pictures that are restored at a time; they share the processor."""

    seconds: float = 3600.0
    """That a job may take once it runs."""

    keep: float = 1800.0
    """Seconds after which a job that has ended is forgotten, with its files."""

    grace: float = 30.0
    """Seconds that are left to running jobs, and to fetching results, when the server is stopped;
    running jobs are waited for longer."""

    formats: tuple[str, ...] = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "AVIF", "HEIF")
    """Decoders that bytes of strangers reach."""

    raw: bool = False
    """Whether camera raw is taken; LibRaw is a large decoder."""

    folder: Path | None = None
    """Where the files of jobs are; by default the system's folder for temporary files."""

    restoring: dict[str, object] = field(default_factory=dict)
    """Fields of :class:`~rnan.inference.RestoreOptions` that hold for all requests."""

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_pixels", "max_output_pixels", "queue", "workers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port must lie between 0 and 65535, got {self.port}")
        if self.seconds <= 0 or self.keep <= 0:
            raise ConfigError("seconds and keep must be more than 0")
        if self.token is not None and not re.fullmatch("[!-~]+", self.token):
            raise ConfigError("the token must be letters, digits and signs of ASCII without blanks")

    @property
    def max_body(self) -> int:
        """Bytes of a request: the picture, and some fields around it."""
        return self.max_bytes + 2**16

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in LOCAL
