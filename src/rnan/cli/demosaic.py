"""``rnan demosaic``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rnan.cli.restoring import Wish, pictures, run


@click.command("demosaic")
@click.option(
    "--pattern",
    required=True,
    type=click.Choice(["grbg", "rggb", "bggr", "gbrg"], case_sensitive=False),
    help="Colours of the first two rows, from the upper left corner.",
)
@click.option(
    "--sigma",
    type=float,
    default=0.0,
    show_default=True,
    help="Standard deviation of the sensor's noise on the 0-255 scale, 0 to 15.",
)
@pictures
def command(
    inputs: tuple[Path, ...], output: Path, pattern: str, sigma: float, **options: Any
) -> None:
    """Make colour pictures from Bayer mosaics, 8 and 16 bit.

    A mosaic is a gray picture, one sample a pixel, or an RGB picture that is black where nothing
    was measured. Its values are taken as they are: display-referred, black at 0.

    \b
    Example:
      rnan demosaic mosaic.png -o picture.png --pattern rggb
    """
    wish = Wish(
        restoration="demosaic",
        level=pattern.lower(),
        sigma=sigma,
        describe=lambda _: f"{pattern.upper()}, sigma {sigma:g}",
    )
    run(wish, inputs, output, **options)
