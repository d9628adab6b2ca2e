"""``rnan demosaic``."""

from __future__ import annotations

from typing import Any

import click

from rnan.cli.options import with_options
from rnan.cli.restoring import pictures, run
from rnan.option_table import LEVELS, SPECIAL


@click.command("demosaic")
@with_options(LEVELS["demosaic"])
@with_options(SPECIAL["demosaic"])
@click.option(
    "--strict", is_flag=True, help="Refuse camera raw of sensors that are not of the Bayer kind."
)
@pictures
def command(**options: Any) -> None:
    """Make colour pictures from camera raw and from Bayer mosaics, 8 and 16 bit.

    Camera raw (DNG, NEF, CR2, CR3, ARW, …) needs the extra raw: pip install 'rnan[raw]'. Pattern,
    levels, white balance, colours and orientation come from the file, and the result is a 16-bit
    picture in sRGB.

    A mosaic is a gray picture, one sample a pixel, or an RGB picture that is black where nothing
    was measured. Its values are taken as they are: display-referred, black at 0.

    \b
    Examples:
      rnan demosaic photo.dng -o photo.tif --keep-samples
      rnan demosaic mosaic.png -o picture.png --pattern rggb
    """
    run("demosaic", **options)
