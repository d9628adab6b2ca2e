"""``rnan inspect``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from rnan.cli.options import PATH, verbosity


@click.command("inspect")
@click.argument("pictures", nargs=-1, required=True, type=PATH, metavar="PICTURE...")
@click.option("--json", "as_json", is_flag=True, help="One line of JSON for each picture.")
@verbosity
def command(pictures: tuple[Path, ...], as_json: bool) -> None:
    """Say what pictures are, what they went through, and which command would help.

    Example: rnan inspect photo.jpg
    """
    from rnan.images import read
    from rnan.inference.inspection import inspect

    for path in pictures:
        found = inspect(read(path))
        commands = found.commands(path)
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
