"""Pictures from files and bytes, recognised by their content."""

import io
import logging
import struct
import warnings
from dataclasses import replace
from pathlib import Path

from PIL import UnidentifiedImageError

from rnan.errors import InputError, MissingExtraError, ResourceError
from rnan.images.endings import RAW_EXTENSIONS
from rnan.images.formats import pillow, png_chunks
from rnan.images.formats.registry import FORMATS, Decode
from rnan.images.limits import check_size
from rnan.images.picture import Picture
from rnan.options.files import READ, ReadOptions

_log = logging.getLogger(__name__)


def read(path: str | Path, options: ReadOptions = READ) -> Picture:
    """Read a picture from a file.

    Raises:
        InputError: The file is missing, empty, no picture, damaged or too large, or holds several.
        MissingExtraError: A package for its format is not installed.
    """
    path = as_picture_file(path)
    return decode(read_bytes(path), name=str(path), options=options)


def as_picture_file(path: str | Path) -> Path:
    """The path of a picture.

    Raises:
        InputError: Its name says that it is camera raw.
    """
    path = Path(path)
    if path.suffix.lower() in RAW_EXTENSIONS:
        raise InputError(f"{path} is camera raw; rnan demosaic makes a picture of it")
    return path


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        InputError: There is no such file, or it cannot be read.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a picture")
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is a device or a pipe, not a file")
        return path.read_bytes()
    except FileNotFoundError:
        what = "is a link to nothing" if path.is_symlink() else "does not exist"
        raise InputError(f"{path} {what}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def decode(data: bytes, *, name: str = "the picture", options: ReadOptions = READ) -> Picture:
    """Read a picture from the bytes of a file.

    Args:
        data: The whole file.
        name: What messages call it.
        options: How.

    Raises:
        InputError: The bytes are empty, no picture, damaged, claim too many pixels, or hold several
            pictures.
        ResourceError: It does not fit into the memory.
        MissingExtraError: A package for the format is not installed.
    """
    if not data:
        raise InputError(f"{name} is empty")
    try:
        if options.salvage and png_chunks.is_cut_off(data):
            data = _salvaged_png(data, name, options)
        if data.startswith(png_chunks.SIGNATURE):
            data = png_chunks.without_long_texts(data)
        picture = _decoder(data, options)(data, name, options)
        return replace(picture, metadata=replace(picture.metadata, size=picture.size))
    except (InputError, MissingExtraError):
        raise
    except UnidentifiedImageError:
        taken = f"; {', '.join(options.formats)} are taken" if options.formats else ""
        raise InputError(f"{name} is not a picture in a format that can be read{taken}") from None
    except MemoryError:
        raise ResourceError(f"{name} is too large for this machine's memory") from None
    except Exception as error:  # decoders raise whatever they like on damaged files
        brief = (str(error).splitlines() or [""])[0][:160] or type(error).__name__
        raise InputError(f"{name} is damaged or cannot be decoded: {brief}") from error


def _salvaged_png(data: bytes, name: str, options: ReadOptions) -> bytes:
    width, height = struct.unpack(">2I", data[16:24])
    check_size(width, height, name, options.max_pixels)
    whole, complete = png_chunks.salvaged(data)
    end = "its end is missing, the picture is whole" if complete else "what is missing is black"
    _log.warning("%s: cut off; %s", name, end)
    return whole


def _decoder(data: bytes, options: ReadOptions) -> Decode:
    for one in FORMATS.values():
        if options.allows(one.name) and one.recognises(data):
            return one.decode
    return pillow.decode


def size_of(path: Path) -> tuple[int, int] | None:
    """Height and width from the header alone; ``None`` where it cannot be read."""
    return _size(path)


def size_in(data: bytes) -> tuple[int, int] | None:
    """The same of the bytes of a file."""
    return _size(io.BytesIO(data))


def _size(source: Path | io.BytesIO) -> tuple[int, int] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # reading says what is wrong with a file
            with pillow.open_unlimited(source) as image:
                return image.height, image.width
    except Exception:  # decoders raise whatever they like on damaged files
        return None
