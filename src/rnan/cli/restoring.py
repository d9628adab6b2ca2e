"""The restoring commands: pictures in, pictures out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress
from rnan.cli.batch import run_batch, say_plans
from rnan.cli.files import FileOptions, files
from rnan.cli.options import (
    GroupedCommand,
    chosen,
    make_request_of,
    set_threads,
    verbosity,
    with_options,
)
from rnan.options.request import request_options

if TYPE_CHECKING:
    from rich.progress import Progress

    from rnan.images import Picture
    from rnan.inference import Restorer
    from rnan.inference.result import Result
    from rnan.pipeline.plan import Plan

_LONG = 10.0
"""Seconds from which on a picture's time is announced before it starts."""
_WORTH_TIMING = 2_000_000
"""Pixels of the result below which no time is announced."""


def restoring_command(restoration: str) -> Callable[[Callable[[], None]], click.Command]:
    """A command that restores pictures; the docstring of what it decorates is its help."""

    def make(described: Callable[[], None]) -> click.Command:
        def callback(inputs: tuple[Path, ...], **values: Any) -> None:
            run(restoration, inputs, values)

        callback.__doc__ = described.__doc__
        options = with_options(request_options(restoration).values())
        function = files(options(verbosity(callback)))
        return click.command(restoration, cls=GroupedCommand)(function)

    return make


def run(restoration: str, inputs: tuple[Path, ...], values: dict[str, Any]) -> None:
    """Restore all pictures; a bad file does not stop the rest."""
    from rnan.isolation.pool import POOL

    if not values["dry_run"]:
        POOL.warm()  # while all else is loaded
    from rnan.pipeline.pipeline import Pipeline

    request = make_request_of(restoration, values)
    how = chosen(FileOptions, values)
    plans = how.plans(inputs, request)
    set_threads(values["threads"], share=min(how.jobs, len(plans)))
    pipeline = Pipeline(request)
    policy = how.policy(plans, pipeline.facts)
    if how.dry_run:
        say_plans([plan for plan in plans if not policy.skips(plan)])
        return

    def restore(plan: Plan, bar: Progress, stop: threading.Event) -> Result:
        tiles = progress.row(bar, plan.source.name, total=None)
        start = time.perf_counter()
        try:
            result = pipeline(
                plan,
                announce=lambda picture, restorer: _announce(
                    plan, picture, restorer, request.level.enlargement, bar
                ),
                progress=lambda done, total: bar.update(tiles, completed=done, total=total),
                cancel=stop,
            )
        finally:
            bar.remove_task(tiles)
        return replace(result, seconds=time.perf_counter() - start)

    run_batch(plans, restore, policy)


def _announce(
    plan: Plan, picture: Picture, restorer: Restorer, enlargement: float, bar: Progress
) -> None:
    """Say about how long a large picture will take."""
    height, width = picture.size
    if progress.quiet() or height * width * enlargement**2 < _WORTH_TIMING:
        return
    seconds = restorer.seconds_for(height, width, scale=enlargement)
    if seconds >= _LONG:
        about = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
        megapixels = height * width / 1e6
        progress.say(
            bar, f"{plan.source.name}: {megapixels:.1f} megapixels, about {about}", err=True
        )
