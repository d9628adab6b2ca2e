"""Pictures one after another: a bad file is said and does not stop the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rnan.cli import progress
from rnan.errors import (
    Cancelled,
    ConfigError,
    InputError,
    PartialFailure,
    ResourceError,
    RnanError,
    WeightsError,
)

if TYPE_CHECKING:
    from rich.progress import Progress

    from rnan.inference.files import Job


def run_jobs(jobs: list[Job], work: Callable[[Job, Progress], str]) -> None:
    """Do ``work`` for each picture and print the line that it returns.

    Raises:
        RnanError: The only picture failed; or all, or some of several did, in one line. What would
            fail alike for the next picture stops at once.
    """
    failures: list[RnanError] = []
    with progress.bar() as bar:
        overall = bar.add_task("pictures", total=len(jobs), visible=len(jobs) > 1)
        for job in jobs:
            try:
                sentence = work(job, bar)
            except (Cancelled, ConfigError, WeightsError):
                raise
            except RnanError as error:
                if len(jobs) == 1:
                    raise
                failures.append(error)
                progress.say(bar, f"rnan: {error}", err=True)
            else:
                progress.say(bar, sentence)
            bar.advance(overall)
    if failures:
        raise _summary(failures, len(jobs))


def _summary(failures: list[RnanError], number: int) -> RnanError:
    message = f"{len(failures)} of {number} pictures failed"
    if any(isinstance(error, ResourceError) for error in failures):
        return ResourceError(message)
    return InputError(message) if len(failures) == number else PartialFailure(message)
