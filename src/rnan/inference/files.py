"""Restore files and folders: which output belongs to which input, and one file at a time."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnan.errors import ConfigError, InputError, ResourceError
from rnan.images import EXTENSIONS, Picture, check_output, read, write
from rnan.images.compare import side_by_side
from rnan.images.write import FORMATS
from rnan.inference.conditions import LevelLike
from rnan.inference.restorer import Cancel, Progress, Restorer, is_out_of_memory

_log = logging.getLogger(__name__)


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


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was done for one picture."""

    job: Job
    level: LevelLike
    estimated: bool


def plan(
    inputs: Sequence[Path],
    output: Path,
    *,
    recursive: bool = False,
    compare: bool = False,
    ending: str | None = None,
) -> list[Job]:
    """Pair each input with its output.

    One file goes to ``output`` itself, unless that is a folder; everything else goes into the
    folder ``output``, pictures of input folders under their own relative names, there with
    ``ending`` instead of their own where one is given.

    Raises:
        InputError: An input does not exist, a folder holds no pictures, or an output would be an
            input.
        ConfigError: Several inputs and an output that is a file, or two inputs that would be
            written to one output.
    """
    single = len(inputs) == 1 and not inputs[0].is_dir()
    looks_like_file = output.suffix.lower() in FORMATS and not output.is_dir()
    if single and looks_like_file:
        pairs = [(inputs[0], output)]
    elif looks_like_file or output.is_file():
        raise ConfigError(f"{output} is a file; several pictures need a folder to go to")
    elif single and output.suffix and not output.is_dir():
        raise InputError(
            f"cannot write {output.name}: the ending must be one of {', '.join(sorted(FORMATS))}"
        )
    else:
        pairs = [
            (source, output / (name if ending is None else name.with_suffix(ending)))
            for entry in inputs
            for source, name in _pictures(entry, recursive=recursive, leave_out=output)
        ]
    stems = Counter(target.with_suffix("") for _, target in pairs)
    jobs = [
        Job(source, target, _comparison(target, stems) if compare else None)
        for source, target in pairs
    ]
    _check_collisions(jobs)
    return jobs


def _comparison(target: Path, stems: Counter[Path]) -> Path:
    # a.jpg and a.png side by side would share a name without their endings.
    shared = stems[target.with_suffix("")] > 1
    return target.with_name(f"{target.name if shared else target.stem}-compare.png")


def _check_collisions(jobs: list[Job]) -> None:
    sources = {job.source.resolve() for job in jobs}
    taken: dict[Path, Path] = {}
    for job in jobs:
        for path in job.outputs:
            place = path.resolve()
            if place in sources:
                raise InputError(
                    f"{path} is an input and would be overwritten by a result; name another folder"
                )
            if place in taken:
                raise ConfigError(
                    f"{job.source} and {taken[place]} would both be written to {path}"
                )
            taken[place] = job.source


def _pictures(entry: Path, *, recursive: bool, leave_out: Path) -> Iterator[tuple[Path, Path]]:
    if not entry.is_dir():
        if not entry.exists():
            what = "is a link to nothing" if entry.is_symlink() else "does not exist"
            raise InputError(f"{entry} {what}")
        yield entry, Path(entry.name)
        return
    found = False
    own_results = leave_out.resolve()
    for folder, folders, files in os.walk(entry, followlinks=False):
        deeper = sorted(folders) if recursive else []
        folders[:] = [name for name in deeper if (Path(folder) / name).resolve() != own_results]
        for name in sorted(files):
            path = Path(folder) / name
            if path.suffix.lower() in EXTENSIONS and not name.startswith(".") and path.is_file():
                found = True
                yield path, path.relative_to(entry)
    if not found:
        raise InputError(f"{entry} holds no pictures ({', '.join(EXTENSIONS)})")


def restore_file(
    choose: Callable[[Picture], Restorer],
    job: Job,
    *,
    level: LevelLike = "auto",
    sigma: float = 0.0,
    overwrite: bool = False,
    before: Callable[[Picture, Restorer], None] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Done:
    """Read, restore and write one picture; nothing is left of a failed attempt.

    Args:
        choose: The restorer for a picture.
        job: Where it is and where it goes.
        level: See :class:`~rnan.inference.Restorer`, as ``sigma``, ``progress`` and ``cancel``.
        sigma: Beside a Bayer pattern.
        overwrite: Replace outputs that exist.
        before: Called once the picture is read.
        progress: Called after each tile.
        cancel: Looked at before each tile.

    Raises:
        RnanError: Whatever goes wrong, in one line.
    """
    for path in job.outputs:
        check_output(path, overwrite=overwrite)
    try:
        picture = read(job.source)
        _warn_of_large_floats(job.source, picture)
        restorer = choose(picture)
        if before is not None:
            before(picture, restorer)
        estimated = isinstance(level, str) and level == "auto" and restorer.engine.takes_level
        if estimated:
            level = restorer.estimate(picture)
        restored = restorer(picture, level=level, sigma=sigma, progress=progress, cancel=cancel)
        write(restored, job.target, overwrite=overwrite)
        if job.comparison is not None:
            write(side_by_side(picture, restored), job.comparison, overwrite=overwrite)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ResourceError(
            f"{job.source}: not enough memory for a picture of this size"
        ) from error
    return Done(job=job, level=level, estimated=estimated)


def _warn_of_large_floats(source: Path, picture: Picture) -> None:
    if picture.pixels.dtype.kind == "f" and picture.pixels.max() > 2.0:
        _log.warning(
            "%s: values up to %g; in floating point white is 1", source, picture.pixels.max()
        )
