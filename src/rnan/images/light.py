"""Which colours the numbers of a picture stand for, however its file says it."""

import io

from PIL import ImageCms

from rnan.images.exif import colour_space_of
from rnan.images.formats import png_chunks
from rnan.images.icc import SRGB, Curve, profile
from rnan.images.metadata import Metadata

_SRGB_PRIMARIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.329)
_ADOBE: tuple[str, tuple[float, ...], float] = (
    "Adobe RGB (1998)",
    (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.329),
    563 / 256,
)
_NEAR, _NEAR_GAMMA = 0.002, 0.03
"""How far primaries, and a gamma of 2.2, may lie from sRGB's and still be meant for them."""


def profile_of(metadata: Metadata, *, gray: bool) -> bytes | None:
    """The picture's colour profile, or an equal one where its file says its colours otherwise.

    None where they are sRGB, or where no profile says the same (see :func:`only_coded`).
    """
    if metadata.icc:
        return metadata.icc
    if metadata.cicp is not None:
        return metadata.cicp.icc(gray=gray)
    colours = _of_png(metadata)
    if colours is None and colour_space_of(metadata.exif) == "Adobe RGB":
        name, primaries, gamma = _ADOBE
        colours = name, primaries, Curve(gamma=gamma)
    if colours is None or (gray and colours[2] == SRGB):
        return None
    name, primaries, curve = colours
    return profile(name, None if gray else primaries, curve)


def only_coded(metadata: Metadata) -> bool:
    """Whether code points alone can name the colours: PQ, HLG and whatever is unknown."""
    return not metadata.icc and metadata.cicp is not None and metadata.cicp.icc() is None


def named(metadata: Metadata) -> str:
    """For people: the name of the profile, or of the colours and where the file says them.

    Empty where it says nothing, which is taken for sRGB.
    """
    if metadata.icc:
        return profile_name(metadata.icc)
    if metadata.cicp is not None:
        return f"{metadata.cicp.name}, by code points"
    of_png = _of_png(metadata)
    if of_png is not None:
        return f"{of_png[0]}, by gAMA and cHRM"
    space = colour_space_of(metadata.exif)
    return f"{space}, by EXIF" if space in ("Adobe RGB", "uncalibrated") else ""


def profile_name(icc: bytes) -> str:
    """What a colour profile calls itself."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        return " ".join((profile.profile.profile_description or "unnamed").split())
    except (OSError, ValueError, TypeError):
        return "damaged"


def _of_png(metadata: Metadata) -> tuple[str, tuple[float, ...], Curve] | None:
    """Name, primaries and curve of a PNG's gAMA and cHRM chunks; none where they are sRGB's."""
    gamma, primaries = png_chunks.gamma_and_primaries(metadata.png_colour)
    near = primaries is None or all(
        abs(one - other) < _NEAR for one, other in zip(primaries, _SRGB_PRIMARIES, strict=True)
    )
    plain = gamma is None or abs(gamma - 2.2) < _NEAR_GAMMA
    if near and plain:
        return None
    curve = SRGB if gamma is None else Curve(gamma=gamma)
    name = "primaries of its own" if not near else "sRGB primaries"
    suffix = "" if gamma is None else f", gamma {gamma:.2f}".replace(", gamma 1.00", ", linear")
    return name + suffix, primaries or _SRGB_PRIMARIES, curve
