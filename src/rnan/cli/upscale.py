"""``rnan upscale``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rnan.cli.restoring import Wish, pictures, run


@click.command("upscale")
@click.option(
    "--scale",
    type=click.IntRange(2, 4),
    default=2,
    show_default=True,
    help="How many times wider and higher.",
)
@pictures
def command(inputs: tuple[Path, ...], output: Path, scale: int, **options: Any) -> None:
    """Enlarge pictures 2, 3 or 4 times, in colour and gray, 8 and 16 bit.

    \b
    Example:
      rnan upscale small.png -o large.png --scale 4

    The network was trained on clean pictures that bicubic interpolation made small. It enlarges
    noise and JPEG blocks as well as detail: run rnan denoise or rnan dejpeg first.
    """
    wish = Wish(restoration="upscale", level=float(scale), describe=lambda _: f"x{scale}")
    run(wish, inputs, output, **options)
