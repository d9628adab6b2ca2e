"""What has been done in an output folder, so that work that was interrupted goes on."""

import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rnan.images.write import could_not_write
from rnan.options.mapping import parsed
from rnan.pipeline.plan import Plan

NAME = ".rnan-manifest.jsonl"
"""One line of JSON for each result, the last one of a name counts."""

_REVISION = 2
"""Raised when pictures come out otherwise than before, so that what an earlier program got wrong is
done again."""


class Manifest:
    """The record of an output folder; safe to use from several threads."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder = folder
        self._file = folder / NAME
        self._settings = settings_hash(settings)
        self._lock = threading.Lock()
        self._before = ""
        self._sources: dict[str, str] = {}
        self._entries = self._read()

    def is_complete(self, plan: Plan) -> bool:
        """Whether a result stands there, made from the same bytes in the same way."""
        entry = self._entries.get(self._key(plan), {})
        return (
            entry.get("settings") == self._settings
            and all(path.is_file() for path in plan.outputs)
            and entry.get("source_sha256") == _sha256(plan.source)
            and entry.get("target_sha256") == _sha256(plan.target)
            and (
                plan.comparison is None
                or entry.get("comparison") == [_sha256(plan.comparison), entry["target_sha256"]]
            )
        )

    def foreign(self, plan: Plan) -> Path | None:
        """An output that stands there and was not written by this program; none may be replaced."""
        entry = self._entries.get(self._key(plan), {})
        if entry.get("begun") is True:
            return None
        comparison, _ = entry.get("comparison") or (None, None)
        known = (entry.get("target_sha256"), comparison)
        return next(
            (
                path
                for path, recorded in zip(plan.outputs, known, strict=False)
                if path.exists() and recorded != _sha256(path)
            ),
            None,
        )

    def begin(self, plan: Plan) -> None:
        """Record that the output will be ours, so that none is left without a word of it.

        An output that somebody else put there stays theirs until :meth:`add`.

        Raises:
            InputError: The file cannot be written.
            ResourceError: The disk is full.
        """
        key = self._key(plan)
        self._sources[key] = _sha256(plan.source)
        if self.foreign(plan) is None:
            self._append({**self._entries.get(key, {}), "target": key, "begun": True})

    def withdraw(self, plan: Plan) -> None:
        """Record that nothing came of what was begun; what stands there is whose it was."""
        entry = self._entries.get(self._key(plan), {})
        written = entry.get("target_sha256") != _sha256(plan.target) and plan.target.exists()
        if entry.get("begun") is True and not written:
            self._append({**entry, "begun": False})

    def add(self, plan: Plan) -> None:
        """Record that a result is complete, made of what its input was at :meth:`begin`.

        Raises:
            InputError: The file cannot be written.
            ResourceError: The disk is full.
        """
        target = _sha256(plan.target)
        before = self._entries.get(self._key(plan), {}).get("comparison")
        compared = before if plan.comparison is None else [_sha256(plan.comparison), target]
        entry = {
            "target": self._key(plan),
            "source": str(plan.source),
            "settings": self._settings,
            "source_sha256": self._sources.pop(self._key(plan), None) or _sha256(plan.source),
            "target_sha256": target,
        }
        self._append(entry if compared is None else {**entry, "comparison": compared})

    def _append(self, entry: dict[str, Any]) -> None:
        with self._lock:
            self._entries[entry["target"]] = entry
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(self._before + json.dumps(entry) + "\n")
                self._before = ""
            except OSError as error:
                self._before = "\n"  # part of the line may stand there
                raise could_not_write(self._file, error) from error

    def _key(self, plan: Plan) -> str:
        return plan.target.relative_to(self._folder).as_posix()

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
                entry = parsed(line)
            except ValueError:
                continue
            if _is_well_formed(entry):
                entries[entry["target"]] = entry
        return entries


def _is_well_formed(entry: Any) -> bool:
    """Whether a line is one that :meth:`Manifest.add` or :meth:`Manifest.begin` writes."""
    if not (isinstance(entry, dict) and isinstance(entry.get("target"), str)):
        return False
    compared = entry.get("comparison", ["", ""])
    words = [entry.get(name, "") for name in ("settings", "source_sha256", "target_sha256")]
    return (
        isinstance(compared, list)
        and len(compared) == 2
        and all(isinstance(word, str) for word in (*words, *compared))
    )


def settings_hash(facts: Mapping[str, Any]) -> str:
    """Stands for everything that decides what a result looks like."""
    text = json.dumps([_REVISION, facts], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
