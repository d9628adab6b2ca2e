"""Options for pictures in and pictures out, which every restoring command takes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli.options import PATH, THREADS_OPTION, Decorated, click_option, with_options
from rnan.errors import ConfigError, InputError
from rnan.options.option import option, options_of
from rnan.options.request import Request

if TYPE_CHECKING:
    from rnan.cli.batch import Policy
    from rnan.pipeline.plan import Plan


@dataclass(frozen=True, kw_only=True)
class NameOptions:
    """What results in a folder are called."""

    name: str = option(
        "{stem}{ext}",
        "Names in an output folder: {stem} and {ext} are those of the input.",
        group="output",
    )


@dataclass(frozen=True, kw_only=True)
class FileOptions(NameOptions):
    """Which pictures, where the results go, and how many are worked through."""

    output: Path = option(None, "A file for one picture, a folder for many, - for standard output.")
    recursive: bool = option(False, "Look into folders within folders.")
    overwrite: bool = option(False, "Replace outputs that exist.")
    compare: bool = option(False, "Also write OUT-compare.png: before, after.")
    keep_times: bool = option(False, "Results get the time of their inputs.", group="output")
    resume: bool = option(
        False, "Skip pictures that are complete and unchanged in the output folder.", group="files"
    )
    both: bool = option(
        False,
        "Restore camera raw and the JPEGs that the camera wrote beside it; else those are left "
        "out of folders.",
        group="files",
    )
    dry_run: bool = option(False, "Only say what would be written where.", group="files")
    jobs: int = option(
        1, "Pictures at a time; they share the processor's threads.", low=1, high=64, group="files"
    )
    fail_fast: bool = option(False, "Stop at the first picture that fails.", group="files")
    report: Path | None = option(
        None, "Write what became of each picture here, as JSON.", group="files"
    )

    def plans(self, inputs: Sequence[Path], request: Request) -> list[Plan]:
        """Which output belongs to which input.

        Raises:
            InputError: See :func:`rnan.pipeline.plan.plan_files`.
            ConfigError: See there.
        """
        from rnan.images.formats.registry import USUAL_ENDING, WRITTEN
        from rnan.pipeline.plan import extensions_for, plan_files

        file_format = request.writing.format
        plans = plan_files(
            inputs,
            self.output,
            recursive=self.recursive,
            compare=self.compare,
            name=self.name,
            ending=USUAL_ENDING[file_format.upper()] if file_format else None,
            extensions=extensions_for(request.restoration),
            both=self.both,
        )
        if file_format and plans[0].target == self.output:
            written = WRITTEN.get(self.output.suffix.lower(), file_format.upper())
            if written != file_format.upper():
                raise ConfigError(f"--format {file_format} and {self.output} are two formats")
        return [
            replace(plan, overwrite=self.overwrite, keep_times=self.keep_times) for plan in plans
        ]

    def policy(self, plans: list[Plan], facts: Mapping[str, Any]) -> Policy:
        """How the pictures are worked through.

        Raises:
            ConfigError: There is no folder in which something could be resumed.
            InputError: The report cannot be written.
        """
        from rnan.cli.batch import Policy
        from rnan.images.write import check_report
        from rnan.pipeline.manifest import Manifest
        from rnan.pipeline.plan import STREAM

        alone = any(plan.target == self.output for plan in plans)
        if alone and self.resume:
            raise ConfigError("--resume needs an output folder")
        if self.report is not None:
            check_report(self.report)
            place = os.path.realpath(self.report)
            if any(place == os.path.realpath(plan.source) for plan in plans):
                raise InputError(f"{self.report} is one of the pictures; name another file")
        return Policy(
            workers=min(self.jobs, len(plans)),
            fail_fast=self.fail_fast,
            manifest=None if alone else Manifest(self.output, facts),
            resume=self.resume,
            report=self.report,
            quiet_stdout=self.output == STREAM,
        )


def files(function: Decorated) -> Decorated:
    """Inputs, output, and how many pictures are worked through."""
    described = dict(options_of(FileOptions))
    output = click_option(described.pop("output"), "-o", required=True)
    rest = with_options([*described.values(), THREADS_OPTION])
    inputs = click.argument("inputs", nargs=-1, required=True, type=PATH, metavar="IN...")
    return inputs(output(rest(function)))
