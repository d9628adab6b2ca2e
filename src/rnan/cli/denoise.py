"""``rnan denoise``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rnan.cli.restoring import Wish, level_taken, number_or_auto, pictures, run


@click.command("denoise")
@click.option(
    "--sigma",
    default="auto",
    show_default=True,
    help="Standard deviation of the noise on the 0-255 scale, 0 to 75; auto estimates it.",
)
@pictures
def command(inputs: tuple[Path, ...], output: Path, sigma: str, **options: Any) -> None:
    """Remove noise from pictures: files and folders, 8 and 16 bit, colour and gray.

    \b
    Examples:
      rnan denoise photo.jpg -o clean.jpg
      rnan denoise scans/ -o clean/ --sigma 12 --compare

    The network was trained on white Gaussian noise. Camera noise differs: it depends on the
    brightness and is changed by the camera's own processing. auto takes a map where it depends on
    the brightness, and reckons with what JPEG hides; give --sigma a value that suits your eye
    where that is too little.
    """
    wish = Wish(
        restoration="denoise",
        level=number_or_auto("--sigma", sigma),
        describe=lambda done: level_taken(done, "sigma", 1, auto="estimated"),
    )
    run(wish, inputs, output, **options)
