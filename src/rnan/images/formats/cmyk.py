"""Pictures for print, in four inks, as RGB."""

import io
import logging

import numpy as np
from PIL import Image, ImageCms

from rnan.errors import InputError, OptionRef
from rnan.images.picture import Pixels

_log = logging.getLogger(__name__)


def cmyk_to_rgb(image: Image.Image, icc: bytes | None, name: str, *, assume: bool) -> Pixels:
    """``(H, W, 3)`` uint8 in sRGB, through the picture's own profile.

    Raises:
        InputError: There is no usable profile, and nothing is to be assumed.
    """
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(
                image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except ImageCms.PyCMSError as error:
            if not assume:
                raise InputError(
                    f"{name} is CMYK and its profile cannot be used ({error}); pass ",
                    OptionRef("assume_cmyk", True),
                    " for plain inks",
                    remedy={"assume_cmyk": True},
                ) from error
        else:
            assert converted is not None
            _log.warning("%s: converted from CMYK to sRGB through its profile", name)
            return np.asarray(converted)
    if not assume:
        raise InputError(
            f"{name} is CMYK without a profile; pass ",
            OptionRef("assume_cmyk", True),
            " for plain inks",
            remedy={"assume_cmyk": True},
        )
    _log.warning("%s: converted from CMYK to RGB without a profile", name)
    return np.asarray(image.convert("RGB"))
