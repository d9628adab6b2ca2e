"""``rnan figure``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli.measuring import load_measurement, measuring
from rnan.cli.options import PATH, computing, set_threads, verbosity
from rnan.errors import ConfigError

if TYPE_CHECKING:
    from rnan.evaluation.figures import Crop
    from rnan.evaluation.runner import Measured


@click.command("figure")
@click.argument("task")
@click.argument("picture", type=PATH)
@measuring
@click.option("-o", "--output", required=True, type=PATH, help="A .png, .pdf or .svg file.")
@click.option(
    "--crop",
    metavar="X,Y,W,H",
    help="Part that is shown, in pixels of the picture.  [default: where it changes most]",
)
@click.option("--overwrite", is_flag=True, help="Replace the output where it exists.")
@computing
@verbosity
def command(
    task: str,
    picture: Path,
    output: Path,
    crop: str | None,
    overwrite: bool,
    level: tuple[str, ...],
    threads: int | None,
    **options: Any,
) -> None:
    """Draw a figure as the paper has them: a picture, and a crop of it before and after.

    \b
    Examples:
      rnan figure denoise-color kodim08.png -o figure.png --level 50
      rnan figure demosaic kodim19.png -o figure.pdf --model demosaic --model classical:menon

    The crop is shown for the reference, the input and each --model, with the PSNR of the whole
    picture below.
    """
    from rnan.errors import InputError
    from rnan.evaluation.datasets import references
    from rnan.evaluation.figures import (
        Panel,
        check_crop,
        check_figure,
        liveliest_crop,
        write_figure,
    )
    from rnan.evaluation.methods import nothing
    from rnan.evaluation.runner import cut_to_multiple, measure
    from rnan.images.write import check_replaceable
    from rnan.tasks import get_task

    set_threads(threads)
    definition = get_task(task)
    check_figure(output)
    if output.resolve() == picture.resolve():
        raise InputError(f"{output} is the picture itself; name another file")
    check_replaceable(output, overwrite=overwrite)
    plan = load_measurement(definition, level or (definition.table_levels[-1],), **options)
    degree = plan.methods[0].levels[0]
    if any(len(one.levels) != 1 for one in plan.methods):
        raise ConfigError("a figure shows one --level")
    (reference,) = references([picture], definition)
    gt = cut_to_multiple(reference.gt, degree.scale)
    wanted = _parse(crop) if crop else liveliest_crop(gt, max(32, min(gt.shape[:2]) // 4))
    check_crop(wanted, gt)
    panels = [Panel(title="reference", picture=gt)]
    runs = [("input", nothing), *((one.name, one.run) for one in plan.methods)]
    for name, run in runs:
        kept: list[Measured] = []
        measure(
            definition,
            [reference],
            [degree],
            run,
            seed=plan.seed,
            quantise_lq=plan.quantise_lq,
            with_ssim=False,
            keep=kept.append,
        )
        shown = kept[0].lq if name == "input" else kept[0].restored
        panels.append(Panel(title=name, picture=shown, psnr=kept[0].psnr))
    write_figure(output, f"{reference.name}, {degree.name}", gt, wanted, panels)
    click.echo(output)


def _parse(text: str) -> Crop:
    from rnan.evaluation.figures import Crop

    try:
        left, top, width, height = (int(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(f"--crop takes X,Y,W,H, got {text!r}") from None
    return Crop(left=left, top=top, width=width, height=height)
