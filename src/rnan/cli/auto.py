"""``rnan auto``."""

from __future__ import annotations

from typing import Any

import click

from rnan.cli.files import files
from rnan.cli.options import restoring, verbosity
from rnan.cli.restoring import run


@click.command("auto")
@files
@restoring
@verbosity
def command(**options: Any) -> None:
    """Find out what pictures need and do it: JPEG repair, denoising, demosaicing, one or several.

    A clean picture stays as it is, its file too where the format does.

    \b
    Examples:
      rnan auto photo.jpg -o better.png
      rnan auto photos/ -o better/ --recursive --resume
    """
    run("auto", **options)
