"""The pictures of folders: all of them, each once, and a word on whatever is left out."""

import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnan.errors import InputError
from rnan.images.endings import OTHER_EXTENSIONS, RAW_EXTENSIONS
from rnan.images.formats.registry import EXTENSIONS

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A picture, or what kept from looking for some."""

    path: Path
    relative: Path
    """Its place in the folder that was searched."""
    problem: str = ""
    """Why it cannot be read, as far as that is known already: a folder that cannot be opened."""


def pictures_of(
    entry: Path,
    *,
    recursive: bool = False,
    leave_out: Path | None = None,
    extensions: Sequence[str] = EXTENSIONS,
) -> Iterator[Found]:
    """A file itself, or the pictures of a folder, by name."""
    try:
        is_folder, problem = entry.is_dir(), ""
        if not is_folder and not entry.exists():
            what = "is a link to nothing" if entry.is_symlink() else "does not exist"
            problem = f"{entry} {what}"
    except OSError as error:
        is_folder, problem = False, f"{entry} cannot be read: {error.strerror or error}"
    if not is_folder:
        yield Found(path=entry, relative=Path(entry.name), problem=problem)
        return
    search = _Search(entry, leave_out, extensions)
    yield from search.folder(entry, recursive=recursive)
    search.say_what_was_left_out()


class _Search:
    def __init__(self, entry: Path, leave_out: Path | None, extensions: Sequence[str]) -> None:
        self._entry = entry
        self._extensions = extensions
        self._seen = set() if leave_out is None else {os.path.realpath(leave_out)}
        self._number = 0
        self._raw = 0
        self._others: Counter[str] = Counter()
        self._again = 0

    def folder(self, folder: Path, *, recursive: bool) -> Iterator[Found]:
        """Its pictures, then those of the folders in it."""
        self._seen.add(os.path.realpath(folder))
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries)
        except OSError as error:
            self._number += 1
            relative = Path(folder.name)
            problem = f"{folder} cannot be read: {error.strerror or error}"
            yield Found(path=folder, relative=relative, problem=problem)
            return
        deeper = []
        for name in names:
            path = folder / name
            if path.is_dir():
                deeper.append(path)
            elif not name.startswith(".") and (path.is_file() or path.is_symlink()):
                yield from self._file(path)  # a link to nothing is an error when it is read
        for path in deeper if recursive else ():
            if os.path.realpath(path) not in self._seen:
                yield from self.folder(path, recursive=True)
            else:
                self._again += path.is_symlink()

    def _file(self, path: Path) -> Iterator[Found]:
        ending = path.suffix.lower()
        if ending in self._extensions:
            self._number += 1
            yield Found(path=path, relative=path.relative_to(self._entry))
        elif ending in RAW_EXTENSIONS:
            self._raw += 1
        elif ending in OTHER_EXTENSIONS:
            self._others[ending] += 1

    def say_what_was_left_out(self) -> None:
        """Warn of it."""
        parts = []
        if self._raw:
            parts.append(f"camera raw, which rnan auto takes: {self._raw}")
        if self._others:
            endings = ", ".join(sorted(self._others))
            number = self._others.total()
            parts.append(f"pictures that are taken only by name ({endings}): {number}")
        if self._again:
            parts.append(f"linked folders that are searched already: {self._again}")
        if not self._number:
            also = "".join(f"; {part}" for part in parts)
            endings = ", ".join(self._extensions)
            raise InputError(f"{self._entry} holds no pictures ({endings}){also}")
        if parts:
            _log.warning("left out of %s: %s", self._entry, "; ".join(parts))
