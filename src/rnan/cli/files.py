"""Options for pictures in and pictures out, which every restoring command takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click

from rnan.cli.options import PATH, with_options
from rnan.errors import ConfigError, InputError
from rnan.option_table import READING_AND_WRITING

if TYPE_CHECKING:
    from rnan.cli.jobs import Policy
    from rnan.inference.files import FileOptions
    from rnan.inference.plan import Job

Decorated = Callable[..., Any]

_MOST_JOBS = 64

_NAME = click.option(
    "--name", default="{stem}{ext}", show_default=True, help="Names in an output folder."
)

_OPTIONS = (
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
    click.option("--keep-times", is_flag=True, help="Results get the time of their inputs."),
    click.option("--compare", is_flag=True, help="Also write OUT-compare.png: before, after."),
)


def formats(function: Decorated) -> Decorated:
    """How pictures are read and written."""
    return _NAME(with_options(READING_AND_WRITING)(function))


def files(function: Decorated) -> Decorated:
    """Inputs, output, and how they are read, written and worked through."""
    for option in (
        formats,
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
class Formats:
    """What the options of :func:`formats` say."""

    assume_cmyk: bool
    salvage: bool
    frame: int | None
    strip_metadata: bool
    jpeg_quality: int
    bit_depth: str | None
    format: str | None
    name: str

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Self:
        """Take them out of what a command was given; the others stay in ``options``."""
        return cls(**{name: options.pop(name) for name in cls.__dataclass_fields__})

    @property
    def ending(self) -> str | None:
        """Of the outputs in a folder, instead of their own."""
        return self._files(overwrite=False)[1]

    def options(self, *, overwrite: bool) -> FileOptions:
        """For :func:`rnan.inference.files.process_file`."""
        return self._files(overwrite=overwrite)[0]

    def _files(self, *, overwrite: bool) -> tuple[FileOptions, str | None]:
        from rnan.work import files_for

        return files_for(dict(vars(self)), overwrite=overwrite)


@dataclass(frozen=True, kw_only=True)
class Files(Formats):
    """What the options of :func:`files` say."""

    inputs: tuple[Path, ...]
    output: Path
    report: Path | None
    fail_fast: bool
    jobs: int
    resume: bool
    dry_run: bool
    overwrite: bool
    recursive: bool
    keep_times: bool
    compare: bool

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
            **{"ending": self.ending, **more},
        )
        if self.format and jobs[0].target == self.output:
            written = FORMATS.get(self.output.suffix.lower(), self.format.upper())
            if written != self.format.upper():
                raise ConfigError(f"--format {self.format} and {self.output} are two formats")
        return jobs

    def file_options(self) -> FileOptions:
        """For :func:`rnan.inference.files.process_file`."""
        return replace(self.options(overwrite=self.overwrite), keep_times=self.keep_times)

    def policy(self, jobs: list[Job], settings: Mapping[str, Any]) -> Policy:
        """How the pictures are worked through.

        Args:
            jobs: All of them.
            settings: What else decides what a result looks like.

        Raises:
            ConfigError: There is no folder in which something could be resumed.
        """
        from rnan.cli.jobs import Policy
        from rnan.images.write import check_report
        from rnan.inference.manifest import Manifest
        from rnan.inference.plan import STREAM

        alone = any(job.target == self.output for job in jobs)
        if alone and self.resume:
            raise ConfigError("--resume needs an output folder")
        if self.report is not None:
            check_report(self.report)
            place = os.path.realpath(self.report)
            if any(place == os.path.realpath(job.source) for job in jobs):
                raise InputError(f"{self.report} is one of the pictures; name another file")
        files = self.file_options()
        facts = {**settings, "files": [vars(files.reading), vars(files.writing)]}
        return Policy(
            workers=min(self.jobs, len(jobs)),
            fail_fast=self.fail_fast,
            manifest=None if alone else Manifest(self.output, facts),
            resume=self.resume,
            report=self.report,
            quiet_stdout=self.output == STREAM,
        )
