"""Prepared pictures: decoded once into large files that training maps into memory.

A folder with ``training.pixels`` and ``validation.pixels`` (the pixels of one picture behind those
of the one before) and ``index.json``. While it is made there is a journal instead of the index, a
line a picture, so that work that was interrupted goes on where it stopped.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np
from numpy.typing import NDArray

from rnan.errors import ConfigError, InputError, ResourceError, is_full
from rnan.evaluation.datasets import Reference, names_of
from rnan.images import write_whole
from rnan.options.mapping import parsed
from rnan.tasks import Plane
from rnan.training.sources import Row, Source, decoded

_VERSION = 3
_PARTS = ("training", "validation")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A folder of prepared pictures."""

    folder: Path
    plane: Plane
    halved: bool
    """Whether each picture is there once more at half its size."""
    training: list[Row]
    validation: list[Row]

    def pixels(self) -> NDArray[np.uint8]:
        """All training pixels, ``(sum of H·W, C)``, mapped."""
        channels = self.training[0].channels
        shape = (_size(self.training) // channels, channels)
        # Copy on write: nothing writes, but PyTorch wants memory that could be written.
        return np.memmap(_file(self.folder, "training"), np.uint8, mode="c", shape=shape)

    def references(self) -> list[Reference]:
        """The validation pictures."""
        names = names_of([Path(row.name) for row in self.validation])
        stored = _stored(self.folder, "validation", self.validation)
        return [
            Reference(name=name, gt=pixels.astype(np.float64))
            for name, (_, pixels) in zip(names, stored, strict=True)
        ]


def prepare(
    sources: list[Source],
    folder: Path,
    *,
    plane: Plane,
    halved: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Decode pictures into a folder, or go on with it, or open it where it is complete.

    Raises:
        ConfigError: The folder holds pictures prepared from others or otherwise.
        InputError: No picture can be read.
        ResourceError: The disk is full; what is done is kept.
    """
    files = {part: [f for source in sources for f in getattr(source, part)] for part in _PARTS}
    about = {
        "version": _VERSION,
        "plane": plane,
        "halved": halved,
        "files": hashlib.sha256(
            json.dumps(
                {
                    part: [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in names]
                    for part, names in files.items()
                }
            ).encode()
        ).hexdigest(),
    }
    index = folder / "index.json"
    if index.exists():
        if {key: _load(index).get(key) for key in about} != about:
            raise ConfigError(f"{folder} holds other prepared pictures; name another folder")
        return open_prepared(folder, plane=plane, halved=halved)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        rows = _write(files, folder, about, progress)
    except OSError as error:
        if is_full(error):
            raise ResourceError(
                f"no space left in {folder}; free some and run again: it goes on where it stopped"
            ) from error
        raise ResourceError(f"{folder} cannot be written: {error.strerror}") from error
    if not rows["training"]:
        raise InputError("no picture can be read")
    listed = {part: [dataclasses.asdict(row) for row in rows[part]] for part in _PARTS}
    write_whole(index, json.dumps({**about, **listed}).encode())
    (folder / "journal").unlink()
    return open_prepared(folder, plane=plane, halved=halved)


def open_prepared(folder: Path, *, plane: Plane, halved: bool) -> Prepared:
    """Open what :func:`prepare` made.

    Raises:
        ConfigError: It is not complete, of another version, of another plane, lacks the halved
            pictures, or is cut short.
    """
    prepared = _open(folder)
    if prepared.plane != plane:
        raise ConfigError(
            f"{folder} was prepared for {prepared.plane}, not for {plane} pictures; "
            f"rnan data prepare --plane {plane} makes those"
        )
    if halved and not prepared.halved:
        raise ConfigError(f"{folder} was prepared without --halved")
    return prepared


def damaged(folder: Path) -> list[str]:
    """Names of the pictures whose pixels are not those that were written.

    Raises:
        ConfigError: It is not complete, of another version, or is cut short.
    """
    prepared = _open(folder)
    return [
        row.name
        for part in _PARTS
        for row, pixels in _stored(folder, part, getattr(prepared, part))
        if hashlib.sha256(pixels.data).hexdigest() != row.sha256
    ]


def _open(folder: Path) -> Prepared:
    if not (folder / "index.json").exists():
        raise ConfigError(f"{folder} holds no prepared pictures, or not all: rnan data prepare")
    index = _load(folder / "index.json")
    if index.get("version") != _VERSION:
        raise ConfigError(
            f"{folder} was prepared by another version ({index.get('version')}, now {_VERSION}); "
            "prepare it anew"
        )
    prepared = Prepared(
        folder=folder,
        plane=index["plane"],
        halved=index["halved"],
        **{part: [Row(**row) for row in index[part]] for part in _PARTS},
    )
    for part in _PARTS:
        file = _file(folder, part)
        if not file.exists() or file.stat().st_size != _size(getattr(prepared, part)):
            raise ConfigError(f"{file} is cut short; delete {folder} and prepare it again")
    return prepared


def _load(index: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = parsed(index.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{index} cannot be read; delete it and prepare again") from error
    return content


def _write(
    files: dict[str, list[Path]],
    folder: Path,
    about: dict[str, Any],
    progress: Callable[[int, int], None] | None,
) -> dict[str, list[Row]]:
    done = _journal(folder, about)
    number = sum(map(len, files.values()))
    before = 0
    with (folder / "journal").open("a", encoding="utf-8") as journal:
        for part in _PARTS:
            rows = done[part]
            first = rows[-1].number + 1 if rows else 0
            coming = decoded(
                files[part],
                about["plane"],
                halved=about["halved"] and part == "training",
                expand=part == "training",
                first=first,
                progress=_counted(progress, before, number),
            )
            with _file(folder, part).open("ab") as out:
                out.truncate(_size(rows))
                for row, pixels in coming:
                    _append(out, journal, part, row, pixels)
                    rows.append(row)
            before += len(files[part])
    return done


def _append(out: BinaryIO, journal: TextIO, part: str, row: Row, pixels: NDArray[np.uint8]) -> None:
    out.write(pixels.data)
    out.flush()
    journal.write(json.dumps([part, dataclasses.asdict(row)]) + "\n")
    journal.flush()


def _journal(folder: Path, about: dict[str, Any]) -> dict[str, list[Row]]:
    """The pictures that an interrupted run wrote, less those of its last file."""
    path = folder / "journal"
    rows: dict[str, list[Row]] = {part: [] for part in _PARTS}
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        if lines and json.loads(lines[0]) != about:
            raise ConfigError(f"{folder} holds other prepared pictures; name another folder")
        for line in lines[1:]:
            try:
                part, row = parsed(line)
            except ValueError:  # the last line, cut short
                break
            rows[part].append(Row(**row))
    for part in _PARTS:
        # Its half may be missing.
        last = rows[part][-1].number if rows[part] else 0
        rows[part] = [row for row in rows[part] if row.number < last]
    written = [json.dumps(about)] + [
        json.dumps([part, dataclasses.asdict(row)]) for part in _PARTS for row in rows[part]
    ]
    write_whole(path, ("\n".join(written) + "\n").encode())
    return rows


def _counted(
    progress: Callable[[int, int], None] | None, before: int, number: int
) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, _: progress(before + done, number)


def _stored(folder: Path, part: str, rows: list[Row]) -> Iterator[tuple[Row, NDArray[np.uint8]]]:
    with _file(folder, part).open("rb") as file:
        for row in rows:
            shape = (row.height, row.width, row.channels)
            yield row, np.frombuffer(file.read(_size([row])), np.uint8).reshape(shape)


def _file(folder: Path, part: str) -> Path:
    return folder / f"{part}.pixels"


def _size(rows: list[Row]) -> int:
    return sum(row.height * row.width * row.channels for row in rows)
