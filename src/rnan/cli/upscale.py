"""``rnan upscale``."""

from __future__ import annotations

from typing import Any

import click

from rnan.cli.options import with_options
from rnan.cli.restoring import pictures, run
from rnan.option_table import LEVELS


@click.command("upscale")
@with_options(LEVELS["upscale"])
@pictures
def command(**options: Any) -> None:
    """Enlarge pictures 1.1 to 4 times, in colour and gray, 8 and 16 bit.

    \b
    Examples:
      rnan upscale small.png -o large.png --scale 4
      rnan upscale photos/ -o larger/ --scale 1.5

    The network was trained on clean pictures that bicubic interpolation made small. It enlarges
    noise and JPEG blocks as well as detail: run rnan denoise or rnan dejpeg first.
    """
    run("upscale", **options)
