"""Options for pictures in and pictures out, which every restoring command takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli.options import PATH
from rnan.errors import ConfigError

if TYPE_CHECKING:
    from rnan.cli.jobs import Policy
    from rnan.inference.files import FileOptions
    from rnan.inference.plan import Job

Decorated = Callable[..., Any]

_FORMATS = ("png", "jpeg", "tiff", "webp", "avif", "bmp")
_MOST_JOBS = 64

_OPTIONS = (
    click.option(
        "--assume-cmyk",
        is_flag=True,
        help="Convert CMYK pictures without a profile by plain arithmetic.",
    ),
    click.option("--frame", type=int, help="Which picture of an animation or page, from 1."),
    click.option(
        "--strip-metadata",
        is_flag=True,
        help="Leave out EXIF, XMP and resolution; the colour profile stays.",
    ),
    click.option(
        "--jpeg-quality",
        type=int,
        default=95,
        show_default=True,
        help="Of JPEG and AVIF outputs; chroma is kept whole.",
    ),
    click.option(
        "--bit-depth",
        type=click.Choice(["8", "16", "32"]),
        help="Bits a channel of the outputs, 32 in floating point.  [default: as the input]",
    ),
    click.option(
        "--format",
        "file_format",
        type=click.Choice(_FORMATS, case_sensitive=False),
        help="Format in a folder or of standard output.  [default: as the input]",
    ),
    click.option(
        "--name",
        default="{stem}{ext}",
        show_default=True,
        help="Names in an output folder.",
    ),
    click.option("--report", type=PATH, help="Write what became of each picture here, as JSON."),
    click.option("--fail-fast", is_flag=True, help="Stop at the first picture that fails."),
    click.option(
        "--jobs",
        type=click.IntRange(1, _MOST_JOBS),
        default=1,
        show_default=True,
        help="Pictures at a time; they share the processor's threads.",
    ),
    click.option(
        "--resume",
        is_flag=True,
        help="Skip pictures that are complete and unchanged in the output folder.",
    ),
    click.option("--dry-run", is_flag=True, help="Only say what would be written where."),
    click.option("--overwrite", is_flag=True, help="Replace outputs that exist."),
    click.option("--recursive", is_flag=True, help="Look into folders within folders."),
    click.option("--compare", is_flag=True, help="Also write OUT-compare.png: before, after."),
)


def files(function: Decorated) -> Decorated:
    """Inputs, output, and how they are read, written and worked through."""
    for option in (
        *_OPTIONS,
        click.option(
            "-o",
            "--output",
            required=True,
            type=PATH,
            help="A file for one picture, a folder for many, - for standard output.",
        ),
        click.argument("inputs", nargs=-1, required=True, type=PATH, metavar="IN..."),
    ):
        function = option(function)
    return function


@dataclass(frozen=True, kw_only=True)
class Files:
    """What the options say."""

    inputs: tuple[Path, ...]
    output: Path
    assume_cmyk: bool
    frame: int | None
    strip_metadata: bool
    jpeg_quality: int
    bit_depth: str | None
    file_format: str | None
    name: str
    report: Path | None
    fail_fast: bool
    jobs: int
    resume: bool
    dry_run: bool
    overwrite: bool
    recursive: bool
    compare: bool

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Files:
        """Take them out of what a command was given; the others stay in ``options``."""
        return cls(**{name: options.pop(name) for name in cls.__dataclass_fields__})

    def plan(self, **more: Any) -> list[Job]:
        """Which output belongs to which input."""
        from rnan.images.write import FORMATS
        from rnan.inference.plan import plan

        jobs = plan(
            self.inputs,
            self.output,
            recursive=self.recursive,
            compare=self.compare,
            name=self.name,
            **{"ending": self._ending(), **more},
        )
        if self.file_format and jobs[0].target == self.output:
            written = FORMATS.get(self.output.suffix.lower(), self.file_format.upper())
            if written != self.file_format.upper():
                raise ConfigError(f"--format {self.file_format} and {self.output} are two formats")
        return jobs

    def options(self) -> FileOptions:
        """For :func:`rnan.inference.files.process_file`."""
        from rnan.images import ReadOptions, WriteOptions
        from rnan.inference.files import FileOptions

        return FileOptions(
            reading=ReadOptions(frame=self.frame, assume_cmyk=self.assume_cmyk),
            writing=WriteOptions(
                bit_depth=int(self.bit_depth) if self.bit_depth else None,  # type: ignore[arg-type]
                jpeg_quality=self.jpeg_quality,
                strip_metadata=self.strip_metadata,
            ),
            overwrite=self.overwrite,
            stream_format=self.file_format.upper() if self.file_format else None,
        )

    def policy(self, jobs: list[Job], settings: Mapping[str, Any]) -> Policy:
        """How the pictures are worked through.

        Args:
            jobs: All of them.
            settings: What else decides what a result looks like.

        Raises:
            ConfigError: There is no folder in which something could be resumed.
        """
        from rnan.cli.jobs import Policy
        from rnan.images.write import check_writable
        from rnan.inference.manifest import Manifest
        from rnan.inference.plan import STREAM

        alone = any(job.target == self.output for job in jobs)
        if alone and self.resume:
            raise ConfigError("--resume needs an output folder")
        if self.report is not None:
            check_writable(self.report)
        facts = {**settings, "files": [self.frame, self.assume_cmyk, vars(self.options().writing)]}
        return Policy(
            workers=min(self.jobs, len(jobs)),
            fail_fast=self.fail_fast,
            manifest=None if alone else Manifest(self.output, facts),
            resume=self.resume,
            report=self.report,
            quiet_stdout=self.output == STREAM,
        )

    def _ending(self) -> str | None:
        from rnan.images.write import ENDINGS

        return ENDINGS[self.file_format.upper()] if self.file_format else None
