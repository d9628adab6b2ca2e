"""Pictures to files: whole or not at all, with what belonged to them."""

import contextlib
import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnan.errors import InputError, OptionRef, ResourceError, RnanError, is_full
from rnan.images.endings import RAW_EXTENSIONS
from rnan.images.exif import exif_for_size
from rnan.images.formats.png_chunks import chunk
from rnan.images.formats.registry import EXTENSIONS, FORMATS, WRITTEN
from rnan.images.light import named, only_coded, profile_of
from rnan.images.metadata import Metadata
from rnan.images.picture import Picture, samples
from rnan.images.xmp_rules import xmp_for_size
from rnan.options.files import WRITE, Depth, WriteOptions

_log = logging.getLogger(__name__)
_MASK = os.umask(0o077)
"""Rights that new files do not get; asked for once, since asking changes them for all threads."""
os.umask(_MASK)


def write(
    picture: Picture, path: str | Path, *, overwrite: bool = False, options: WriteOptions = WRITE
) -> None:
    """Write a picture; its format follows the ending of ``path``.

    PNG and TIFF keep the depth of the pixels; JPEG and AVIF (4:4:4), WebP (lossless) and BMP hold
    8 bit. The file appears under its name only when it is complete.

    Raises:
        InputError: The ending is unknown, the file exists and ``overwrite`` is off, the folder
            cannot be written, or the format cannot hold the picture.
        ResourceError: The disk is full.
    """
    path = Path(path)
    check_output(path, overwrite=overwrite)
    write_whole(path, encode(picture, WRITTEN[path.suffix.lower()], options))


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse an output that could not be written, before any work is done for it.

    Raises:
        InputError: As :func:`write`.
    """
    if path.suffix.lower() not in WRITTEN:
        raise InputError(
            f"cannot write {path.name}: the ending must be one of {', '.join(sorted(WRITTEN))}"
        )
    check_replaceable(path, overwrite=overwrite)


def check_depth(depth: Depth | None, file_format: str) -> None:
    """Refuse a depth that a format does not hold.

    Raises:
        InputError: It does not.
    """
    if depth is None or depth in FORMATS[file_format].depths:
        return
    raise InputError(f"{file_format} does not hold {depth} bits a channel; write TIFF")


def check_replaceable(path: Path, *, overwrite: bool) -> None:
    """Refuse to write where something is.

    Raises:
        InputError: ``path`` is a folder, or exists and is not to be replaced, or its folder cannot
            be made or written.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; pass ", OptionRef("overwrite", True), " to replace it")
    there = next(folder for folder in path.absolute().parents if folder.exists())
    if not there.is_dir():
        raise InputError(f"{path} cannot be written: {there} is a file")
    if not os.access(there, os.W_OK):
        raise InputError(f"{path} cannot be written: {there} is not yours to write in")


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before long work is done for it.

    Raises:
        InputError: As :func:`check_replaceable`, or its folder cannot be written.
    """
    check_replaceable(path, overwrite=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def check_report(path: Path) -> None:
    """Refuse a report, which replaces the one before, where it could not be written.

    Raises:
        InputError: As :func:`check_writable`, or ``path`` ends as a picture does.
    """
    if path.suffix.lower() in {*WRITTEN, *EXTENSIONS, *RAW_EXTENSIONS}:
        raise InputError(f"{path} ends as a picture does, and what goes there is text")
    check_writable(path)


def could_not_write(path: Path, error: OSError) -> RnanError:
    """What an error of the system means to the user."""
    if is_full(error):
        return ResourceError(f"no space left to write {path}; free some and run again")
    return InputError(f"{path} cannot be written: {error.strerror or error}")


def write_whole(path: Path, data: bytes) -> None:
    """Write bytes to a temporary name beside ``path``, then rename.

    Raises:
        InputError: The folder cannot be made or written.
        ResourceError: The disk is full.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        with contextlib.suppress(OSError):  # some network disks know no rights
            temporary.chmod(0o666 & ~_MASK)
        temporary.replace(path)
    except OSError as error:
        raise could_not_write(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def encode(picture: Picture, file_format: str, options: WriteOptions = WRITE) -> bytes:
    """The bytes of a file of that format.

    Raises:
        InputError: The format cannot hold the picture.
        MissingExtraError: A package for the format is not installed.
    """
    check_colours(picture, file_format)
    picture = _belonging(_of_depth(picture, options.bit_depth, file_format), file_format, options)
    encode_format = FORMATS[file_format].encode
    assert encode_format is not None
    return encode_format(picture, options)


def _of_depth(picture: Picture, depth: Depth | None, file_format: str) -> Picture:
    if depth is None:
        return picture
    check_depth(depth, file_format)
    kind = np.dtype({8: np.uint8, 16: np.uint16, 32: np.float32}[depth])
    values = samples(picture, kind)
    if picture.alpha is None:
        return replace(picture, pixels=values)
    return replace(picture, pixels=values[:, :, :-1], alpha=values[:, :, -1])


def check_colours(picture: Picture, file_format: str) -> None:
    """Refuse a format that cannot say which colours a picture has.

    Raises:
        InputError: They are coded as PQ or HLG, say, and it has neither a way to say so nor a
            profile that does.
    """
    if not FORMATS[file_format].codes_colours and only_coded(picture.metadata):
        raise InputError(
            f"the colours are {named(picture.metadata)}, which {file_format} cannot say; "
            f"write {' or '.join(one.name for one in FORMATS.values() if one.codes_colours)}"
        )


def _belonging(picture: Picture, file_format: str, options: WriteOptions) -> Picture:
    """The picture with what is to be written beside its pixels."""
    metadata = _with_colours(picture, file_format)
    if options.strip_metadata:
        metadata = replace(metadata, exif=None, xmp=None, iptc=None, dpi=None, texts=())
    if file_format == "BMP":
        there = {"colour profile": metadata.icc, "EXIF": metadata.exif, "XMP": metadata.xmp}
        if gone := ", ".join(name for name, content in there.items() if content):
            _log.warning("left out, for which BMP has no place: %s", gone)
    metadata = replace(metadata, texts=_texts_for(metadata.texts, file_format))
    if metadata.exif:
        exif = exif_for_size(metadata.exif, picture.size, metadata.size)
        metadata = replace(metadata, exif=exif)
    if metadata.xmp:
        xmp = xmp_for_size(metadata.xmp, picture.size, metadata.size)
        metadata = replace(metadata, xmp=xmp)
    return replace(picture, metadata=metadata)


def _texts_for(texts: tuple[tuple[str, str], ...], file_format: str) -> tuple[tuple[str, str], ...]:
    """Those that a format has a place for; others are left out, with a notice."""
    if file_format == "PNG":
        return texts
    kept = tuple(pair for pair in texts if file_format == "JPEG" and pair[0] == "Comment")
    gone = ", ".join(key for key, text in texts if (key, text) not in kept)
    if gone:
        _log.warning("text left out, for which %s has no place: %s", file_format, gone)
    return kept


def _with_colours(picture: Picture, file_format: str) -> Metadata:
    """With the colours as the format says them: by code points where it can, else a profile."""
    metadata = picture.metadata
    cicp = metadata.cicp
    if metadata.icc or cicp is None or not FORMATS[file_format].codes_colours:
        own = file_format == "PNG" and metadata.png_colour
        icc = profile_of(metadata, gray=picture.is_gray and FORMATS[file_format].holds_gray)
        return metadata if own else replace(metadata, icc=icc, cicp=None)
    if file_format == "PNG" and not metadata.png_colour:
        return replace(metadata, png_colour=chunk(b"cICP", cicp.chunk_body()))
    return metadata
