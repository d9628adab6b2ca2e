"""Pictures as people have them: read, write, metadata, depth (numpy, no torch)."""

from rnan.images.formats.registry import EXTENSIONS
from rnan.images.metadata import Metadata
from rnan.images.picture import Picture, from_float, to_float
from rnan.images.read import decode, read, size_of
from rnan.images.write import check_output, write, write_whole
from rnan.options.files import ReadOptions, WriteOptions

__all__ = [
    "EXTENSIONS",
    "Metadata",
    "Picture",
    "ReadOptions",
    "WriteOptions",
    "check_output",
    "decode",
    "from_float",
    "read",
    "size_of",
    "to_float",
    "write",
    "write_whole",
]
