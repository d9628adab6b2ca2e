"""Folders for temporary files that even a killed process does not leave for ever."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Any

_LOCK = "lock"


class Scratch:
    """A temporary folder; it goes when it is closed, or when the next one of its kind is opened.

    Who opened it holds a lock in it; folders whose lock nobody holds are removed.

    Args:
        kind: Begins its name.
        parent: Where to make it; by default the system's folder for temporary files.
    """

    def __init__(self, kind: str, parent: Path | None = None) -> None:
        self._prefix = f"rnan-{kind}-"
        self._parent = Path(parent or tempfile.gettempdir())
        self._parent.mkdir(parents=True, exist_ok=True)
        for left in self._parent.glob(f"{self._prefix}*"):
            lock = _locked(left / _LOCK)
            if lock is not None:
                shutil.rmtree(left, ignore_errors=True)
                lock.close()
        self.path = Path(tempfile.mkdtemp(prefix=self._prefix, dir=self._parent))
        self._lock = _locked(self.path / _LOCK, new=True)

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()


def _locked(path: Path, *, new: bool = False) -> IO[Any] | None:
    """The open file, locked; nothing where it is not there or somebody holds it."""
    try:
        import fcntl
    except ImportError:  # elsewhere folders are left to the system
        return None
    try:
        file = path.open("w" if new else "r+")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
