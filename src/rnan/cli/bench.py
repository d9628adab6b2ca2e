"""``rnan bench``."""

from __future__ import annotations

from pathlib import Path

import click

from rnan.cli.options import THREADS, computing, set_threads, verbosity
from rnan.errors import ConfigError


@click.group("bench", invoke_without_command=True)
@click.option(
    "--preset",
    "presets",
    multiple=True,
    default=("compact",),
    show_default=True,
    help="Presets to time; repeat for several.",
)
@click.option("--size", default="512x768", show_default=True, help="HEIGHTxWIDTH of the picture.")
@click.option("--runs", type=click.IntRange(1), default=7, show_default=True)
@computing
@verbosity
@click.pass_context
def command(
    context: click.Context,
    presets: tuple[str, ...],
    size: str,
    runs: int,
    device: str,
    dtype: str,
    threads: int | None,
) -> None:
    """Time networks against a plain 20-layer 64-feature net of convolutions, in the same run.

    Attention over the whole picture, as the paper's presets have it, takes time with the square
    of the pixels: give those a small --size.

    Example: rnan bench --preset compact
    """
    if context.invoked_subcommand is not None:
        return
    try:
        height, width = (int(side) for side in size.split("x"))
    except ValueError:
        raise ConfigError(f"--size takes HEIGHTxWIDTH, got {size!r}") from None
    if min(height, width) < 1:
        raise ConfigError(f"--size must be at least 1x1, got {size}")

    from rnan.bench.speed import compare
    from rnan.inference.device import choose_device, choose_dtype, hardware_name

    set_threads(threads)
    where = choose_device(device)
    kind = choose_dtype(dtype, where)  # type: ignore[arg-type]
    timings = compare(presets, height=height, width=width, runs=runs, device=where, dtype=kind)
    click.echo(f"{hardware_name(where)}, {str(kind).removeprefix('torch.')}, {height}x{width}")
    click.echo("| network | seconds (median) | megapixels a second | time over the plain net's |")
    click.echo("|---|---|---|---|")
    for row in timings:
        speed = height * width / row.seconds / 1e6
        click.echo(f"| {row.name} | {row.seconds:.3f} | {speed:.2f} | {row.ratio:.2f} |")


@command.command("train")
@click.argument("recipes", nargs=-1, required=True, metavar="RECIPE.yaml... [KEY=VALUE]...")
@click.option("--turns", type=click.IntRange(1), default=9, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@click.option("--threads", type=THREADS, help="Threads of the processor to use.")
@verbosity
def train(recipes: tuple[str, ...], turns: int, device: str, threads: int | None) -> None:
    """Time training: patches a second, and what the data cost.

    Each recipe's step is timed in turn with the same step on batches that stay on the device, and
    its work is set against the fastest 64-to-64 3x3 convolution that is measured here.

    Example: rnan bench train recipes/denoise-color.yaml data.folders=[pictures]
    """
    from rnan.bench.peak import convolution_peak
    from rnan.bench.training import throughput
    from rnan.inference.device import choose_device, choose_dtype, hardware_name
    from rnan.training.config import load_config

    overrides = [one for one in recipes if "=" in one]
    configs = [load_config(Path(one), overrides) for one in recipes if "=" not in one]
    set_threads(threads)
    where = choose_device(device)
    kind = choose_dtype("auto", where)
    peak = convolution_peak(where, kind)
    click.echo(
        f"{hardware_name(where)}; convolution peak {peak / 1e9:.0f} GFLOP/s in "
        f"{str(kind).removeprefix('torch.')}"
    )
    click.echo(
        "| task | patches/s | megapixels/s | on a fixed batch | share | data | GFLOP/s | of peak |"
    )
    click.echo("|---|---|---|---|---|---|---|---|")
    for config in configs:
        row = throughput(config, device=device, turns=turns)
        click.echo(
            f"| {row.task} | {row.patches_per_second:.1f} | {row.megapixels_per_second:.2f} "
            f"| {row.fixed_batch:.1f} | {row.share:.3f} | {100 * row.data_share:.1f} % "
            f"| {row.flops_per_second / 1e9:.0f} | {100 * row.flops_per_second / peak:.0f} % |"
        )
