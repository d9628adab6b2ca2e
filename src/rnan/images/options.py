"""How files are read and written, read by the command line, the server and the cluster alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rnan.errors import ConfigError
from rnan.images.limits import MAX_PIXELS

Depth = Literal[8, 16, 32]


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How a file is read."""

    frame: int | None = None
    """Which picture of an animation or which page, counted from 1; files with several are refused
    where nothing is said."""

    assume_cmyk: bool = False
    """Convert CMYK pictures without a profile by plain arithmetic instead of refusing them."""

    max_pixels: int = MAX_PIXELS
    """Larger pictures are refused before they are decoded."""

    salvage: bool = False
    """Take what is there of a JPEG or PNG that is cut off, instead of refusing it."""

    formats: tuple[str, ...] | None = None
    """Only these decoders (``PNG``, ``JPEG``, ``TIFF``, ``WEBP``, ``BMP``, ``AVIF``, ``HEIF`` and
    whatever else Pillow knows); by default all."""

    def allows(self, file_format: str) -> bool:
        """Whether files of a format may be decoded."""
        return self.formats is None or file_format in self.formats

    @property
    def takes_it_as_it_is(self) -> bool:
        """Whether what is read is the whole file, without anything chosen or guessed."""
        return self.frame is None and not self.assume_cmyk and not self.salvage

    def __post_init__(self) -> None:
        if self.frame is not None and self.frame < 1:
            raise ConfigError(f"frames are counted from 1, got {self.frame}")


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How a file is written."""

    bit_depth: Depth | None = None
    """Bits a channel, 32 being floating point; by default those of the input, as far as the format
    holds them."""

    jpeg_quality: int = 95
    """Of JPEG and AVIF, 1 to 100; chroma is kept whole (4:4:4)."""

    strip_metadata: bool = False
    """Leave out EXIF, XMP, IPTC and resolution; the colour profile stays, or colours change."""

    def __post_init__(self) -> None:
        if self.bit_depth not in (None, 8, 16, 32):
            raise ConfigError(f"bit_depth must be 8, 16 or 32, got {self.bit_depth}")
        if not 1 <= self.jpeg_quality <= 100:
            raise ConfigError(f"jpeg_quality must lie between 1 and 100, got {self.jpeg_quality}")


READ, WRITE = ReadOptions(), WriteOptions()
"""What holds where nothing is said."""
