"""``rnan denoise``."""

from rnan.cli.restoring import restoring_command


@restoring_command("denoise")
def command() -> None:
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
