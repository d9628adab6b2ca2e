"""``rnan auto``."""

from rnan.cli.restoring import restoring_command


@restoring_command("auto")
def command() -> None:
    """Find out what pictures need and do it: JPEG repair, denoising, demosaicing, one or several.

    A clean picture stays as it is, its file too where the format does.

    \b
    Examples:
      rnan auto photo.jpg -o better.png
      rnan auto photos/ -o better/ --recursive --resume
    """
