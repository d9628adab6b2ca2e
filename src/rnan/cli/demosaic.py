"""``rnan demosaic``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli.restoring import Wish, pictures, run

if TYPE_CHECKING:
    from rnan.inference.files import Done


@click.command("demosaic")
@click.option(
    "--pattern",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "grbg", "rggb", "bggr", "gbrg"], case_sensitive=False),
    help="Colours of the first two rows, from the upper left corner; auto reads it in camera raw, "
    "or off a mosaic of three channels.",
)
@click.option(
    "--sigma",
    type=float,
    default=0.0,
    show_default=True,
    help="Standard deviation of the sensor's noise on the 0-255 scale, 0 to 15.",
)
@click.option(
    "--strict", is_flag=True, help="Refuse camera raw of sensors that are not of the Bayer kind."
)
@pictures
def command(
    inputs: tuple[Path, ...],
    output: Path,
    pattern: str,
    sigma: float,
    strict: bool,
    **options: Any,
) -> None:
    """Make colour pictures from camera raw and from Bayer mosaics, 8 and 16 bit.

    Camera raw (DNG, NEF, CR2, CR3, ARW, …) needs the extra raw: pip install 'rnan[raw]'. Pattern,
    levels, white balance, colours and orientation come from the file, and the result is a 16-bit
    picture in sRGB.

    A mosaic is a gray picture, one sample a pixel, or an RGB picture that is black where nothing
    was measured. Its values are taken as they are: display-referred, black at 0.

    \b
    Examples:
      rnan demosaic photo.dng -o photo.tif
      rnan demosaic mosaic.png -o picture.png --pattern rggb
    """

    def describe(done: Done) -> str:
        return f"{str(done.level).upper()}, sigma {sigma:g}"

    wish = Wish(
        restoration="demosaic",
        level=pattern.lower(),
        sigma=sigma,
        strict=strict,
        describe=describe,
        takes_raw=True,
    )
    run(wish, inputs, output, **options)
