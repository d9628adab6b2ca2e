"""``rnan models``: what there is and what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rnan.cli.options import verbosity

if TYPE_CHECKING:
    from rnan.models import RNANConfig

_STRETCH = ("patches", "pictures", "hours", "hardware")
"""What is shown of each stretch of training."""


@click.group("models")
def command() -> None:
    """List and describe networks and weights.

    Example: rnan models show paper
    """


@command.command("list")
@verbosity
def list_() -> None:
    """Bundled weights and presets of the network."""
    from rnan.models import PRESETS
    from rnan.weights import registry

    click.echo("bundled weights")
    for name in registry.bundled():
        card = registry.card(name)
        click.echo(f"  {name:<20} {card['title']} ({card['licence_note']})")
    click.echo("presets")
    for name, config in PRESETS.items():
        click.echo(f"  {name:<20} {config.plan}, {config.features} features")


@command.command("show")
@click.argument("name")
@verbosity
def show(name: str) -> None:
    """Blocks, parameters, depth, receptive field and work of NAME: weights, a file or a preset."""
    from rnan.models import PRESETS
    from rnan.models.summary import summarise
    from rnan.weights import registry

    info: dict[str, Any] = {}
    if name in PRESETS:
        config = PRESETS[name]
    else:
        checkpoint = registry.load(name)
        config, info = checkpoint.config, checkpoint.info
    figures = summarise(config)
    click.echo(f"{name}")
    for line in figures.blocks:
        click.echo(f"  {line}")
    click.echo(f"parameters        {figures.parameters:,}")
    click.echo(f"depth             {figures.depth} convolutions")
    click.echo(f"receptive field   {figures.receptive_field} pixels, convolutions alone")
    click.echo(f"convolutions      {figures.mflop_per_pixel:.2f} MFLOP a pixel")
    if figures.attention_mflop_per_pixel:
        where = "" if config.window else " at 96x96, growing with the picture"
        click.echo(
            f"attention         {figures.attention_mflop_per_pixel:.2f} MFLOP a pixel{where}"
        )
    if info:
        _show_training(info, config)
    if name in registry.bundled():
        _show_card(registry.card(name))


def _show_training(info: dict[str, Any], config: RNANConfig) -> None:
    low, high = info.get("level_range", (0, 0))
    scales = ", ".join(f"x{scale}" for scale in config.scales)
    levels = f"levels {low:g} to {high:g}" if config.level_channel else f"scales {scales}"
    click.echo(f"task              {info.get('task')}, {levels}")
    for number, stretch in enumerate(info.get("training", []), start=1):
        said = [f"{key} {stretch[key]}" for key in _STRETCH if key in stretch]
        click.echo(f"stretch {number:<9} {', '.join(said)}")


def _show_card(card: dict[str, Any]) -> None:
    for record in card["metrics"]:
        click.echo(
            f"{record['metric']:<8} {record['dataset']:<10} level {record['level']:<4} "
            f"{record['value']:.3f}"
        )
    click.echo(f"limits            {card['limits']}")
    click.echo(f"licence           {card['licence_note']}")
    click.echo(f"sha-256           {card['sha256']}")
