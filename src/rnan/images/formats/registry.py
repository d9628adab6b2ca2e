"""The formats of pictures, one record each; others can be added."""

from collections.abc import Callable
from dataclasses import dataclass

from rnan.images.picture import Picture
from rnan.options.files import ReadOptions, WriteOptions

Decode = Callable[[bytes, str, ReadOptions], Picture]
"""The content of a file, what messages call it, and how it is read."""

Encode = Callable[[Picture, WriteOptions], bytes]


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format of pictures."""

    name: str
    """In capitals; Pillow's name for it where that knows it."""
    endings: tuple[str, ...]
    """Endings of its files, the usual one first."""
    decode: Decode
    recognises: Callable[[bytes], bool] = lambda data: False
    """Whether a file is of this format; what none recognises is left to Pillow."""
    encode: Encode | None = None
    """None where it is only read."""
    depths: tuple[int, ...] = (8,)
    """Bits a channel that are written; 32 is floating point."""
    holds_gray: bool = False
    """Whether it holds one channel; others get three."""
    codes_colours: bool = False
    """Whether it says colours by code points (ITU-T H.273)."""
    of_raw: bool = False
    """Whether it holds what a sensor saw, so that only camera raw becomes one."""


FORMATS: dict[str, Format] = {}
"""By name; files are recognised in this order."""

WRITTEN: dict[str, str] = {}
"""Name of the format by the ending of an output."""

USUAL_ENDING: dict[str, str] = {}
"""Usual ending of each format that is written, by name."""

EXTENSIONS: list[str] = []
"""Endings by which folders are searched; a file that is named is known by its content."""


def register(file_format: Format) -> None:
    """Add a format, or replace the one of its name."""
    FORMATS[file_format.name] = file_format
    if not file_format.of_raw:
        EXTENSIONS.extend(ending for ending in file_format.endings if ending not in EXTENSIONS)
    if file_format.encode is not None:
        WRITTEN.update(dict.fromkeys(file_format.endings, file_format.name))
        USUAL_ENDING[file_format.name] = file_format.endings[0]
