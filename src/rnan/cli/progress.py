"""A progress bar on a terminal, nothing anywhere else."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


def quiet() -> bool:
    """Whether ``-q`` was given."""
    return logging.getLogger().level >= logging.ERROR


def say(bar: Progress, text: str, *, err: bool = False) -> None:
    """Print one line while a bar is drawn: results on stdout, everything else on stderr.

    A closed pipe behind stdout does not stop the work.
    """
    if quiet() and not text.startswith("rnan: "):
        return
    live = not bar.disable
    if live:
        bar.stop()
    try:
        click.echo(" ".join(text.split()), err=err)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if live:
        bar.start()


def say_plainly(text: str) -> None:
    """Print one line for people on standard error."""
    click.echo(text, err=True)


def console() -> Console:
    """Standard error, for people."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def wanted() -> bool:
    """Whether standard error is a terminal that can move its cursor."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def row(bar: Progress, what: str, *, total: int | None, visible: bool = True) -> TaskID:
    """Add one row to a bar, with a place for what it says of its pace."""
    return bar.add_task(what, total=total, visible=visible, rate="")


@contextmanager
def bar() -> Iterator[Progress]:
    """A bar with the time left; it draws nothing where it is not wanted."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    drawn = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[rate]}"),
        console=console(),
        disable=quiet() or not wanted(),
        transient=True,
    )
    if drawn.disable:  # rich before 14.3 ends even such a one with an empty line
        yield drawn
        return
    with drawn:
        yield drawn
