"""``rnan inspect``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from rnan.cli.options import PATH, verbosity, with_options
from rnan.option_table import READING


@click.command("inspect")
@click.argument("pictures", nargs=-1, required=True, type=PATH, metavar="IN...")
@click.option("--recursive", is_flag=True, help="Look into folders within folders.")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each picture.")
@with_options(READING)
@verbosity
def command(
    pictures: tuple[Path, ...],
    recursive: bool,
    as_json: bool,
    frame: int | None,
    assume_cmyk: bool,
    salvage: bool,
) -> None:
    """Say what pictures are, what they went through, and which command would help.

    \b
    Examples:
      rnan inspect photo.jpg
      rnan inspect photos/ --recursive --json

    A single - is the picture on standard input.
    """
    from rnan.cli.summary import as_ours, failure, named
    from rnan.images import ReadOptions
    from rnan.inference.files import read_source
    from rnan.inference.inspection import inspect
    from rnan.inference.plan import STREAM, pictures_in

    reading = ReadOptions(frame=frame, assume_cmyk=assume_cmyk, salvage=salvage)
    streamed = pictures == (STREAM,)
    paths = list(pictures) if streamed else pictures_in(pictures, recursive=recursive)
    failures = []
    for path in paths:
        try:
            found = inspect(read_source(path, reading))
        except Exception as error:  # nothing about one picture stops the others
            failure_of_it = as_ours(error, str(path))
            if len(paths) == 1:
                raise failure_of_it from error
            click.echo(f"rnan: {named(failure_of_it, str(path))}", err=True)
            failures.append(failure_of_it)
            continue
        commands = found.commands(path, reading)
        if as_json:
            facts = {"path": str(path), **found.as_dict(), "commands": commands}
            click.echo(json.dumps(facts, ensure_ascii=False))
            continue
        click.echo(str(path))
        for sentence in found.sentences():
            click.echo(f"  {sentence}")
        click.echo("  nothing to do" if not commands else "  to restore it:")
        for line in commands:
            click.echo(f"    {line}")
    if failures:
        raise failure(failures, len(paths))
