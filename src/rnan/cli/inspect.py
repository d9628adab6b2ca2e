"""``rnan inspect``."""

import json
from pathlib import Path
from typing import Any

import click

from rnan.cli.options import PATH, GroupedCommand, chosen, verbosity, with_options
from rnan.options.files import ReadOptions
from rnan.options.option import options_of


@click.command("inspect", cls=GroupedCommand)
@click.argument("pictures", nargs=-1, required=True, type=PATH, metavar="IN...")
@click.option("--recursive", is_flag=True, help="Look into folders within folders.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each picture.")
@with_options(options_of(ReadOptions).values())
@verbosity
def command(
    pictures: tuple[Path, ...], recursive: bool, as_json: bool, **reading_values: Any
) -> None:
    """Say what pictures are, what they went through, and which command would help.

    \b
    Examples:
      rnan inspect photo.jpg
      rnan inspect photos/ --recursive --json

    A single - is the picture on standard input.
    """
    from rnan.isolation.pool import POOL

    POOL.warm()  # while all else is loaded
    from rnan.cli.summary import as_ours, failure, named
    from rnan.images.raw import is_raw
    from rnan.isolation import read_raw
    from rnan.pipeline.files import read_source
    from rnan.pipeline.inspection import inspect
    from rnan.pipeline.plan import STREAM, Plan, pictures_in
    from rnan.pipeline.raw_findings import inspect_raw

    reading = chosen(ReadOptions, reading_values)
    streamed = pictures == (STREAM,)
    paths = list(pictures) if streamed else pictures_in(pictures, recursive=recursive)
    failures = []
    for path in paths:
        try:
            if is_raw(path):
                findings: Any = inspect_raw(read_raw(path))
            else:
                findings = inspect(read_source(Plan(path, STREAM), reading))
        except Exception as error:  # nothing about one picture stops the others
            failure_of_it = as_ours(error, str(path))
            if len(paths) == 1:
                raise failure_of_it from error
            click.echo(f"rnan: {named(failure_of_it, str(path))}", err=True)
            failures.append(failure_of_it)
            continue
        commands = findings.commands(path, reading)
        if as_json:
            facts = {"path": str(path), **findings.as_dict(), "commands": commands}
            click.echo(json.dumps(facts, ensure_ascii=False))
            continue
        click.echo(str(path))
        for sentence in findings.sentences():
            click.echo(f"  {sentence}")
        click.echo("  nothing to do" if not commands else "  to restore it:")
        for line in commands:
            click.echo(f"    {line}")
    if failures:
        raise failure(failures, len(paths))
