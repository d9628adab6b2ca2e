"""What a server allows."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from rnan.errors import ConfigError, OptionRef
from rnan.options.option import check, option
from rnan.options.restoring import RestoreOptions
from rnan.options.sizes import parse_size

LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Limits and habits of a server.

    Raises:
        ConfigError: A value is out of range.
    """

    host: str = option("127.0.0.1", "Address to listen at.")
    port: int = option(8000, "Port to listen at; 0 takes any.", low=0, high=65_535)
    allow_host: tuple[str, ...] = option(
        (), "Another name under which it is called; * allows all. May be repeated."
    )
    token: str | None = option(
        None,
        "What every request to the API must bring: ASCII without blanks.",
        default_text="$RNAN_TOKEN, none",
    )
    folder: Path | None = option(
        None, "For the files of jobs.", default_text="the temporary folder"
    )
    site: Path | None = option(
        None, "A folder that make site wrote, to serve at /local/: it restores in the browser."
    )
    no_raw: bool = option(
        False, "Refuse camera raw, whose many decoders are better not offered to strangers."
    )
    max_upload: int = option(
        200 * 2**20,
        "Largest file, for example 50M.",
        low=1,
        parse=parse_size,
        group="limits",
        default_text="200M",
    )
    max_megapixels: float = option(
        50.0,
        "Largest picture, checked before it is decoded; results may have four times as many.",
        low=0.01,
        high=1e6,
        group="limits",
    )
    queue: int = option(32, "Pictures that may wait; more are refused.", low=1, group="limits")
    workers: int = option(1, "Pictures at a time; they share the processor.", low=1, group="engine")
    max_minutes: float = option(
        60.0,
        "That a picture may take once it runs.",
        low=0.0,
        high=1e6,
        excludes_low=True,
        group="limits",
    )
    keep_minutes: float = option(
        30.0,
        "After which a job that has ended is removed.",
        low=0.0,
        high=1e6,
        excludes_low=True,
        group="limits",
    )
    max_output_pixels: int | None = None
    """Pixels of a result; by default four times those of the largest picture."""
    max_direct_pixels: int = 2_000_000
    """Pixels of a picture that is restored while the client waits."""
    grace: float = 30.0
    """Seconds that are left to running jobs, and to fetching results, when the server is stopped;
    running jobs are waited for longer."""
    formats: tuple[str, ...] = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "AVIF", "HEIF")
    """Decoders that bytes of strangers reach."""
    restoring: RestoreOptions = field(default_factory=RestoreOptions)
    """What holds for all requests."""

    def __post_init__(self) -> None:
        check(self)
        if self.token is not None and not re.fullmatch("[!-~]+", self.token):
            message = " must be letters, digits and signs of ASCII without blanks"
            raise ConfigError(OptionRef("token"), message)

    @property
    def max_pixels(self) -> int:
        """Pixels of the largest picture."""
        return round(self.max_megapixels * 1e6)

    @property
    def output_pixels(self) -> int:
        """Pixels of the largest result: enlarging makes up to 16 times as many."""
        return self.max_output_pixels or 4 * self.max_pixels

    @property
    def max_body(self) -> int:
        """Bytes of a request: the picture, and some fields around it."""
        return self.max_upload + 2**16

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in LOCAL
