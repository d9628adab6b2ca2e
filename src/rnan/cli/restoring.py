"""What the restoring commands share: pictures in, pictures out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rnan.cli import progress
from rnan.cli.files import Files, files
from rnan.cli.jobs import run_jobs, say_plan
from rnan.cli.options import MODEL, restore_options, restoring, verbosity

if TYPE_CHECKING:
    from rich.progress import Progress

    from rnan.images import Picture
    from rnan.inference import Restorer
    from rnan.inference.plan import Job
    from rnan.work import Wish

_LONG = 10.0
"""Seconds from which on a picture's time is said before it starts."""

_WORTH_TIMING = 2_000_000
"""Pixels of the result below which no time is said."""

Decorated = Callable[..., Any]


def pictures(function: Decorated) -> Decorated:
    """Inputs, output and everything that each restoring command takes."""
    for decorate in (verbosity, restoring, MODEL, files):
        function = decorate(function)
    return function


def run(restoration: str, **options: Any) -> None:
    """Restore all pictures; a bad file does not stop the rest.

    Args:
        restoration: What is done.
        options: All that the command line gave.
    """
    from rnan.work import Work, wish_for

    given = Files.taken_from(options)
    asked = wish_for(restoration, options)
    jobs = given.plan(extensions=asked.extensions)
    restoring = restore_options(**options, jobs=min(given.jobs, len(jobs)))
    work = Work(replace(asked, options=restoring))
    policy = given.policy(jobs, work.facts)
    if given.dry_run:
        say_plan([job for job in jobs if not policy.skips(job)])
        return
    file_options = given.file_options()

    def one(job: Job, bar: Progress, stop: threading.Event) -> tuple[str, float]:
        tiles = progress.row(bar, job.source.name, total=None)
        start = time.perf_counter()
        try:
            done = work(
                job,
                policy.for_job(job, file_options),
                before=lambda picture, restorer: _announce(asked, job, picture, restorer, bar),
                progress=lambda done, total: bar.update(tiles, completed=done, total=total),
                cancel=stop,
            )
        finally:
            bar.remove_task(tiles)
        said = f"{job.target} ({done.said}, {time.perf_counter() - start:.1f} s)"
        return said, done.size[0] * done.size[1] / 1e6

    run_jobs(jobs, one, policy)


def _announce(wish: Wish, job: Job, picture: Picture, restorer: Restorer, bar: Progress) -> None:
    """Say about how long a large picture will take."""
    height, width = picture.size
    scale = float(wish.level) if restorer.task.kind == "scale" else 1.0
    if progress.quiet() or height * width * scale**2 < _WORTH_TIMING:
        return
    seconds = restorer.seconds_for(height, width, scale=scale)
    if seconds >= _LONG:
        about = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
        megapixels = height * width / 1e6
        progress.say(
            bar, f"{job.source.name}: {megapixels:.1f} megapixels, about {about}", err=True
        )
