"""``rnan dejpeg``."""

from __future__ import annotations

from typing import Any

import click

from rnan.cli.options import with_options
from rnan.cli.restoring import pictures, run
from rnan.option_table import LEVELS


@click.command("dejpeg")
@with_options(LEVELS["dejpeg"])
@pictures
def command(**options: Any) -> None:
    """Remove the blocks and rings of JPEG compression, in colour and gray.

    \b
    Examples:
      rnan dejpeg old.jpg -o repaired.png
      rnan dejpeg screenshots/ -o repaired/ --quality 30

    Write PNG or TIFF where you can: a JPEG output is compressed anew, at quality 95.
    """
    run("dejpeg", **options)
