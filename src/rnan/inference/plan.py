"""Which output belongs to which input."""

from __future__ import annotations

import glob
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnan.errors import ConfigError, InputError
from rnan.images import EXTENSIONS
from rnan.images.endings import RAW_EXTENSIONS
from rnan.images.write import FORMATS

_log = logging.getLogger(__name__)

STREAM = Path("-")
"""Standard input, or standard output."""

_WITHOUT_WRITER, _OF_RAW = ".png", ".tif"
"""Endings of the results of formats that are only read, and of camera raw."""


@dataclass(frozen=True)
class Job:
    """One picture to restore."""

    source: Path
    target: Path
    comparison: Path | None = None
    """Where the before/after picture goes, if one is wanted."""

    @property
    def outputs(self) -> list[Path]:
        """Every file that is written."""
        return [self.target] if self.comparison is None else [self.target, self.comparison]


def plan(
    inputs: Sequence[Path],
    output: Path,
    *,
    recursive: bool = False,
    compare: bool = False,
    ending: str | None = None,
    name: str = "{stem}{ext}",
    extensions: Sequence[str] = EXTENSIONS,
) -> list[Job]:
    """Pair each input with its output.

    One file goes to ``output`` itself, unless that is a folder; everything else goes into the
    folder ``output``, pictures of input folders under their own relative names.

    Args:
        inputs: Files, folders, patterns that no shell has expanded, or ``-`` for standard input.
        output: A file or a folder, or ``-`` for standard output.
        recursive: Look into folders within folders.
        compare: Also plan a before/after picture for each.
        ending: Of the outputs in a folder, instead of their own.
        name: Of the outputs in a folder: ``{stem}`` and ``{ext}`` are those of the input.
        extensions: Endings that folders are searched for.

    Raises:
        InputError: An input does not exist, a folder holds no pictures, or an output would be an
            input.
        ConfigError: Several inputs and an output that is a file, or two inputs that would be
            written to one output.
    """
    inputs = [path for entry in inputs for path in _expanded(entry, output)]
    single = len(inputs) == 1 and not inputs[0].is_dir()
    looks_like_file = output.suffix.lower() in FORMATS and not output.is_dir()
    if STREAM in (*inputs, output):
        if not single or compare:
            raise ConfigError("- stands for one picture, alone and without --compare")
        if output != STREAM and not looks_like_file:
            raise ConfigError("what comes from standard input needs a file to go to")
        return [Job(inputs[0], output)]
    if single and looks_like_file:
        pairs = [(inputs[0], output)]
    elif single and output.is_file():
        raise ConfigError(
            f"{output} is a file; name a folder, or one that ends in {', '.join(sorted(FORMATS))}"
        )
    elif looks_like_file or output.is_file():
        raise ConfigError(f"{output} is a file; several pictures need a folder to go to")
    elif single and output.suffix and not output.is_dir():
        raise InputError(
            f"cannot write {output.name}: the ending must be one of {', '.join(sorted(FORMATS))}"
        )
    else:
        pairs = [
            (source, output / renamed(relative, name, ending))
            for entry in inputs
            for source, relative in _pictures(entry, recursive, output, extensions)
        ]
    stems = Counter(target.with_suffix("") for _, target in pairs)
    jobs = [
        Job(source, target, _comparison(target, stems) if compare else None)
        for source, target in pairs
    ]
    _check_collisions(jobs)
    return jobs


def pictures_in(inputs: Sequence[Path], *, recursive: bool = False) -> list[Path]:
    """Files, and the pictures of folders and patterns.

    Raises:
        InputError: One does not exist, or a folder holds no pictures.
    """
    entries = [path for entry in inputs for path in _expanded(entry, None)]
    return [path for entry in entries for path, _ in _pictures(entry, recursive, None, EXTENSIONS)]


def _expanded(entry: Path, leave_out: Path | None) -> list[Path]:
    text = str(entry)
    if not glob.has_magic(text) or entry.exists():
        return [entry]
    found = sorted(Path(path) for path in glob.iglob(text, recursive=True))  # noqa: PTH207 - absolute patterns
    if leave_out is not None:
        results = f"{os.path.realpath(leave_out)}/"
        found = [path for path in found if not os.path.realpath(path).startswith(results)]
    files = [path for path in found if path.is_file()] or found
    if not files:
        raise InputError(f"nothing matches {text}")
    return files


def renamed(relative: Path, name: str, ending: str | None) -> Path:
    """The output's name in a folder.

    Args:
        relative: The input's name, with the folders that are kept.
        name: See :func:`plan`.
        ending: See there.

    Raises:
        ConfigError: ``name`` knows other words, or makes folders.
    """
    ext = ending or relative.suffix
    if ext.lower() not in FORMATS:
        ext = _OF_RAW if ext.lower() in RAW_EXTENSIONS else _WITHOUT_WRITER
    try:
        called = name.format(stem=relative.stem, ext=ext)
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        raise ConfigError(f"--name knows {{stem}} and {{ext}} only, got {name}") from None
    if called != Path(called).name:
        raise ConfigError(f"--name makes names, not folders, got {name}")
    return relative.with_name(called)


def _comparison(target: Path, stems: Counter[Path]) -> Path:
    # a.jpg and a.png side by side would share a name without their endings.
    shared = stems[target.with_suffix("")] > 1
    return target.with_name(f"{target.name if shared else target.stem}-compare.png")


def _check_collisions(jobs: list[Job]) -> None:
    sources = {os.path.realpath(job.source) for job in jobs}
    taken: dict[str, Path] = {}
    for job in jobs:
        for path in job.outputs:
            place = os.path.realpath(path)
            if place in sources:
                raise InputError(
                    f"{path} is an input and would be overwritten by a result; name another folder"
                )
            if place in taken:
                raise ConfigError(
                    f"{job.source} and {taken[place]} would both be written to {path}"
                )
            taken[place] = job.source


def _refuse(error: OSError) -> None:
    raise InputError(f"{error.filename} cannot be read: {error.strerror}") from error


def _pictures(
    entry: Path, recursive: bool, leave_out: Path | None, extensions: Sequence[str]
) -> Iterator[tuple[Path, Path]]:
    if not entry.is_dir():
        if not entry.exists():
            what = "is a link to nothing" if entry.is_symlink() else "does not exist"
            raise InputError(f"{entry} {what}")
        yield entry, Path(entry.name)
        return
    found, raw = False, 0
    own_results = leave_out.resolve() if leave_out is not None else None
    for folder, folders, files in os.walk(entry, onerror=_refuse, followlinks=False):
        deeper = sorted(folders) if recursive else []
        folders[:] = [name for name in deeper if (Path(folder) / name).resolve() != own_results]
        for name in sorted(files):
            path = Path(folder) / name
            if name.startswith(".") or not (path.is_file() or path.is_symlink()):
                continue  # a link to nothing is said when it is read
            if path.suffix.lower() in extensions:
                found = True
                yield path, path.relative_to(entry)
            elif path.suffix.lower() in RAW_EXTENSIONS:
                raw += 1
    said = f"camera raw, which rnan demosaic takes: {raw}" if raw else ""
    if not found:
        also = f"; {said}" if raw else ""
        raise InputError(f"{entry} holds no pictures ({', '.join(extensions)}){also}")
    if raw:
        _log.warning("left out of %s: %s", entry, said)
