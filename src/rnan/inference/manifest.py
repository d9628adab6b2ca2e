"""What has been done in an output folder, so that work that was interrupted goes on."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnan.errors import InputError
from rnan.inference.plan import Job

NAME = ".rnan-manifest.jsonl"
"""One line of JSON for each result, the last one of a name counts."""


class Manifest:
    """The record of an output folder; safe to use from several threads.

    Args:
        folder: Where the results go.
        settings: Everything that decides what a result looks like.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder = folder
        self._file = folder / NAME
        self._settings = settings_hash(settings)
        self._lock = threading.Lock()
        self._before = ""
        self._entries = self._read()

    def is_complete(self, job: Job) -> bool:
        """Whether a result stands there, made from the same bytes in the same way."""
        entry = self._entries.get(self._key(job))
        return (
            entry is not None
            and entry.get("settings") == self._settings
            and all(path.is_file() for path in job.outputs)
            and entry.get("source_sha256") == _sha256(job.source)
            and entry.get("target_sha256") == _sha256(job.target)
        )

    def is_ours(self, job: Job) -> bool:
        """Whether the output was written by this program, so that it may be replaced."""
        entry = self._entries.get(self._key(job))
        return entry is not None and (
            not job.target.exists()
            or entry.get("begun") is True
            or entry.get("target_sha256") == _sha256(job.target)
        )

    def begin(self, job: Job) -> None:
        """Record that the output will be ours, so that none is left without a word of it.

        An output that somebody else put there stays theirs until :meth:`add`.

        Raises:
            InputError: The file cannot be written.
        """
        if not job.target.exists() or self.is_ours(job):
            self._append({"target": self._key(job), "begun": True})

    def add(self, job: Job) -> None:
        """Record that a result is complete.

        Raises:
            InputError: The file cannot be written.
        """
        self._append(
            {
                "target": self._key(job),
                "source": str(job.source),
                "settings": self._settings,
                "source_sha256": _sha256(job.source),
                "target_sha256": _sha256(job.target),
            }
        )

    def _append(self, entry: dict[str, Any]) -> None:
        with self._lock:
            self._entries[entry["target"]] = entry
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(self._before + json.dumps(entry) + "\n")
                self._before = ""
            except OSError as error:
                raise InputError(f"{self._file} cannot be written: {error.strerror}") from error

    def _key(self, job: Job) -> str:
        return job.target.relative_to(self._folder).as_posix()

    def _read(self) -> dict[str, dict[str, Any]]:
        entries: dict[str, dict[str, Any]] = {}
        try:
            text = self._file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return entries
        if not text.endswith("\n"):
            self._before = "\n"  # the last line was cut off when the machine went down
        for line in text.splitlines():
            try:
                entry = json.loads(line)
                entries[entry["target"]] = entry
            except (ValueError, KeyError, TypeError):
                continue
        return entries


def settings_hash(facts: Mapping[str, Any]) -> str:
    """Stands for everything that decides what a result looks like."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
