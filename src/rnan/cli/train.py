"""``rnan train``."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress
from rnan.cli.options import PATH, THREADS, set_threads, verbosity
from rnan.errors import Cancelled

if TYPE_CHECKING:
    from rnan.training.trainer import Result, Status


@click.command("train")
@click.argument("config", type=PATH, metavar="CONFIG.yaml")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-o", "--output", required=True, type=PATH, help="Folder of the run.")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option(
    "--max-time",
    type=click.FloatRange(min=0),
    help="Minutes after which to stop with a checkpoint.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--threads", type=THREADS, help="Threads of the processor to use.")
@verbosity
def command(
    config: Path,
    overrides: tuple[str, ...],
    output: Path,
    resume: bool,
    max_time: float | None,
    device: str,
    threads: int | None,
) -> None:
    """Train a network from a YAML recipe.

    \b
    Examples:
      rnan train recipes/denoise-color.yaml -o runs/first budget.minutes=30
      rnan train recipes/denoise-color.yaml -o runs/first budget.minutes=30 --resume
      rnan train recipes/denoise-color.yaml -o runs/mine init_from=denoise-color \\
          data.folders=[my-pictures]

    The folder holds config.yaml (every setting), steps.csv, validation.csv, checkpoints/ and
    weights.safetensors, which rnan denoise --model takes at any time.
    """
    from rnan.training.config import load_config
    from rnan.training.trainer import Trainer

    settings = load_config(config, overrides)
    set_threads(threads)
    with progress.bar() as bar:
        task = bar.add_task("training", total=1000)

        def report(status: Status) -> None:
            bar.update(task, completed=1000 * status.spent, description=_sentence(status))
            if not progress.wanted():
                progress.say(bar, _sentence(status), err=True)

        trainer = Trainer(settings, output, device=device, resume=resume, report=report)
        stop, interrupted = _stop_on_signals()
        result = trainer.run(max_minutes=max_time, stop=stop)
    if interrupted.is_set():
        raise Cancelled(f"interrupted at step {result.step}; --resume goes on")
    _print(result)


def _stop_on_signals() -> tuple[threading.Event, threading.Event]:
    """Events that a signal sets; the second for Ctrl-C only."""
    stop, interrupted = threading.Event(), threading.Event()

    def handle(number: int, _frame: Any) -> None:
        if number == signal.SIGINT:
            if interrupted.is_set():
                raise KeyboardInterrupt
            interrupted.set()
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop, interrupted


def _sentence(status: Status) -> str:
    psnr = " / ".join(f"{value:.2f}" for value in status.psnr.values())
    return (
        f"step {status.step}, {100 * status.spent:.1f} %, loss {status.loss:.5f}, "
        f"{status.patches_per_second:.1f} patches/s" + (f", {psnr} dB" if psnr else "")
    )


def _print(result: Result) -> None:
    if not result.finished:
        click.echo(f"stopped at step {result.step}; --resume goes on", err=True)
    for score in result.scores:
        click.echo(f"validation, level {score.level.name}: {score.psnr:.3f} dB")
    click.echo(result.weights)
