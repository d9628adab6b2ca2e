"""``rnan bench``."""

from __future__ import annotations

import click

from rnan.cli.options import computing, set_threads, verbosity
from rnan.errors import ConfigError


@click.command("bench")
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
def command(
    presets: tuple[str, ...], size: str, runs: int, device: str, dtype: str, threads: int | None
) -> None:
    """Time networks against a plain 20-layer 64-feature net of convolutions, in the same run.

    Attention over the whole picture, as the paper's presets have it, takes time with the square
    of the pixels: give those a small --size.

    Example: rnan bench --preset compact
    """
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
