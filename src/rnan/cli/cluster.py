"""``rnan cluster``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress, summary
from rnan.cli.files import NameOptions
from rnan.cli.options import (
    THREADS,
    GroupedCommand,
    chosen,
    make_request_of,
    verbosity,
    with_options,
)
from rnan.errors import InputError, OptionRef, RnanError
from rnan.options.levels import LEVELS
from rnan.options.option import option, options_of
from rnan.options.request import request_options

if TYPE_CHECKING:
    from rnan.cluster import ClusterJob, Progress, Summary

_FEW = 5
"""Failures that are printed; the manifest has them all."""


@dataclass(frozen=True, kw_only=True)
class ClusterOptions(NameOptions):
    """How the work is spread."""

    overwrite: bool = option(False, "Replace outputs that exist.")
    resume: bool = option(False, "Leave out what is complete and unchanged.")
    dry_run: bool = option(False, "Only say what would be written where.", group="files")
    files_from: Path | None = option(
        None, "Take the files that this text names, a line each, below the one IN.", group="files"
    )
    report: Path | None = option(None, "Write the summary here, as JSON.", group="files")
    address: str | None = option(
        None, "Of a Ray cluster.", default_text="$RAY_ADDRESS, or this machine alone"
    )
    workers: int | None = option(
        None,
        "Networks at work at a time.",
        low=1,
        default_text="one for each GPU, or what the processors hold",
    )
    patience: float = option(
        60.0,
        "Minutes without a finished block of pictures after which the job gives up.",
        low=0.0,
        excludes_low=True,
    )


@click.command("cluster", cls=GroupedCommand)
@click.argument("task", type=click.Choice(list(LEVELS)))
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", required=True, help="A folder, or s3://bucket/prefix and the like.")
@with_options(options_of(ClusterOptions).values())
@with_options(request_options().values())
@THREADS
@verbosity
def command(task: str, inputs: tuple[str, ...], output: str, **options: Any) -> None:
    """Restore very many pictures on many machines, from folders and object stores.

    Needs the extra cluster: pip install 'rnan[cluster]'. Folders are searched with all that is
    below them, and the results stand in OUT under the same names. What became of each picture
    stands in OUT/.rnan-cluster/manifest.parquet. Whatever fails, run the command again with
    --resume: each picture has exactly one result at the end.

    \b
    Examples:
      rnan cluster denoise scans/ -o clean/ --sigma 12
      rnan cluster auto s3://photos/2026 -o s3://photos/better --address ray://head:10001 --resume
    """
    from rnan.cluster import plan, run

    job = _job(task, inputs, output, options)
    if options["dry_run"]:
        for source, target in plan(job):
            click.echo(f"{source} -> {target}")
        return
    if options["report"] is not None:
        from rnan.images.write import check_report

        check_report(options["report"])
    with progress.bar() as bar:
        shown = progress.row(bar, "pictures", total=None)

        def report(now: Progress) -> None:
            ended = now.done + now.failed
            bar.update(shown, total=now.pictures, completed=ended, rate=f"{now.failed} failed")

        ended = run(job, report)
    _say_failures(ended.failures)
    summary.say(ended.counts, ended.megapixels, ended.seconds, f"{ended.retried} more than once")
    click.echo(ended.manifest)
    if options["report"] is not None:
        _write_report(options["report"], ended)
    if ended.failures:
        raise summary.failure([error for _, error in ended.failures], ended.counts.total())


def _job(task: str, inputs: tuple[str, ...], output: str, values: dict[str, Any]) -> ClusterJob:
    from rnan.cluster import ClusterJob

    how = chosen(ClusterOptions, values)
    return ClusterJob(
        inputs=inputs,
        output=output,
        request=make_request_of(task, values),
        overwrite=how.overwrite,
        only=_lines(how.files_from) if how.files_from is not None else None,
        name=how.name,
        resume=how.resume,
        address=how.address,
        workers=how.workers,
        threads=values["threads"],
        patience=how.patience,
    )


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    return [line for line in text.splitlines() if line.strip()]


def _say_failures(failures: Sequence[tuple[str, RnanError]]) -> None:
    for source, error in failures[:_FEW]:
        click.echo(f"rnan: {summary.named(error, source)}", err=True)
    if len(failures) > _FEW:
        click.echo(f"rnan: and {len(failures) - _FEW} more, see the manifest", err=True)


def _write_report(path: Path, ended: Summary) -> None:
    failures = [
        {"source": source, "error": error.spelled(OptionRef.as_flag)}
        for source, error in ended.failures
    ]
    more = {
        "retried": ended.retried,
        "megapixels": ended.megapixels,
        "failures": failures,
        "manifest": ended.manifest,
    }
    summary.write_report(path, ended.counts, ended.counts.total(), ended.seconds, more)
