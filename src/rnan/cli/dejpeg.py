"""``rnan dejpeg``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rnan.cli.restoring import Wish, level_taken, number_or_auto, pictures, run


@click.command("dejpeg")
@click.option(
    "--quality",
    default="auto",
    show_default=True,
    help="Quality that the picture was saved with, 1 to 100; auto reads it in the file, or "
    "estimates it from the pixels where the file is no JPEG any more.",
)
@pictures
def command(inputs: tuple[Path, ...], output: Path, quality: str, **options: Any) -> None:
    """Remove the blocks and rings of JPEG compression, in colour and gray.

    \b
    Examples:
      rnan dejpeg old.jpg -o repaired.png
      rnan dejpeg screenshots/ -o repaired/ --quality 30

    Write PNG or TIFF where you can: a JPEG output is compressed anew, at quality 95.
    """
    wish = Wish(
        restoration="dejpeg",
        level=number_or_auto("--quality", quality),
        describe=lambda done: level_taken(done, "quality", 0, auto="found"),
    )
    run(wish, inputs, output, **options)
