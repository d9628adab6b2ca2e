"""What ``denoise``, ``dejpeg``, ``demosaic`` and ``upscale`` share: pictures in, pictures out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress
from rnan.cli.files import Files, files
from rnan.cli.jobs import run_jobs, say_plan
from rnan.cli.options import restore_options, restoring, verbosity
from rnan.errors import ConfigError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from rnan.api import Restorers
    from rnan.images import Picture
    from rnan.inference import Restorer
    from rnan.inference.files import Done, FileOptions
    from rnan.inference.plan import Job

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
        click.option("--model", help="Weights: name or file.  [default: what suits the picture]"),
        files,
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
    takes_raw: bool = False
    """Whether inputs may be camera raw."""
    strict: bool = False
    """Refuse raw of other sensors than Bayer's."""


def level_taken(done: Done, name: str, digits: int, *, auto: str) -> str:
    """The level in words; ``auto`` says how it was found where it was not given."""
    if isinstance(done.level, str):
        return f"no {name} needed"  # the network was trained for one level
    if not isinstance(done.level, (int, float)):
        return f"{name} {done.level.min():.{digits}f} to {done.level.max():.{digits}f} {auto}"
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
    wish: Wish, inputs: tuple[Path, ...], output: Path, *, model: str | None, **options: Any
) -> None:
    """Restore all pictures; a bad file does not stop the rest."""
    from rnan.api import Restorers
    from rnan.images.read import EXTENSIONS, RAW_EXTENSIONS

    options |= {"inputs": inputs, "output": output}
    given = Files.taken_from(options)
    more = {"extensions": (*EXTENSIONS, *RAW_EXTENSIONS)} if wish.takes_raw else {}
    jobs = given.plan(**more)
    if given.dry_run:
        say_plan(jobs)
        return
    restoring = restore_options(**options, jobs=min(given.jobs, len(jobs)))
    restorers = Restorers(wish.restoration, model, **restoring)
    _check(wish, restorers)
    settings = {
        "restoration": [wish.restoration, wish.level, wish.sigma],
        "restoring": restoring,
        "weights": restorers.hashes,
    }
    policy = given.policy(jobs, settings)
    file_options = given.options()

    def work(job: Job, bar: Progress, stop: threading.Event) -> tuple[str, float]:
        tiles = bar.add_task(job.source.name, total=None, rate="")
        try:
            return _one(wish, restorers, job, policy.for_job(job, file_options), bar, tiles, stop)
        finally:
            bar.remove_task(tiles)

    run_jobs(jobs, work, policy)


def _check(wish: Wish, restorers: Restorers) -> None:
    """Refuse a level before any picture is read."""
    for task in restorers.tasks:
        if task.kind in ("sigma", "quality") and not isinstance(wish.level, str):
            task.check_level(wish.level)
        if task.kind == "pattern":
            task.check_level(wish.sigma)


def _one(
    wish: Wish,
    restorers: Restorers,
    job: Job,
    options: FileOptions,
    bar: Progress,
    tiles: TaskID,
    stop: threading.Event,
) -> tuple[str, float]:
    """Restore one picture; say what was done, and how many megapixels it had."""
    from rnan.images.raw import is_raw
    from rnan.inference.developing import develop_file
    from rnan.inference.files import restore_file

    start = time.perf_counter()

    def advance(done: int, total: int) -> None:
        bar.update(tiles, completed=done, total=total)

    if wish.takes_raw and is_raw(job.source):
        network = restorers.for_channels(1)
        picture, how = develop_file(
            network,
            job,
            sigma=wish.sigma,
            strict=wish.strict,
            options=options,
            progress=advance,
            cancel=stop,
        )
        said = f"{job.target} (camera raw, {how}, {time.perf_counter() - start:.1f} s)"
        return said, picture.size[0] * picture.size[1] / 1e6
    done = restore_file(
        restorers,
        job,
        level=wish.level,
        sigma=wish.sigma,
        options=options,
        before=lambda picture, restorer: _announce(wish, job, picture, restorer, bar),
        progress=advance,
        cancel=stop,
    )
    said = f"{job.target} ({wish.describe(done)}, {time.perf_counter() - start:.1f} s)"
    return said, done.size[0] * done.size[1] / 1e6


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
