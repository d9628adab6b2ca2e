"""``rnan evaluate``."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress
from rnan.cli.measuring import Measurement, Measurements, load_measurement, measuring
from rnan.cli.options import (
    PATH,
    GroupedCommand,
    chosen,
    computing,
    set_threads,
    verbosity,
    with_options,
    without,
)
from rnan.errors import ConfigError
from rnan.options.option import option, options_of

if TYPE_CHECKING:
    from rnan.evaluation.methods import Network
    from rnan.evaluation.records import Record
    from rnan.evaluation.runner import Measured
    from rnan.tasks import Task


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What is measured, and where the figures go; files replace earlier ones."""

    dataset: str | None = option(None, "Name in the records.", default_text="the folder's")
    lq: Path | None = option(
        None, "Folder of given inputs, paired by name; degrades nothing.", group="files"
    )
    json: Path | None = option(None, "Write records and facts of the run here.", group="output")
    csv: Path | None = option(None, "Write records here.", group="output")
    per_picture: Path | None = option(
        None, "Write the figures of each picture here, as CSV.", group="output"
    )
    markdown: Path | None = option(None, "Write the table here.", group="output")
    save_images: Path | None = option(
        None, "Folder for the inputs and restored pictures.", group="output"
    )
    save_masks: Path | None = option(
        None, "Folder for pictures of what a network attends to.", group="output"
    )
    pixel: str | None = option(
        None, "X,Y: whose non-local weights are saved.", group="output", default_text="the middle"
    )


@click.command("evaluate", cls=GroupedCommand)
@click.argument("task")
@click.argument("folder", type=PATH)
@measuring
@with_options(options_of(EvaluateOptions).values())
@computing
@verbosity
def command(
    task: str, folder: Path, level: tuple[str, ...], threads: int | None, **values: Any
) -> None:
    """Measure networks on a folder of clean pictures, by the paper's protocol.

    \b
    Examples:
      rnan evaluate denoise-color kodak24/ --level 15,25,50
      rnan evaluate super-resolution set5/ --model none --model super-resolution
      rnan evaluate demosaic my-pictures/ --model demosaic --model classical:menon
      rnan evaluate camera truths/ --lq photographs/

    TASK is denoise-color, denoise-gray, denoise-camera, demosaic, dejpeg, dejpeg-color,
    super-resolution; or raw: mosaics with a sensor's noise, developed to sRGB, at levels by ISO; or
    camera: photographs as cameras saved them, given with --lq, where methods that have to be told
    how strong the noise is are told what serves them best. Any folder will do: sizes may differ,
    colour is made gray for a gray task.
    """
    from rnan.evaluation import report
    from rnan.evaluation.datasets import check_sizes, pair, picture_files
    from rnan.evaluation.published import published_for
    from rnan.images.write import check_report, write_whole
    from rnan.tasks import get_measured

    set_threads(threads)
    definition = get_measured(task)
    out = chosen(EvaluateOptions, values)
    for path in (out.json, out.csv, out.per_picture, out.markdown):
        if path is not None:
            check_report(path)
    plan = load_measurement(definition, level, **without(EvaluateOptions, values))
    if out.lq is not None and any(len(one.levels) > 1 for one in plan.methods if not one.tried):
        raise ConfigError("given inputs are of one level; say which with --level")
    files = picture_files(folder)
    check_sizes(files)
    lq_files = pair(files, out.lq) if out.lq is not None else None
    dataset = out.dataset or folder.resolve().name.lower()
    figures = _measured(definition, plan, files, lq_files, dataset, out)
    table = report.table(figures.records, published_for(task, dataset, pictures=len(files)))
    head = f"{definition.title} on {dataset}, {len(files)} pictures, PSNR in dB / SSIM"
    times = ", ".join(f"{name} {took:.2f}" for name, took in figures.seconds.items())
    text = f"{head}\n\n{table}\n\nSeconds a picture: {times}\n"
    click.echo(text, nl=False)
    if out.csv is not None:
        report.write_csv(out.csv, figures.records)
    if out.per_picture is not None:
        report.write_each(out.per_picture, figures.each)
    if out.markdown is not None:
        write_whole(out.markdown, os.fsencode(text))
    if out.json is not None:
        run = report.facts(
            task=definition,
            files=files,
            lq_files=None if lq_files is None else list(lq_files.values()),
            seed=plan.seed,
            quantise_lq=plan.quantise_lq,
            models=[one.model for one in plan.methods],
            engine=plan.engine,
            seconds=figures.seconds,
        )
        report.write_json(out.json, figures.records, run)


@dataclass(frozen=True, kw_only=True)
class _Figures:
    """What was measured."""

    records: list[Record]
    each: list[dict[str, Any]]
    """Figures of each picture."""
    seconds: dict[str, float]
    """Mean time of a picture, by method."""


def _measured(
    task: Task,
    plan: Measurements,
    files: list[Path],
    lq_files: dict[Path, Path] | None,
    dataset: str,
    out: EvaluateOptions,
) -> _Figures:
    from rnan.evaluation import report
    from rnan.evaluation.datasets import references
    from rnan.evaluation.methods import Network
    from rnan.evaluation.runner import measure, records

    figures = _Figures(records=[], each=[], seconds={})
    pixel = _position(out.pixel) if out.pixel is not None else None
    with progress.bar() as bar:
        total = len(files) * sum(len(one.levels) for one in plan.methods)
        row = progress.row(bar, "measuring", total=total)
        for method in plan.methods:

            def keep(one: Measured, method: Measurement = method) -> None:
                bar.advance(row)
                figures.each.append(report.figures_of(one, method=method.name))
                if out.save_images is not None:
                    _save(one, out.save_images, method.name)
                if out.save_masks is not None and isinstance(method.run, Network):
                    _save_masks(one, out.save_masks, method.name, method.run, pixel)

            scores = measure(
                task,
                references(files, task, lq_files=lq_files),
                method.levels,
                method.run,
                seed=plan.seed,
                quantise_lq=plan.quantise_lq,
                keep=keep,
            )
            name, mean = method.name, sum(score.seconds for score in scores) / len(scores)
            if method.tried:
                best = max(scores, key=lambda score: score.psnr)
                name = f"{name}, told {best.level.name}"
                scores = [replace(best, level=task.level(task.table_levels[0]))]
            figures.records.extend(records(task, scores, dataset=dataset, method=name))
            figures.seconds[name] = mean
    return figures


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
