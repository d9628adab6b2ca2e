"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from rnan.option_table import RESTORING, Option

Decorated = Callable[..., Any]

_MOST_THREADS = 256


class _NonEmptyPath(click.Path):
    """A path; an empty one, as an unset shell variable gives, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


class FiniteRange(click.FloatRange):
    """Numbers in a range, none of them infinite or nan."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse what no comparison holds for."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not finite", param, ctx)
        return number


PATH = _NonEmptyPath(path_type=Path)
THREADS = click.IntRange(1, _MOST_THREADS)


MODEL = click.option(
    "--model", help="Weights: name, file, or an .onnx file.  [default: what suits the picture]"
)
ENGINE = click.option(
    "--engine",
    type=click.Choice(["auto", "torch", "onnx", "openvino"]),
    help="What runs the network; auto takes the fastest that is installed.  "
    "[default: torch; onnx for an .onnx file]",
)


def as_click(option: Option) -> Callable[[Decorated], Decorated]:
    """An option of the table for the command line."""
    if option.kind is bool:
        return click.option(option.flag, option.name, is_flag=True, help=option.help)
    kind: Any = option.kind
    if option.choices:
        kind = click.Choice(option.choices, case_sensitive=False)
    return click.option(
        option.flag,
        option.name,
        type=kind,
        default=option.default,
        show_default=option.default is not None,
        help=option.help + (f"  [default: {option.unset}]" if option.unset else ""),
    )


def with_options(options: Sequence[Option]) -> Callable[[Decorated], Decorated]:
    """Several options of the table; in the help they stand in its order."""

    def decorate(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = as_click(option)(function)
        return function

    return decorate


ATTENTION = as_click(next(option for option in RESTORING if option.name == "attention"))


def verbosity(function: Decorated) -> Decorated:
    """``-v`` and ``-q``; ``rnan.cli.main`` reads them before anything runs."""
    function = click.option(
        "-v",
        "--verbose",
        count=True,
        expose_value=False,
        help="Say what runs; -vv with tracebacks.",
    )(function)
    return click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, help="Say only what went wrong."
    )(function)


def computing(function: Decorated) -> Decorated:
    """``--device``, ``--dtype`` and ``--threads``."""
    for option in (
        click.option("--threads", type=THREADS, help="Threads of the processor to use."),
        click.option(
            "--dtype",
            type=click.Choice(["auto", "float32", "bfloat16", "float16"]),
            default="auto",
            show_default=True,
            help="Type of the convolutions; float32 is exact.",
        ),
        click.option(
            "--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps."
        ),
    ):
        function = option(function)
    return function


def set_threads(threads: int | None) -> None:
    """Limit the threads of the numerical library, where asked."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)


def restoring(function: Decorated) -> Decorated:
    """What decides how a picture is restored: :class:`rnan.inference.RestoreOptions`."""
    for option in (
        click.option(
            "--compile",
            is_flag=True,
            help="Compile the network first; for many pictures on a GPU.",
        ),
        click.option(
            "--max-memory", help="Memory the network may take, for example 512M; chooses the tile."
        ),
        click.option(
            "--overlap",
            type=int,
            default=96,
            show_default=True,
            help="Pixels that neighbouring tiles share.",
        ),
        click.option("--tile", type=int, help="Side of the tiles in pixels, instead of a budget."),
        ENGINE,
        with_options(RESTORING),
    ):
        function = option(function)
    return computing(function)


def restore_options(
    *, max_memory: str | None, threads: int | None, jobs: int = 1, **given: Any
) -> dict[str, Any]:
    """Fields of ``RestoreOptions`` from what the command line gave.

    Args:
        max_memory: As ``--max-memory``.
        threads: As ``--threads``.
        jobs: Pictures that share the processor.
        given: The other fields.
    """
    from rnan.inference.options import parse_size

    if jobs > 1:
        import torch

        threads = max(1, (threads or torch.get_num_threads()) // jobs)
    set_threads(threads)
    return {**given, "max_memory": parse_size(max_memory) if max_memory else None}
