"""What Pillow leaves of an AVIF: bits beyond the eighth, and colours by code points."""

from dataclasses import replace

from rnan.errors import MissingExtraError
from rnan.images.alpha import split_alpha
from rnan.images.formats.boxes import bits_of_avif, cicp_of
from rnan.images.orientation import upright
from rnan.images.picture import Picture, of_full_range


def completed(picture: Picture, data: bytes, *, turned: int, frame: int) -> Picture:
    """The picture with all that the file holds.

    Args:
        picture: As Pillow read it.
        data: The file.
        turned: How Pillow's reader turned it, 1 to 8.
        frame: Which of the pictures of the file, counted from 0.

    Raises:
        MissingExtraError: It has more than 8 bits and imagecodecs is not installed.
    """
    if not picture.metadata.icc:
        picture = replace(picture, metadata=replace(picture.metadata, cicp=cicp_of(data)))
    bits = bits_of_avif(data)
    if bits == 8:
        return picture
    try:
        import imagecodecs
    except ImportError:
        raise MissingExtraError("imagecodecs") from None
    values = imagecodecs.avif_decode(data, index=frame)
    pixels, alpha = split_alpha(upright(of_full_range(values, bits), turned))
    alpha = picture.alpha if alpha is None else alpha
    return replace(picture, pixels=pixels, alpha=alpha)
