"""Restore files and folders: which output belongs to which input, and one file at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnan.errors import ConfigError, InputError
from rnan.images import EXTENSIONS, check_output, read, write
from rnan.images.compare import side_by_side
from rnan.images.write import FORMATS
from rnan.inference.restorer import Cancel, Level, Progress, Restorer


@dataclass(frozen=True)
class Job:
    """One picture to restore."""

    source: Path
    target: Path

    @property
    def comparison(self) -> Path:
        """Where the before/after picture goes."""
        return self.target.with_name(f"{self.target.stem}-compare.png")


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was done for one picture."""

    job: Job
    level: Level
    estimated: bool


def plan(inputs: Sequence[Path], output: Path, *, recursive: bool = False) -> list[Job]:
    """Pair each input with its output.

    One file goes to ``output`` itself, unless that is a folder; everything else goes into the
    folder ``output``, pictures of input folders under their own relative names.

    Raises:
        InputError: An input does not exist, a folder holds no pictures, or an output would be an
            input.
        ConfigError: Several inputs and an output that is a file, or two inputs that would be
            written to one output.
    """
    single = len(inputs) == 1 and not inputs[0].is_dir()
    if single and not output.is_dir() and output.suffix.lower() in FORMATS:
        jobs = [Job(inputs[0], output)]
    else:
        if output.is_file() or (single and output.suffix and not output.is_dir()):
            raise (
                ConfigError(f"{output} is a file; several pictures need a folder to go to")
                if output.is_file() and not single
                else InputError(
                    f"cannot write {output.name}: the ending must be one of "
                    f"{', '.join(sorted(FORMATS))}"
                )
            )
        jobs = [
            Job(source, output / name)
            for entry in inputs
            for source, name in _pictures(entry, recursive=recursive)
        ]
    seen: dict[Path, Path] = {}
    for job in jobs:
        if job.target in seen:
            raise ConfigError(
                f"{job.source} and {seen[job.target]} would both be written to {job.target}"
            )
        seen[job.target] = job.source
        if job.target.exists() and job.source.exists() and job.target.samefile(job.source):
            raise InputError(f"{job.source} would be overwritten by its own result")
    return jobs


def _pictures(entry: Path, *, recursive: bool) -> Iterator[tuple[Path, Path]]:
    if not entry.is_dir():
        if not entry.exists():
            raise InputError(f"{entry} does not exist")
        yield entry, Path(entry.name)
        return
    found = False
    for folder, folders, files in os.walk(entry, followlinks=False):
        folders[:] = sorted(folders) if recursive else []
        for name in sorted(files):
            path = Path(folder) / name
            if path.suffix.lower() in EXTENSIONS and not name.startswith("."):
                found = True
                yield path, path.relative_to(entry)
    if not found:
        raise InputError(f"{entry} holds no pictures ({', '.join(EXTENSIONS)})")


def restore_file(
    restorer: Restorer,
    job: Job,
    *,
    level: Level = "auto",
    overwrite: bool = False,
    compare: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Done:
    """Read, restore and write one picture; nothing is left of a failed attempt.

    Raises:
        RnanError: Whatever goes wrong, in one line.
    """
    check_output(job.target, overwrite=overwrite)
    if compare:
        check_output(job.comparison, overwrite=overwrite)
    picture = read(job.source)
    estimated = isinstance(level, str) and level == "auto"
    if estimated:
        level = restorer.estimate(picture)
    restored = restorer(picture, level=level, progress=progress, cancel=cancel)
    write(restored, job.target, overwrite=overwrite)
    if compare:
        write(side_by_side(picture, restored), job.comparison, overwrite=overwrite)
    return Done(job=job, level=level, estimated=estimated)
