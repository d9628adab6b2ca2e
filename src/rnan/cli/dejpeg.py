"""``rnan dejpeg``."""

from rnan.cli.restoring import restoring_command


@restoring_command("dejpeg")
def command() -> None:
    """Remove the blocks and rings of JPEG compression, in colour and gray.

    \b
    Examples:
      rnan dejpeg old.jpg -o repaired.png
      rnan dejpeg screenshots/ -o repaired/ --quality 30

    Write PNG or TIFF where you can: a JPEG output is compressed anew, at quality 95.
    """
