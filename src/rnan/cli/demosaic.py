"""``rnan demosaic``."""

from rnan.cli.restoring import restoring_command


@restoring_command("demosaic")
def command() -> None:
    """Make colour pictures from camera raw and from Bayer mosaics, 8 and 16 bit.

    Camera raw: DNG, NEF, CR2, CR3, ARW and others. Its noise is found by itself and taken away
    with the mosaic; the result is a 16-bit picture in sRGB, or a DNG to go on with in an editor.

    A mosaic is a gray picture, one sample a pixel, or an RGB picture that is black where nothing
    was measured. Its values are taken as they are: display-referred, black at 0.

    \b
    Examples:
      rnan demosaic photo.dng -o photo.tif
      rnan demosaic photo.dng -o clean.dng --luma 0.7
      rnan demosaic mosaic.png -o picture.png --pattern rggb
    """
