"""``rnan cluster``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress, summary
from rnan.cli.files import Formats, formats
from rnan.cli.options import (
    MODEL,
    PATH,
    Decorated,
    FiniteRange,
    as_click,
    restore_options,
    restoring,
    verbosity,
)
from rnan.errors import InputError, RnanError
from rnan.option_table import LEVELS, SPECIAL

if TYPE_CHECKING:
    from rnan.cluster import Job, Progress, Summary

_OF_THE_JOB = ("resume", "address", "workers", "patience", "threads")

_FEW = 5
"""Failures that are printed; the manifest has them all."""


def levels(function: Decorated) -> Decorated:
    """Those of all tasks; which of them suit the task is looked at later."""
    names = sorted({option.name for options in LEVELS.values() for option in options})
    for name in names:
        tasks = [task for task, options in LEVELS.items() if name in {o.name for o in options}]
        told = f"Of {' and '.join(tasks)}: see rnan {' --help, rnan '.join(tasks)} --help."
        function = click.option(f"--{name}", help=told)(function)
    for task, options in SPECIAL.items():
        for option in options:
            function = as_click(replace(option, help=f"Of {task}: {option.help}"))(function)
    return function


@click.command("cluster")
@click.argument("task", type=click.Choice(list(LEVELS)))
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", required=True, help="A folder, or s3://bucket/prefix and the like.")
@levels
@click.option(
    "--files-from",
    type=PATH,
    help="Take the files that this text names, a line each, below the one IN.",
)
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--resume", is_flag=True, help="Leave out what is complete and unchanged.")
@click.option("--dry-run", is_flag=True, help="Only say what would be written where.")
@click.option("--report", type=PATH, help="Write the summary here, as JSON.")
@click.option("--address", help="Of a Ray cluster.  [default: $RAY_ADDRESS, or this machine alone]")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Networks at work at a time.  [default: one for each GPU, or what the processors hold]",
)
@click.option(
    "--patience",
    type=FiniteRange(min=0.0, min_open=True),
    default=60.0,
    show_default=True,
    help="Minutes without a finished block of pictures after which the job gives up.",
)
@formats
@MODEL
@restoring
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


def _job(task: str, inputs: tuple[str, ...], output: str, given: dict[str, Any]) -> Job:
    from rnan.cluster import Job
    from rnan.work import wish_for

    options = dict(given)
    how = Formats.taken_from(options)
    listed, overwrite = options.pop("files_from"), options.pop("overwrite")
    rest = {name: options.pop(name) for name in _OF_THE_JOB}
    for name in ("dry_run", "report"):
        options.pop(name)
    asked = wish_for(task, options)
    return Job(
        inputs=inputs,
        output=output,
        wish=replace(asked, options=restore_options(threads=None, **options)),
        files=how.options(overwrite=overwrite),
        only=_lines(listed) if listed is not None else None,
        name=how.name,
        ending=how.ending,
        **rest,
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
    failures = [{"source": source, "error": str(error)} for source, error in ended.failures]
    more = {
        "retried": ended.retried,
        "megapixels": ended.megapixels,
        "failures": failures,
        "manifest": ended.manifest,
    }
    summary.write_report(path, ended.counts, ended.counts.total(), ended.seconds, more)
