"""What a file says besides its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from rnan.images.cicp import Cicp
from rnan.images.exif import srgb_exif, upright_exif
from rnan.images.xmp_rules import upright_xmp


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What a file says besides its pixels; kept as the file's own bytes."""

    format: str = ""
    """Format of the file as Pillow names it: ``PNG``, ``JPEG``, ``TIFF``, ``WEBP``, ``AVIF``,
    ``HEIF``."""
    icc: bytes | None = None
    """Colour profile."""
    exif: bytes | None = None
    """EXIF block from its TIFF header on; its orientation is applied to the pixels and reset, its
    thumbnail dropped."""
    xmp: bytes | None = None
    """XMP packet; its orientation is reset too, its thumbnails dropped."""
    iptc: bytes | None = None
    """IPTC record: caption, keywords, credit."""
    dpi: tuple[float, float] | None = None
    """Resolution in dots an inch, across and down."""
    cicp: Cicp | None = None
    """Colours as code points, where the file says them so and has no profile."""
    png_colour: bytes = b""
    """Chunks of a PNG that stand for a profile: gamma, primaries, coding (HDR); kept in PNG."""
    texts: tuple[tuple[str, str], ...] = ()
    """Keyword and text of a PNG's text chunks; of a JPEG's comment the keyword is ``Comment``."""
    size: tuple[int, int] | None = None
    """Height and width of the pixels that EXIF and XMP speak of."""
    left_out: tuple[str, ...] = ()
    """What else the file holds and results do not: a gain map, a second picture, a video."""
    jpeg_table: tuple[int, ...] | None = None
    """Luma quantisation table of a JPEG file, 64 entries row by row."""
    jpeg_grid: tuple[int, int] | None = None
    """Rows and columns before the first whole block of a JPEG file: none, unless it was turned."""
    jpeg_subsampling: str | None = None
    """Chroma subsampling of a JPEG file: ``4:4:4``, ``4:2:2``, ``4:2:0``; none for others."""

    def without_profile(self) -> Metadata:
        """The same for pixels that the profile does not describe any more."""
        exif = srgb_exif(self.exif) if self.exif else None
        return replace(self, icc=None, cicp=None, png_colour=b"", exif=exif)


def metadata_of(
    *,
    exif: bytes | None,
    xmp: Any,
    turned: int = 1,
    stored: tuple[int, int] | None = None,
    **more: Any,
) -> Metadata:
    """What a file says, for pixels that stand upright and alone.

    Args:
        exif: Its EXIF block.
        xmp: Its XMP packet, text or bytes.
        turned: Its orientation, 1 to 8, where the pixels were turned by us.
        stored: Height and width of the pixels before.
        more: Other fields of :class:`Metadata`.
    """
    packet, parts = upright_xmp(xmp, turned)
    left_out = tuple(dict.fromkeys((*parts, *more.pop("left_out", ()))))
    return Metadata(
        exif=upright_exif(exif, stored if turned != 1 else None),
        xmp=packet,
        left_out=left_out,
        **more,
    )
