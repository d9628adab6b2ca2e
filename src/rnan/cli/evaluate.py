"""``rnan evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress
from rnan.cli.options import PATH, computing, set_threads, verbosity
from rnan.errors import ConfigError

if TYPE_CHECKING:
    from rnan.evaluation.runner import Score
    from rnan.inference import Restorer
    from rnan.tasks import Task


@click.command("evaluate")
@click.argument("task")
@click.argument("folder", type=PATH)
@click.option("--model", help="Weights, name or file; none measures the input.  [default: TASK]")
@click.option(
    "--level", multiple=True, help="Levels, also with commas.  [default: the task's table]"
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the degradation."
)
@click.option("--self-ensemble", is_flag=True, help='The paper\'s "+".')
@click.option("--dataset", help="Name in the records.  [default: the folder's]")
@click.option("--assume", help="Tell the network this level, or auto to estimate it.")
@click.option("--json", "json_file", type=PATH, help="Write records and facts of the run here.")
@computing
@verbosity
def command(
    task: str,
    folder: Path,
    model: str | None,
    level: tuple[str, ...],
    seed: int,
    self_ensemble: bool,
    dataset: str | None,
    assume: str | None,
    json_file: Path | None,
    threads: int | None,
    **options: Any,
) -> None:
    """Measure a network on a folder of clean pictures, by the paper's protocol.

    Example: rnan evaluate denoise-color kodak24/ --level 15,25,50
    """
    from rnan.evaluation.datasets import picture_files, references
    from rnan.evaluation.runner import measure, records
    from rnan.images.write import check_writable
    from rnan.tasks import get_task

    set_threads(threads)
    definition = get_task(task)
    levels = _levels(level, definition)
    told = _told(assume, definition)
    name = model or task
    if json_file is not None:
        check_writable(json_file)
    restorer = _restorer(name, definition, self_ensemble=self_ensemble, **options)
    if restorer is not None and told is None:
        for value in levels:
            definition.check_level(value)
    files = picture_files(folder)
    with progress.bar() as bar:
        row = bar.add_task("measuring", total=len(files) * len(levels))
        scores = measure(
            definition,
            references(files, channels=definition.channels),
            levels,
            restorer,
            assume=told,
            seed=seed,
            progress=lambda: bar.advance(row),
        )
    method = name + ("+" if self_ensemble else "") + (f"@{assume}" if assume else "")
    dataset = dataset or folder.resolve().name.lower()
    _print(scores, dataset, method, len(files))
    if json_file is not None:
        from rnan.evaluation.report import write_json

        write_json(
            json_file,
            records(definition, scores, dataset=dataset, method=method),
            task=definition,
            files=files,
            seed=seed,
            model=name,
            device=None if restorer is None else restorer.engine.device,
        )


def _levels(given: tuple[str, ...], task: Task) -> list[float]:
    words = [word for text in given for word in text.split(",")] or list(task.table_levels)
    try:
        levels = [float(word) for word in words]
    except ValueError:
        raise ConfigError(f"--level takes numbers, got {','.join(words)!r}") from None
    for level in levels:
        if not 0.0 <= level < float("inf"):
            raise ConfigError(f"--level must not be negative or infinite, got {level:g}")
    return levels


def _told(assume: str | None, task: Task) -> float | str | None:
    if assume is None or assume == "auto":
        return assume
    try:
        level = float(assume)
    except ValueError:
        raise ConfigError(f"--assume takes a number or auto, got {assume!r}") from None
    return task.check_level(level)


def _restorer(name: str, task: Task, **options: Any) -> Restorer | None:
    if name == "none":
        return None
    from rnan.api import load_restorer

    restorer = load_restorer(name, **options)
    if restorer.task.name != task.name:
        raise ConfigError(f"{name} is for {restorer.task.name}, not for {task.name}")
    return restorer


def _print(scores: list[Score], dataset: str, method: str, pictures: int) -> None:
    click.echo(f"{method} on {dataset}, {pictures} pictures")
    click.echo(f"{'level':>8} {'PSNR dB':>9} {'SSIM':>8}")
    for score in scores:
        click.echo(f"{score.level:>8g} {score.psnr:>9.3f} {score.ssim or 0:>8.4f}")
