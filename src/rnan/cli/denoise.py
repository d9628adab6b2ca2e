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
    from rnan.inference import Restorer
    from rnan.inference.files import Done, Job

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
    r"""Remove noise from pictures: files and folders, 8 and 16 bit, colour and gray.

    Examples:
    \b
      rnan denoise photo.jpg -o clean.jpg
      rnan denoise scans/ -o clean/ --sigma 12 --compare

    The network was trained on white Gaussian noise. Camera noise differs: it depends on the
    brightness and is changed by the camera's own processing; give --sigma a value that suits
    your eye where auto takes too little.
    """
    level = _level(sigma)

    from rnan.api import load_restorer
    from rnan.inference.files import plan

    jobs = plan(inputs, output, recursive=recursive)
    restorer = load_restorer(model, **restore_options(**options))
    if not isinstance(level, str):
        restorer.task.check_level(level)
    _run(restorer, jobs, level=level, overwrite=overwrite, compare=compare)


def _level(sigma: str) -> float | str:
    if sigma == "auto":
        return sigma
    try:
        return float(sigma)
    except ValueError:
        raise ConfigError(f"--sigma takes a number or auto, got {sigma!r}") from None


def _run(
    restorer: Restorer, jobs: list[Job], *, level: float | str, overwrite: bool, compare: bool
) -> None:
    """Restore one after another; a bad file does not stop the rest."""
    from rnan.inference.files import restore_file

    failures: list[RnanError] = []
    with progress.bar() as bar:
        overall = bar.add_task("pictures", total=len(jobs), visible=len(jobs) > 1)
        for job in jobs:
            start = time.perf_counter()
            try:
                _announce(restorer, job)
                tiles = bar.add_task(job.source.name, total=None)

                def advance(done: int, total: int, tiles: Any = tiles) -> None:
                    bar.update(tiles, completed=done, total=total)

                done = restore_file(
                    restorer,
                    job,
                    level=level,
                    overwrite=overwrite,
                    compare=compare,
                    progress=advance,
                )
                bar.remove_task(tiles)
                click.echo(_sentence(done, time.perf_counter() - start))
            except (Cancelled, ConfigError, ResourceError):
                raise
            except RnanError as error:
                if len(jobs) == 1:
                    raise
                failures.append(error)
                click.echo(f"rnan: {error}", err=True)
            bar.advance(overall)
    if failures:
        kind = InputError if len(failures) == len(jobs) else PartialFailure
        raise kind(f"{len(failures)} of {len(jobs)} pictures failed")


def _announce(restorer: Restorer, job: Job) -> None:
    from rnan.images.read import size_of

    size = size_of(job.source)
    if size is None or size[0] * size[1] < 2_000_000:
        return
    seconds = restorer.seconds_for(*size)
    if seconds >= _LONG:
        click.echo(
            f"{job.source.name}: {size[0] * size[1] / 1e6:.1f} megapixels, about {seconds:.0f} s",
            err=True,
        )


def _sentence(done: Done, seconds: float) -> str:
    how = "estimated" if done.estimated else "given"
    return f"{done.job.target} (sigma {done.level:.1f} {how}, {seconds:.1f} s)"
