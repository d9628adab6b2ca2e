"""``rnan evaluate``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress
from rnan.cli.measuring import Measurement, load_measurement, measuring
from rnan.cli.options import PATH, computing, set_threads, verbosity
from rnan.errors import ConfigError

if TYPE_CHECKING:
    from rnan.evaluation.methods import Network
    from rnan.evaluation.runner import Measured


@click.command("evaluate")
@click.argument("task")
@click.argument("folder", type=PATH)
@measuring
@click.option("--dataset", help="Name in the records.  [default: the folder's]")
@click.option("--lq", type=PATH, help="Folder of given inputs, paired by name; degrades nothing.")
@click.option(
    "--json",
    "json_file",
    type=PATH,
    help="Write records and facts of the run here, in place of earlier ones.",
)
@click.option("--csv", "csv_file", type=PATH, help="Write records here, likewise.")
@click.option(
    "--per-picture", type=PATH, help="Write the figures of each picture here as CSV, likewise."
)
@click.option("--markdown", "markdown_file", type=PATH, help="Write the table here, likewise.")
@click.option("--save-images", type=PATH, help="Folder for the inputs and restored pictures.")
@click.option("--save-masks", type=PATH, help="Folder for pictures of what a network attends to.")
@click.option(
    "--pixel", metavar="X,Y", help="Whose non-local weights are saved.  [default: the middle]"
)
@computing
@verbosity
def command(
    task: str,
    folder: Path,
    level: tuple[str, ...],
    dataset: str | None,
    lq: Path | None,
    json_file: Path | None,
    csv_file: Path | None,
    per_picture: Path | None,
    markdown_file: Path | None,
    save_images: Path | None,
    save_masks: Path | None,
    pixel: str | None,
    threads: int | None,
    **options: Any,
) -> None:
    """Measure networks on a folder of clean pictures, by the paper's protocol.

    \b
    Examples:
      rnan evaluate denoise-color kodak24/ --level 15,25,50
      rnan evaluate super-resolution set5/ --model none --model super-resolution
      rnan evaluate demosaic my-pictures/ --model demosaic --model classical:menon

    TASK is denoise-color, denoise-gray, demosaic, dejpeg, dejpeg-color or super-resolution. Any
    folder will do: sizes may differ, colour is made gray for a gray task.
    """
    from rnan.evaluation import report
    from rnan.evaluation.datasets import check_sizes, pair, picture_files, references
    from rnan.evaluation.methods import Network
    from rnan.evaluation.published import published_for
    from rnan.evaluation.records import Record
    from rnan.evaluation.runner import measure, records
    from rnan.images.write import check_report, write_whole
    from rnan.tasks import get_task

    set_threads(threads)
    definition = get_task(task)
    for path in (json_file, csv_file, per_picture, markdown_file):
        if path is not None:
            check_report(path)
    plan = load_measurement(definition, level, **options)
    if lq is not None and any(len(one.levels) > 1 for one in plan.methods):
        raise ConfigError("given inputs are of one level; say which with --level")
    place = _position(pixel) if pixel is not None else None
    files = picture_files(folder)
    check_sizes(files)
    lq_files = pair(files, lq) if lq is not None else None
    dataset = dataset or folder.resolve().name.lower()
    ours: list[Record] = []
    each: list[dict[str, Any]] = []
    seconds: dict[str, float] = {}
    with progress.bar() as bar:
        total = len(files) * sum(len(one.levels) for one in plan.methods)
        row = progress.row(bar, "measuring", total=total)
        for method in plan.methods:

            def keep(one: Measured, method: Measurement = method) -> None:
                bar.advance(row)
                each.append(report.figures_of(one, method=method.name))
                if save_images is not None:
                    _save(one, save_images, method.name)
                if save_masks is not None and isinstance(method.run, Network):
                    _save_masks(one, save_masks, method.name, method.run, place)

            scores = measure(
                definition,
                references(files, definition, lq_files=lq_files),
                method.levels,
                method.run,
                seed=plan.seed,
                quantise_lq=plan.quantise_lq,
                keep=keep,
            )
            ours += records(definition, scores, dataset=dataset, method=method.name)
            seconds[method.name] = sum(score.seconds for score in scores) / len(scores)
    table = report.table(ours, published_for(task, dataset, pictures=len(files)))
    head = f"{definition.title} on {dataset}, {len(files)} pictures, PSNR in dB / SSIM"
    times = ", ".join(f"{name} {took:.2f}" for name, took in seconds.items())
    text = f"{head}\n\n{table}\n\nSeconds a picture: {times}\n"
    click.echo(text, nl=False)
    if csv_file is not None:
        report.write_csv(csv_file, ours)
    if per_picture is not None:
        report.write_each(per_picture, each)
    if markdown_file is not None:
        write_whole(markdown_file, os.fsencode(text))
    if json_file is not None:
        run = report.facts(
            task=definition,
            files=files,
            lq_files=None if lq_files is None else list(lq_files.values()),
            seed=plan.seed,
            quantise_lq=plan.quantise_lq,
            models=[one.model for one in plan.methods],
            engine=plan.engine,
            seconds=seconds,
        )
        report.write_json(json_file, ours, run)


def _save(one: Measured, folder: Path, method: str) -> None:
    """Input and result as 8-bit PNG: ``FOLDER/METHOD/LEVEL/NAME.png``."""
    import numpy as np

    from rnan.evaluation.metrics import as_eight_bit
    from rnan.images import Picture, write

    for name, pixels in ((method, one.restored), ("input", one.lq)):
        path = (
            folder / name.replace("/", "_").replace(":", "-") / one.level.name / f"{one.name}.png"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        write(Picture(pixels=as_eight_bit(pixels).astype(np.uint8)), path, overwrite=True)


def _save_masks(
    one: Measured, folder: Path, method: str, network: Network, pixel: tuple[int, int] | None
) -> None:
    from rnan.evaluation.attention_maps import save_attention_maps

    place = folder / method.replace("/", "_") / one.level.name / one.name
    save_attention_maps(network, one.lq, one.level, place, pixel=pixel)


def _position(text: str) -> tuple[int, int]:
    """Row and column from ``X,Y``."""
    try:
        column, row = (int(word) for word in text.split(","))
    except ValueError:
        raise ConfigError(f"--pixel takes X,Y, got {text!r}") from None
    return row, column
