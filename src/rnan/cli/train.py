"""``rnan train``."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress
from rnan.cli.options import PATH, THREADS, click_option, set_threads, verbosity
from rnan.errors import Cancelled
from rnan.options.option import Option

if TYPE_CHECKING:
    from rnan.training.config import TrainConfig
    from rnan.training.trainer import Result, Status


MAX_TIME = Option(
    name="max_time",
    kind=float,
    default=None,
    help="Minutes after which to stop with a checkpoint.",
    low=0.0,
    high=1e9,
)


@click.command("train")
@click.argument("config", type=PATH, metavar="CONFIG.yaml")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("-o", "--output", type=PATH, help="Folder of the run.")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say what the run would cost, after a few steps on made-up pictures.",
)
@click_option(MAX_TIME)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@THREADS
@verbosity
def command(
    config: Path,
    overrides: tuple[str, ...],
    output: Path | None,
    resume: bool,
    dry_run: bool,
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
    weights.safetensors, which rnan denoise --model takes at any time. Several processes share each
    batch: torchrun --nproc-per-node 2 -m rnan train …
    """
    from rnan.training.recipe import load_config

    settings = load_config(config, overrides)
    set_threads(threads)
    if dry_run:
        _say_cost(settings, device)
        return
    if output is None:
        raise click.UsageError("-o is missing: the folder of the run")
    from rnan.training.trainer import Trainer

    with progress.bar() as bar:
        task = progress.row(bar, "training", total=1000)

        def report(status: Status) -> None:
            bar.update(task, completed=1000 * status.spent, description=_sentence(status))
            if not progress.wanted():
                progress.say(bar, _sentence(status), err=True)

        trainer = Trainer(settings, output, device=device, resume=resume, report=report)
        stop, interrupted = _stop_on_signals()
        result = trainer.run(max_minutes=max_time, stop=stop)
    if interrupted.is_set():
        raise Cancelled(f"interrupted at step {result.step}; --resume goes on")
    if trainer.processes.is_first:
        _print(result)


def _say_cost(settings: TrainConfig, device: str) -> None:
    from rnan.engines.device import hardware_name
    from rnan.engines.torch_device import choose_device
    from rnan.training.cost import try_steps

    where = choose_device(device)
    cost = try_steps(settings, where)
    batch, budget = settings.data.batch_size, settings.budget
    if budget.steps is not None:
        steps, minutes = budget.steps, budget.steps * cost.seconds / 60.0
    else:
        assert budget.minutes is not None
        steps, minutes = round(60.0 * budget.minutes / cost.seconds), budget.minutes
    click.echo(f"parameters       {cost.parameters:,}")
    click.echo(f"work a step      {cost.flops / 1e9:,.1f} GFLOP, {batch} patches")
    click.echo(
        f"memory           {cost.kept_bytes / 2**20:,.0f} MiB for weights and optimiser, "
        f"{cost.passing_bytes / 2**20:,.0f} MiB for the patches of a step"
    )
    click.echo(f"time a step      {cost.seconds:.3f} s on {hardware_name(where)}")
    click.echo(
        f"the whole run    {steps:,} steps, {steps * batch:,} patches, "
        f"{_duration(minutes)} without validation"
    )


def _duration(minutes: float) -> str:
    if minutes < 120:
        return f"about {minutes:.1f} minutes"
    return (
        f"about {minutes / 60:.1f} hours" if minutes < 2880 else f"about {minutes / 1440:.1f} days"
    )


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
