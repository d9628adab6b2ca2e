"""Many pictures: a bad file is reported and does not stop the rest; a summary stands at the end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress, summary
from rnan.errors import Cancelled, ConfigError, OptionRef, WeightsError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from rnan.inference.result import Result
    from rnan.pipeline.manifest import Manifest
    from rnan.pipeline.plan import Plan


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
    """Where the results go as JSON."""
    quiet_stdout: bool = False
    """Standard output belongs to a picture."""

    def skips(self, plan: Plan) -> bool:
        """Whether its result is complete and to be left."""
        return self.resume and self.manifest is not None and self.manifest.is_complete(plan)

    def allowing(self, plan: Plan) -> Plan:
        """The plan, replacing outputs of our own that are done again."""
        from rnan.images.write import check_replaceable

        if not self.resume or self.manifest is None or plan.overwrite:
            return plan
        foreign = self.manifest.foreign(plan)
        if foreign is not None:
            check_replaceable(foreign, overwrite=False)
        return replace(plan, overwrite=True)


def say_plans(plans: list[Plan]) -> None:
    """Print what ``--dry-run`` asks for."""
    for plan in plans:
        click.echo(f"{plan.source} -> {plan.target}")


Restore = Callable[["Plan", "Progress", threading.Event], "Result"]
"""Restores one picture; looks at the event before each tile."""


def run_batch(plans: list[Plan], restore: Restore, policy: Policy | None = None) -> None:
    """Restore each picture and print a line of it.

    Raises:
        RnanError: The only picture failed; or all, or some of several did, in one line. What would
            fail alike for the next picture stops at once.
    """
    policy = policy or Policy()
    results: list[Result] = []
    start = time.perf_counter()
    try:
        with progress.bar() as bar:
            overall = progress.row(bar, "pictures", total=len(plans), visible=len(plans) > 1)
            for result in _results(plans, restore, policy, bar):
                results.append(result)
                _say(result, bar, policy, alone=len(plans) == 1)
                _advance(bar, overall, results, time.perf_counter() - start)
                if result.error is not None and policy.fail_fast:
                    break
    finally:
        if policy.report is not None:
            summary.write_report(
                policy.report,
                Counter(result.status for result in results),
                len(plans),
                time.perf_counter() - start,
                {"outcomes": [_as_json(result) for result in results]},
            )
    failures = [result.error for result in results if result.error is not None]
    if len(plans) == 1 and failures:
        raise failures[0]
    if len(plans) > 1:
        counts: Counter[str] = Counter(result.status for result in results)
        megapixels = sum(result.megapixels for result in results)
        summary.say(counts, megapixels, time.perf_counter() - start)
    if failures:
        raise summary.failure(failures, len(plans))


def _results(
    plans: list[Plan], restore: Restore, policy: Policy, bar: Progress
) -> Iterator[Result]:
    """Results as they come; whoever stops asking, or is interrupted, stops the work."""
    stop = threading.Event()
    if policy.workers == 1:
        for plan in plans:
            yield _attempt(plan, restore, policy, bar, stop)
        return
    waiting = iter(plans)
    running: set[Future[Result]] = set()
    with ThreadPoolExecutor(policy.workers) as pool:
        try:
            while True:
                for plan in waiting:
                    running.add(pool.submit(_attempt, plan, restore, policy, bar, stop))
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
    plan: Plan, restore: Restore, policy: Policy, bar: Progress, stop: threading.Event
) -> Result:
    from rnan.inference.result import Result

    result = Result(source=str(plan.source), target=str(plan.target))
    start = time.perf_counter()
    try:
        if policy.skips(plan):
            return replace(result, status="skipped", note="complete already")
        return _recorded(policy.allowing(plan), restore, policy.manifest, bar, stop)
    except (Cancelled, ConfigError, WeightsError):
        raise
    except Exception as error:  # nothing about one picture stops the others
        failure = summary.as_ours(error, str(plan.source))
        seconds = time.perf_counter() - start
        return replace(result, status="failed", error=failure, seconds=seconds)


def _recorded(
    plan: Plan, restore: Restore, manifest: Manifest | None, bar: Progress, stop: threading.Event
) -> Result:
    if manifest is None:
        return restore(plan, bar, stop)
    manifest.begin(plan)
    try:
        result = restore(plan, bar, stop)
    except BaseException:
        manifest.withdraw(plan)
        raise
    manifest.add(plan)
    return result


def _say(result: Result, bar: Progress, policy: Policy, *, alone: bool) -> None:
    if result.error is not None and not alone:
        progress.say(bar, f"rnan: {summary.named(result.error, result.source)}", err=True)
    elif result.status == "done":
        progress.say(bar, _in_words(result), err=policy.quiet_stdout)


def _in_words(result: Result) -> str:
    if not result.description:
        return result.target
    return f"{result.target} ({result.description}, {result.seconds:.1f} s)"


def _as_json(result: Result) -> dict[str, Any]:
    error = result.error
    return {
        "source": result.source,
        "target": result.target,
        "status": result.status,
        "seconds": result.seconds,
        "megapixels": result.megapixels,
        "said": _in_words(result) if error is None else error.spelled(OptionRef.as_flag),
    }


def _advance(bar: Progress, overall: TaskID, results: list[Result], seconds: float) -> None:
    megapixels = sum(result.megapixels for result in results)
    bar.update(overall, advance=1, rate=f"{megapixels / max(seconds, 1e-9):.2f} megapixels/s")
