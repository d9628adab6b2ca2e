"""``rnan dejpeg``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli.restoring import Wish, number_or_auto, pictures, run

if TYPE_CHECKING:
    from rnan.inference.files import Done


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
    level = number_or_auto("--quality", quality)
    run(Wish(restoration="dejpeg", level=level, describe=_describe), inputs, output, **options)


def _describe(done: Done) -> str:
    return f"quality {done.level:.0f} {'found' if done.estimated else 'given'}"
