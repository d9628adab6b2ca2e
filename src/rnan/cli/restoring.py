"""What ``denoise``, ``dejpeg``, ``demosaic`` and ``upscale`` share: pictures in, pictures out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress
from rnan.cli.jobs import run_jobs
from rnan.cli.options import PATH, restore_options, restoring, verbosity
from rnan.errors import ConfigError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from rnan.api import Restorers
    from rnan.images import Picture
    from rnan.inference import Restorer
    from rnan.inference.files import Done, Job

_LONG = 10.0
"""Seconds from which on a picture's time is said before it starts."""

_WORTH_TIMING = 2_000_000
"""Pixels of the result below which no time is said."""

Decorated = Callable[..., Any]


def pictures(function: Decorated) -> Decorated:
    """Inputs, output and everything that each restoring command takes."""
    for decorate in (
        verbosity,
        restoring,
        click.option("--overwrite", is_flag=True, help="Replace outputs that exist."),
        click.option("--recursive", is_flag=True, help="Look into folders within folders."),
        click.option("--compare", is_flag=True, help="Also write OUT-compare.png: before, after."),
        click.option("--model", help="Weights: name or file.  [default: what suits the picture]"),
        click.option(
            "-o",
            "--output",
            required=True,
            type=PATH,
            help="A file for one picture, a folder for many.",
        ),
        click.argument("inputs", nargs=-1, required=True, type=PATH, metavar="IN..."),
    ):
        function = decorate(function)
    return function


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a command was asked for."""

    restoration: str
    """``denoise``, ``dejpeg``, ``demosaic`` or ``upscale``."""
    level: float | str
    sigma: float = 0.0
    """Beside a Bayer pattern."""
    describe: Callable[[Done], str]
    """The level that was taken, in words."""


def level_taken(done: Done, name: str, digits: int, *, auto: str) -> str:
    """The level in words; ``auto`` says how it was found where it was not given."""
    if isinstance(done.level, str):
        return f"no {name} needed"  # the network was trained for one level
    return f"{name} {done.level:.{digits}f} {auto if done.estimated else 'given'}"


def number_or_auto(option: str, text: str) -> float | str:
    """A number, or ``auto``.

    Raises:
        ConfigError: It is neither.
    """
    if text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{option} takes a number or auto, got {text!r}") from None


def run(
    wish: Wish,
    inputs: tuple[Path, ...],
    output: Path,
    *,
    model: str | None,
    compare: bool,
    recursive: bool,
    overwrite: bool,
    **options: Any,
) -> None:
    """Restore one after another; a bad file does not stop the rest."""
    from rnan.api import Restorers
    from rnan.inference.files import plan

    jobs = plan(inputs, output, recursive=recursive, compare=compare)
    restorers = Restorers(wish.restoration, model, **restore_options(**options))
    _check(wish, restorers)

    def work(job: Job, bar: Progress) -> str:
        tiles = bar.add_task(job.source.name, total=None)
        try:
            return _one(wish, restorers, job, overwrite, bar, tiles)
        finally:
            bar.remove_task(tiles)

    run_jobs(jobs, work)


def _check(wish: Wish, restorers: Restorers) -> None:
    """Refuse a level before any picture is read."""
    for task in restorers.tasks:
        if task.kind in ("sigma", "quality") and not isinstance(wish.level, str):
            task.check_level(wish.level)
        if task.kind == "pattern":
            task.check_level(wish.sigma)


def _one(
    wish: Wish, restorers: Restorers, job: Job, overwrite: bool, bar: Progress, tiles: TaskID
) -> str:
    """Restore one picture and say what was done."""
    from rnan.inference.files import restore_file

    start = time.perf_counter()
    done = restore_file(
        restorers,
        job,
        level=wish.level,
        sigma=wish.sigma,
        overwrite=overwrite,
        before=lambda picture, restorer: _announce(wish, job, picture, restorer, bar),
        progress=lambda done, total: bar.update(tiles, completed=done, total=total),
    )
    return f"{job.target} ({wish.describe(done)}, {time.perf_counter() - start:.1f} s)"


def _announce(wish: Wish, job: Job, picture: Picture, restorer: Restorer, bar: Progress) -> None:
    """Say about how long a large picture will take."""
    height, width = picture.size
    if height * width * max(restorer.engine.scales) ** 2 < _WORTH_TIMING:
        return
    scale = int(wish.level) if restorer.task.kind == "scale" else None
    seconds = restorer.seconds_for(height, width, scale=scale)
    if seconds >= _LONG:
        about = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
        megapixels = height * width / 1e6
        progress.say(
            bar, f"{job.source.name}: {megapixels:.1f} megapixels, about {about}", err=True
        )
