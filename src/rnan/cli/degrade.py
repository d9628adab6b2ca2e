"""``rnan degrade``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rnan.cli.batch import run_batch
from rnan.cli.options import PATH, verbosity

if TYPE_CHECKING:
    from rnan.inference.result import Result
    from rnan.pipeline.plan import Plan


@click.command("degrade")
@click.argument("task")
@click.argument("inputs", nargs=-1, required=True, type=PATH, metavar="IN...")
@click.option(
    "-o", "--output", required=True, type=PATH, help="A file for one picture, a folder for many."
)
@click.option("--level", required=True, help="How much: 25, grbg, grbg-5, x2; by the task.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the noise.")
@click.option(
    "--float",
    "as_float",
    is_flag=True,
    help="TIFF in floating point: noise is neither clipped nor rounded.",
)
@click.option("--recursive", is_flag=True, help="Look into folders within folders.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@verbosity
def command(
    task: str,
    inputs: tuple[Path, ...],
    output: Path,
    level: str,
    seed: int,
    as_float: bool,
    recursive: bool,
    overwrite: bool,
) -> None:
    """Make the inputs of a task from clean pictures, as rnan evaluate does.

    \b
    Examples:
      rnan degrade denoise-color photo.png -o noisy.png --level 25
      rnan degrade dejpeg-color photo.png -o bad.jpg --level 10
      rnan degrade super-resolution set5/ -o set5-x2/ --level x2

    In a folder the pictures are PNG, or TIFF with --float.
    """
    from rnan.evaluation.datasets import names_of
    from rnan.evaluation.inputs import make_input
    from rnan.inference.result import Result
    from rnan.pipeline.plan import plan_files
    from rnan.tasks import get_task

    definition = get_task(task)
    degree = definition.level(level)
    plans = plan_files(inputs, output, recursive=recursive, ending=".tif" if as_float else ".png")

    sources = [plan.source for plan in plans]
    names = dict(zip(sources, names_of(sources), strict=True))

    def degrade(plan: Plan, *_: object) -> Result:
        size = make_input(
            definition,
            degree,
            plan.source,
            plan.target,
            name=names[plan.source],
            seed=seed,
            as_float=as_float,
            overwrite=overwrite,
        )
        return Result(size=size, source=str(plan.source), target=str(plan.target))

    run_batch(plans, degrade)
