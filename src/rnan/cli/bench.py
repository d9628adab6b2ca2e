"""``rnan bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rnan.cli.options import PATH, THREADS, computing, set_threads, verbosity
from rnan.errors import ConfigError


@click.group("bench", invoke_without_command=True)
@click.option(
    "--preset",
    "presets",
    multiple=True,
    default=("paper", "paper-small", "compact"),
    show_default=True,
    metavar="NAME[:ATTENTION[:DTYPE[:ENGINE]]]",
    help="Presets to time, as released:window, compact::float32 or compact::bfloat16:openvino; "
    "repeat for several.",
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    default=("512x768",),
    show_default=True,
    help="HEIGHTxWIDTH of the picture; repeat for several.",
)
@click.option("--runs", type=click.IntRange(1), default=7, show_default=True)
@click.option(
    "--reference", is_flag=True, help="Time the authors' program as well: minutes a picture."
)
@click.option("--json", "json_file", type=PATH, help="Write all figures here.")
@computing
@verbosity
@click.pass_context
def command(
    context: click.Context,
    /,
    presets: tuple[str, ...],
    sizes: tuple[str, ...],
    runs: int,
    reference: bool,
    json_file: Path | None,
    **computing_options: Any,
) -> None:
    """Time networks against a plain 20-layer 64-feature net of convolutions, in the same run.

    "Of peak" is the work of the network's convolutions over its time, against the fastest
    64-to-64 3x3 convolution measured here; memory is what a process of its own takes at most. Below
    stand the columns of the paper's Table 7.

    \b
    Examples:
      rnan bench --preset compact
      rnan bench --preset released --preset released:window --reference --size 256x256
    """
    if context.invoked_subcommand is not None:
        return
    from rnan.bench.contender import parse_contender
    from rnan.bench.report import as_json, as_markdown
    from rnan.bench.speed import compare
    from rnan.bench.table7 import as_markdown as table7
    from rnan.engines.torch_device import choose_device, choose_dtype
    from rnan.images.write import check_report, write_whole

    set_threads(computing_options["threads"])
    if json_file is not None:
        check_report(json_file)
    where = choose_device(computing_options["device"])
    kind: Any = str(choose_dtype(computing_options["dtype"], where)).removeprefix("torch.")
    contenders = [parse_contender(text, kind) for text in presets]
    measured = [_size(text) for text in sizes]
    comparison = compare(
        contenders, measured, runs=runs, device=where, yardstick=kind, with_reference=reference
    )
    click.echo(f"{as_markdown(comparison, where)}\n\n{table7(comparison.timings)}")
    if json_file is not None:
        write_whole(json_file, as_json(comparison, where))


def _size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in text.split("x"))
    except ValueError:
        raise ConfigError(f"--size takes HEIGHTxWIDTH, got {text!r}") from None
    if min(height, width) < 1:
        raise ConfigError(f"--size must be at least 1x1, got {text}")
    return height, width


@command.command("train")
@click.argument("recipes", nargs=-1, required=True, metavar="RECIPE.yaml... [KEY=VALUE]...")
@click.option("--turns", type=click.IntRange(1), default=9, show_default=True)
@click.option(
    "--steps",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="In a turn; more on a GPU, which the processor is to run ahead of.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@THREADS
@verbosity
def train(
    recipes: tuple[str, ...], turns: int, steps: int, device: str, threads: int | None
) -> None:
    """Time training: patches a second, and what the data cost.

    Each recipe's step is timed in turn with the same step on batches that stay on the device, and
    its work is set against the fastest 64-to-64 3x3 convolution that is measured here.

    Example: rnan bench train recipes/denoise-color.yaml data.folders=[pictures]
    """
    from rnan.bench.peak import convolution_peak
    from rnan.bench.training import throughput
    from rnan.engines.device import hardware_name
    from rnan.engines.torch_device import choose_device, choose_dtype
    from rnan.training.recipe import load_config

    overrides = [one for one in recipes if "=" in one]
    configs = [load_config(Path(one), overrides) for one in recipes if "=" not in one]
    set_threads(threads)
    where = choose_device(device)
    kind = str(choose_dtype("auto", where)).removeprefix("torch.")
    peak = convolution_peak(where, kind)
    click.echo(f"{hardware_name(where)}; convolution peak {peak / 1e9:.0f} GFLOP/s in {kind}")
    click.echo(
        "| task | patches/s | megapixels/s | on a fixed batch | share | data | GFLOP/s | of peak |"
    )
    click.echo("|---|---|---|---|---|---|---|---|")
    for config in configs:
        row = throughput(config, device=device, turns=turns, steps=steps)
        click.echo(
            f"| {row.task} | {row.patches_per_second:.1f} | {row.megapixels_per_second:.2f} "
            f"| {row.fixed_batch:.1f} | {row.share:.3f} | {100 * row.data_share:.1f} % "
            f"| {row.flops_per_second / 1e9:.0f} | {100 * row.flops_per_second / peak:.0f} % |"
        )
