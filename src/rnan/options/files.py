"""How picture files are read and written."""

from dataclasses import dataclass
from typing import Literal

from rnan.options.option import check, option

MAX_PIXELS = 2**29
"""Pictures of more pixels (537 million) are refused where nobody says less."""

Depth = Literal[8, 16, 32]


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How a file is read.

    Raises:
        ConfigError: A value is out of range.
    """

    frame: int | None = option(
        None,
        "Which picture of an animation or which page, counted from 1; a file that holds several is "
        "refused without.",
        low=1,
        group="files",
    )
    assume_cmyk: bool = option(
        False,
        "Convert CMYK pictures without a profile by plain arithmetic instead of refusing them.",
        group="files",
    )
    salvage: bool = option(
        False,
        "Take what is there of JPEG and PNG files that are cut off, instead of refusing them.",
        group="files",
    )
    max_pixels: int = MAX_PIXELS
    """Larger pictures are refused before they are decoded."""
    formats: tuple[str, ...] | None = None
    """Only these decoders (``PNG``, ``JPEG``, ``TIFF``, ``WEBP``, ``BMP``, ``AVIF``, ``HEIF`` and
    whatever else Pillow knows); by default all."""

    def __post_init__(self) -> None:
        check(self)

    def allows(self, file_format: str) -> bool:
        """Whether files of a format may be decoded."""
        return self.formats is None or file_format in self.formats

    @property
    def takes_file_as_it_is(self) -> bool:
        """Whether what is read is the whole file, without anything chosen or guessed."""
        return self.frame is None and not self.assume_cmyk and not self.salvage


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How a file is written.

    Raises:
        ConfigError: A value is out of range.
    """

    format: Literal["png", "jpeg", "tiff", "webp", "avif", "bmp", "dng"] | None = option(
        None,
        "Format of the results in a folder, or of standard output.",
        group="output",
        default_text="as the input",
    )
    bit_depth: Depth | None = option(
        None,
        "Bits a channel of the results, 32 in floating point.",
        group="output",
        default_text="as the input, as far as the format holds it",
    )
    jpeg_quality: int = option(
        95,
        "Quality of JPEG and AVIF results, 1 to 100; chroma is kept whole (4:4:4).",
        low=1,
        high=100,
        group="output",
    )
    strip_metadata: bool = option(
        False,
        "Leave out EXIF, XMP, IPTC and resolution; the colour profile stays, or colours change.",
        group="output",
    )

    def __post_init__(self) -> None:
        check(self)


READ, WRITE = ReadOptions(), WriteOptions()
"""What holds where nothing is asked for."""
