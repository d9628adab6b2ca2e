"""``rnan auto``."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import click

from rnan.cli.files import Files, files
from rnan.cli.jobs import run_jobs, say_plan
from rnan.cli.options import restore_options, restoring, verbosity

if TYPE_CHECKING:
    from rich.progress import Progress

    from rnan.images import Picture
    from rnan.inference.plan import Job


@click.command("auto")
@files
@restoring
@verbosity
def command(**options: Any) -> None:
    """Find out what pictures need and do it: JPEG repair, denoising, demosaicing, one or several.

    A clean picture is written as it was read.

    \b
    Examples:
      rnan auto photo.jpg -o better.png
      rnan auto photos/ -o better/ --recursive --resume
    """
    from rnan.chain import Chain
    from rnan.inference.files import process_file
    from rnan.weights import registry

    given = Files.taken_from(options)
    jobs = given.plan()
    if given.dry_run:
        say_plan(jobs)
        return
    restoring = restore_options(**options, jobs=min(given.jobs, len(jobs)))
    chain = Chain(**restoring)
    hashes = [registry.sha256(name) for name in registry.bundled()]
    settings = {"restoration": "auto", "restoring": restoring, "weights": hashes}
    policy = given.policy(jobs, settings)
    file_options = given.options()

    def work(job: Job, bar: Progress, stop: threading.Event) -> tuple[str, float]:
        tiles = bar.add_task(job.source.name, total=None, rate="")
        start = time.perf_counter()
        done: list[str] = []

        def transform(picture: Picture) -> Picture:
            restored, said = chain(
                picture,
                progress=lambda done, total: bar.update(tiles, completed=done, total=total),
                cancel=stop,
            )
            done.extend(said)
            return restored

        try:
            size = process_file(transform, job, policy.for_job(job, file_options))
        finally:
            bar.remove_task(tiles)
        what = ", then ".join(done) or "clean, left alone"
        seconds = time.perf_counter() - start
        return f"{job.target} ({what}, {seconds:.1f} s)", size[0] * size[1] / 1e6

    run_jobs(jobs, work, policy)
