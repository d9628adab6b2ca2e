"""``rnan denoise``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress
from rnan.cli.options import PATH, restore_options, restoring, verbosity
from rnan.errors import Cancelled, ConfigError, InputError, PartialFailure, ResourceError, RnanError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from rnan.inference import Restorer
    from rnan.inference.files import Job

_LONG = 10.0
"""Seconds from which on a picture's time is said before it starts."""


@click.command("denoise")
@click.argument("inputs", nargs=-1, required=True, type=PATH, metavar="IN...")
@click.option(
    "-o", "--output", required=True, type=PATH, help="A file for one picture, a folder for many."
)
@click.option(
    "--sigma",
    default="auto",
    show_default=True,
    help="Standard deviation of the noise on the 0-255 scale, 0 to 75; auto estimates it.",
)
@click.option("--model", default="denoise-color", show_default=True, help="Weights: name or file.")
@click.option("--compare", is_flag=True, help="Also write OUT-compare.png: before and after.")
@click.option("--recursive", is_flag=True, help="Look into folders within folders.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@restoring
@verbosity
def command(
    inputs: tuple[Path, ...],
    output: Path,
    sigma: str,
    model: str,
    compare: bool,
    recursive: bool,
    overwrite: bool,
    **options: Any,
) -> None:
    """Remove noise from pictures: files and folders, 8 and 16 bit, colour and gray.

    \b
    Examples:
      rnan denoise photo.jpg -o clean.jpg
      rnan denoise scans/ -o clean/ --sigma 12 --compare

    The network was trained on white Gaussian noise. Camera noise differs: it depends on the
    brightness and is changed by the camera's own processing; give --sigma a value that suits
    your eye where auto takes too little.
    """
    level = _level(sigma)

    from rnan.api import load_restorer
    from rnan.inference.files import plan

    jobs = plan(inputs, output, recursive=recursive, compare=compare)
    restorer = load_restorer(model, **restore_options(**options))
    if not isinstance(level, str):
        restorer.task.check_level(level)
    _run(restorer, jobs, level=level, overwrite=overwrite)


def _level(sigma: str) -> float | str:
    if sigma == "auto":
        return sigma
    try:
        return float(sigma)
    except ValueError:
        raise ConfigError(f"--sigma takes a number or auto, got {sigma!r}") from None


def _run(restorer: Restorer, jobs: list[Job], *, level: float | str, overwrite: bool) -> None:
    """Restore one after another; a bad file does not stop the rest."""
    failures: list[RnanError] = []
    with progress.bar() as bar:
        overall = bar.add_task("pictures", total=len(jobs), visible=len(jobs) > 1)
        for job in jobs:
            tiles = bar.add_task(job.source.name, total=None)
            try:
                sentence = _one(restorer, job, level, overwrite, bar, tiles)
            except (Cancelled, ConfigError):
                raise
            except RnanError as error:
                if len(jobs) == 1:
                    raise
                failures.append(error)
                progress.say(bar, f"rnan: {error}", err=True)
            else:
                progress.say(bar, sentence)
            bar.remove_task(tiles)
            bar.advance(overall)
    if failures:
        raise _summary(failures, len(jobs))


def _one(
    restorer: Restorer,
    job: Job,
    level: float | str,
    overwrite: bool,
    bar: Progress,
    tiles: TaskID,
) -> str:
    """Restore one picture and say what was done."""
    from rnan.inference.files import restore_file

    start = time.perf_counter()
    _announce(restorer, job, bar)
    done = restore_file(
        restorer,
        job,
        level=level,
        overwrite=overwrite,
        progress=lambda done, total: bar.update(tiles, completed=done, total=total),
    )
    how = "estimated" if done.estimated else "given"
    return f"{job.target} (sigma {done.level:.1f} {how}, {time.perf_counter() - start:.1f} s)"


def _summary(failures: list[RnanError], pictures: int) -> RnanError:
    message = f"{len(failures)} of {pictures} pictures failed"
    if any(isinstance(error, ResourceError) for error in failures):
        return ResourceError(message)
    return InputError(message) if len(failures) == pictures else PartialFailure(message)


def _announce(restorer: Restorer, job: Job, bar: Progress) -> None:
    """Say about how long a large picture will take."""
    from rnan.images.read import MAX_PIXELS, size_of

    size = size_of(job.source)
    pixels = size[0] * size[1] if size else 0
    if size is None or not 2_000_000 <= pixels <= MAX_PIXELS:
        return
    seconds = restorer.seconds_for(*size)
    if seconds >= _LONG:
        about = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
        progress.say(
            bar, f"{job.source.name}: {pixels / 1e6:.1f} megapixels, about {about}", err=True
        )
