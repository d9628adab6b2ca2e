"""Folders and object stores alike, through the file systems of Arrow."""

from __future__ import annotations

import mimetypes
import os
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnan.errors import InputError, MissingExtraError, ResourceError, is_full
from rnan.images.write import write_whole

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


@dataclass(frozen=True)
class Found:
    """A file in a store."""

    path: str
    size: int
    modified: int
    """Nanoseconds since 1970."""


class Store:
    """A folder, or a bucket with a prefix.

    Args:
        address: A path, or ``s3://bucket/prefix``, ``gs://…``, ``hdfs://…``, ``abfs://…``, with
            options of that file system behind a ``?``. ``AWS_ENDPOINT_URL`` says where S3 is.

    Raises:
        InputError: The address is none that can be used.
        MissingExtraError: Arrow is not installed.
    """

    def __init__(self, address: str) -> None:
        self.address = _with_endpoint(address)
        self._fs, self.root = _opened(self.address)

    def __reduce__(self) -> tuple[type[Store], tuple[str]]:
        return Store, (self.address,)

    @cached_property
    def is_local(self) -> bool:
        """Whether its files have paths on this machine."""
        return bool(self._fs.type_name == "local")

    def shown(self, path: str) -> str:
        """How messages and the manifest call a file."""
        scheme = urllib.parse.urlsplit(self.address).scheme if "://" in self.address else ""
        return f"{scheme}://{path}" if scheme else path

    def place(self, path: str) -> str:
        """What tells a file from all others, whichever way leads to it."""
        if not self.is_local:
            return self.shown(path)
        folder, _, name = path.rpartition("/")
        return f"{self._real(folder)}/{name}"

    def kind(self, path: str) -> str:
        """``file``, ``folder`` or ``nothing``."""
        from pyarrow.fs import FileType

        with _said(f"{self.shown(path)} cannot be reached"):
            kind = self._fs.get_file_info(path).type
        return {FileType.File: "file", FileType.Directory: "folder"}.get(kind, "nothing")

    def files(self, path: str) -> Iterator[Found]:
        """All files below a folder, in the order of their names; none where there is no folder."""
        from pyarrow.fs import FileSelector, FileType

        selector = FileSelector(path, recursive=True, allow_not_found=True)
        with _said(f"{self.shown(path)} cannot be listed"):
            entries = self._fs.get_file_info(selector)
        files = (entry for entry in entries if entry.type == FileType.File)
        for entry in sorted(files, key=lambda entry: entry.path):
            yield Found(entry.path, entry.size or 0, entry.mtime_ns or 0)

    def info(self, path: str) -> Found:
        """Size and time of one file; zeros where there is none."""
        with _said(f"{self.shown(path)} cannot be reached"):
            entry = self._fs.get_file_info(path)
        return Found(path, entry.size or 0, entry.mtime_ns or 0)

    def read(self, path: str) -> bytes:
        """A whole file."""
        with _said(f"{self.shown(path)} cannot be read"), self._fs.open_input_file(path) as file:
            return bytes(file.readall())

    def write(self, path: str, data: bytes) -> None:
        """A whole file or nothing; one that is there is replaced.

        Raises:
            InputError: It cannot be written.
            ResourceError: The disk is full.
        """
        if self.is_local:
            write_whole(Path(path), data)
            return
        # Object stores show an object when its last byte is there.
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        metadata = {"Content-Type": kind} if self._fs.type_name == "s3" else None
        with _said(f"{self.shown(path)} cannot be written"):
            if not self._is_flat:
                self._fs.create_dir(path.rsplit("/", 1)[0], recursive=True)
            with self._fs.open_output_stream(path, metadata=metadata) as file:
                file.write(data)

    def remove(self, path: str) -> None:
        """Take a folder away with all that is in it, if it is there."""
        with _said(f"{self.shown(path)} cannot be removed"):
            if self.kind(path) == "folder":
                self._fs.delete_dir(path)

    @staticmethod
    @lru_cache(maxsize=2**16)
    def _real(folder: str) -> str:
        return os.path.realpath(folder)

    @property
    def _is_flat(self) -> bool:
        """Whether folders are only parts of names."""
        return self._fs.type_name in ("s3", "gcs", "abfs")


def _opened(address: str) -> tuple[FileSystem, str]:
    try:
        from pyarrow import ArrowException
        from pyarrow.fs import FileSystem, LocalFileSystem
    except ImportError:
        raise MissingExtraError("pyarrow", "cluster") from None
    if "://" not in address:
        return LocalFileSystem(), str(Path(address).absolute())
    try:
        fs, path = FileSystem.from_uri(_as_uri(address))
    except (ArrowException, OSError, ValueError) as error:
        raise InputError(f"{address} is no address that can be used: {_brief(error)}") from error
    if not path.strip("/"):
        raise InputError(f"{address} names no bucket or folder")
    return fs, path.rstrip("/")


def _as_uri(address: str) -> str:
    """The address with its signs escaped."""
    place, _, query = address.partition("?")
    scheme, _, path = place.partition("://")
    return f"{scheme}://{urllib.parse.quote(path, safe='/:@')}" + (f"?{query}" if query else "")


def _with_endpoint(address: str) -> str:
    """The address with what ``AWS_ENDPOINT_URL`` says, which Arrow does not read.

    So it travels to machines that do not have that variable.
    """
    place, _, query = address.partition("?")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if place.startswith("s3://") and endpoint and "endpoint_override=" not in query:
        parts = urllib.parse.urlsplit(endpoint)
        more = {"scheme": parts.scheme or "https", "endpoint_override": parts.netloc or endpoint}
        query = "&".join(filter(None, [query, urllib.parse.urlencode(more)]))
    return f"{place}?{query}" if query else address


class _said:  # noqa: N801 - reads as a sentence: with _said("… cannot be read")
    """Errors of a file system in one line."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        if not isinstance(error, OSError):
            return
        if is_full(error):
            raise ResourceError(f"{self._what}: no space left") from error
        raise InputError(f"{self._what}: {_brief(error)}") from error


def _brief(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:200]
