"""``rnan denoise``."""

from rnan.cli.restoring import restoring_command


@restoring_command("denoise")
def command() -> None:
    """Remove noise from pictures: files and folders, 8 and 16 bit, colour and gray.

    \b
    Examples:
      rnan denoise photo.jpg -o clean.jpg
      rnan denoise scans/ -o clean/ --sigma 12 --compare

    The picture decides between two networks: one for the noise that cameras leave in photographs,
    one for white noise. A --sigma that is given means white noise. --noise-scale 2 reckons with
    twice the variance that was found, --luma 0.7 leaves grain.
    """
