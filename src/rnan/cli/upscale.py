"""``rnan upscale``."""

from rnan.cli.restoring import restoring_command


@restoring_command("upscale")
def command() -> None:
    """Enlarge pictures 1.1 to 4 times, in colour and gray, 8 and 16 bit.

    \b
    Examples:
      rnan upscale small.png -o large.png --scale 4
      rnan upscale photos/ -o larger/ --scale 1.5

    The network was trained on clean pictures that bicubic interpolation made small. It enlarges
    noise and JPEG blocks as well as detail: run rnan denoise or rnan dejpeg first.
    """
