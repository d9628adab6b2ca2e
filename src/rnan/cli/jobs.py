"""Many pictures: a bad file is said and does not stop the rest, and at the end stands a summary."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnan.cli import progress, summary
from rnan.errors import Cancelled, ConfigError, RnanError, WeightsError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from rnan.inference.files import FileOptions
    from rnan.inference.manifest import Manifest
    from rnan.inference.plan import Job


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one picture."""

    source: str
    target: str
    status: str
    """``done``, ``skipped`` or ``failed``."""
    seconds: float = 0.0
    megapixels: float = 0.0
    said: str = ""
    """What was done, or what went wrong."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How many pictures are worked through."""

    workers: int = 1
    """Pictures at a time."""
    fail_fast: bool = False
    """Stop at the first failure."""
    manifest: Manifest | None = None
    """Where results are recorded."""
    resume: bool = False
    """Skip what the manifest knows as complete."""
    report: Path | None = None
    """Where the outcomes go as JSON."""
    quiet_stdout: bool = False
    """Standard output belongs to a picture."""

    def skips(self, job: Job) -> bool:
        """Whether its result is complete and to be left."""
        return self.resume and self.manifest is not None and self.manifest.is_complete(job)

    def for_job(self, job: Job, options: FileOptions) -> FileOptions:
        """The options, replacing outputs of our own that are done again.

        Raises:
            InputError: One is somebody else's.
        """
        from rnan.images.write import check_replaceable

        if not self.resume or self.manifest is None or options.overwrite:
            return options
        foreign = self.manifest.foreign(job)
        if foreign is not None:
            check_replaceable(foreign, overwrite=False)
        return replace(options, overwrite=True)


def say_plan(jobs: list[Job]) -> None:
    """Print what ``--dry-run`` asks for."""
    for job in jobs:
        click.echo(f"{job.source} -> {job.target}")


Work = Callable[["Job", "Progress", threading.Event], tuple[str, float]]
"""Restores one picture and returns what to say of it and its megapixels; looks at the event."""


def run_jobs(jobs: list[Job], work: Work, policy: Policy | None = None) -> None:
    """Do ``work`` for each picture and print the line that it returns.

    Raises:
        RnanError: The only picture failed; or all, or some of several did, in one line. What would
            fail alike for the next picture stops at once.
    """
    policy = policy or Policy()
    outcomes: list[Outcome] = []
    failures: list[RnanError] = []
    start = time.perf_counter()
    try:
        with progress.bar() as bar:
            overall = progress.row(bar, "pictures", total=len(jobs), visible=len(jobs) > 1)
            for outcome, error in _outcomes(jobs, work, policy, bar):
                outcomes.append(outcome)
                if error is not None:
                    failures.append(error)
                    if len(jobs) > 1:
                        progress.say(bar, f"rnan: {summary.named(error, outcome.source)}", err=True)
                elif outcome.status == "done":
                    progress.say(bar, outcome.said, err=policy.quiet_stdout)
                _advance(bar, overall, outcomes, time.perf_counter() - start)
                if error is not None and policy.fail_fast:
                    break
    finally:
        if policy.report is not None:
            summary.write_report(
                policy.report,
                Counter(outcome.status for outcome in outcomes),
                len(jobs),
                time.perf_counter() - start,
                {"outcomes": [asdict(outcome) for outcome in outcomes]},
            )
    if len(jobs) == 1 and failures:
        raise failures[0]
    if len(jobs) > 1:
        counts = Counter(outcome.status for outcome in outcomes)
        megapixels = sum(outcome.megapixels for outcome in outcomes)
        summary.say(counts, megapixels, time.perf_counter() - start)
    if failures:
        raise summary.failure(failures, len(jobs))


def _outcomes(
    jobs: list[Job], work: Work, policy: Policy, bar: Progress
) -> Iterator[tuple[Outcome, RnanError | None]]:
    """Outcomes as they come; whoever stops asking, or is interrupted, stops the work."""
    stop = threading.Event()
    if policy.workers == 1:
        for job in jobs:
            yield _attempt(job, work, policy, bar, stop)
        return
    waiting = iter(jobs)
    running: set[Future[tuple[Outcome, RnanError | None]]] = set()
    with ThreadPoolExecutor(policy.workers) as pool:
        try:
            while True:
                for job in waiting:
                    running.add(pool.submit(_attempt, job, work, policy, bar, stop))
                    if len(running) == policy.workers:
                        break
                if not running:
                    return
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
        finally:
            stop.set()


def _attempt(
    job: Job, work: Work, policy: Policy, bar: Progress, stop: threading.Event
) -> tuple[Outcome, RnanError | None]:
    outcome = partial(Outcome, source=str(job.source), target=str(job.target))
    start = time.perf_counter()
    try:
        if policy.skips(job):
            return outcome(status="skipped", said="complete already"), None
        said, megapixels = _recorded(job, work, policy.manifest, bar, stop)
    except (Cancelled, ConfigError, WeightsError):
        raise
    except Exception as error:  # nothing about one picture stops the others
        failure = summary.as_ours(error, str(job.source))
        seconds = time.perf_counter() - start
        return outcome(status="failed", seconds=seconds, said=str(failure)), failure
    seconds = time.perf_counter() - start
    done = outcome(status="done", seconds=seconds, megapixels=megapixels, said=said)
    return done, None


def _recorded(
    job: Job, work: Work, manifest: Manifest | None, bar: Progress, stop: threading.Event
) -> tuple[str, float]:
    if manifest is None:
        return work(job, bar, stop)
    manifest.begin(job)
    try:
        done = work(job, bar, stop)
    except BaseException:
        manifest.withdraw(job)
        raise
    manifest.add(job)
    return done


def _advance(bar: Progress, overall: TaskID, outcomes: list[Outcome], seconds: float) -> None:
    megapixels = sum(outcome.megapixels for outcome in outcomes)
    bar.update(overall, advance=1, rate=f"{megapixels / max(seconds, 1e-9):.2f} megapixels/s")
