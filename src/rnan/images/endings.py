"""Endings of files that folders are not searched for, and of camera raw."""

RAW_EXTENSIONS = (
    *(".3fr", ".ari", ".arw", ".bay", ".cap", ".cine", ".cr2", ".cr3", ".crw", ".cs1", ".dc2"),
    *(".dcr", ".dcs", ".dng", ".drf", ".erf", ".fff", ".gpr", ".ia", ".iiq", ".k25", ".kc2"),
    *(".kdc", ".mdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".ori", ".pef", ".ptx"),
    *(".pxn", ".qtk", ".raf", ".raw", ".rdc", ".rw2", ".rwl", ".rwz", ".sr2", ".srf", ".srw"),
    *(".sti", ".x3f"),
)
"""Endings of camera raw that LibRaw reads, see :mod:`rnan.images.raw`."""

OTHER_EXTENSIONS = (
    *(".gif", ".jp2", ".j2k", ".jxl", ".jxr", ".exr", ".hdr", ".pbm", ".pgm", ".ppm", ".pfm"),
    *(".psd", ".tga", ".xcf", ".svg"),
)
"""Endings of further pictures, for which a folder is not searched; a warning counts them."""
