"""``rnan models``: what there is and what it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli.options import PATH, verbosity

if TYPE_CHECKING:
    from rnan.models import RNANConfig

_STRETCH = ("patches", "pictures", "hours", "hardware")
"""What is shown of each stretch of training."""


@click.group("models")
def command() -> None:
    """List, describe and install networks and weights.

    \b
    Examples:
      rnan models list
      rnan models show paper
      rnan models install denoise-color-large.safetensors
    """


@command.command("list")
@verbosity
def list_() -> None:
    """Weights that are here or known, and presets of the network."""
    from rnan.models import PRESETS
    from rnan.weights import registry

    bundled, installed = registry.bundled(), registry.installed()
    others = [name for name in registry.names() if name not in (*bundled, *installed)]
    for head, group in (
        ("bundled weights", bundled),
        ("weights in this checkout", others),
        ("installed weights", installed),
        ("known weights that are not here", registry.known()),
    ):
        if group:
            click.echo(head)
        for name in group:
            card = registry.card(name)
            note = card.get("licence_note", "its licence is unknown")
            click.echo(f"  {name:<20} {card['title']} ({note})")
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
    if name in registry.names():
        _show_card(registry.card(name))


@command.command("install")
@click.argument("file", type=PATH)
@verbosity
def install(file: Path) -> None:
    """Check FILE against its card and put it where every rnan of this user finds it by name.

    The card is the one that came with rnan, or the .json beside the file; nothing is downloaded.
    """
    from rnan.weights import registry
    from rnan.weights.installed import install as put

    name = put(file)
    click.echo(f"{name} is installed in {registry.installed_folder()}; use it with --model {name}")


@command.command("remove")
@click.argument("name")
@verbosity
def remove(name: str) -> None:
    """Take installed weights away."""
    from rnan.weights.installed import remove as take_away

    take_away(name)
    click.echo(f"{name} is removed")


def _show_training(info: dict[str, Any], config: RNANConfig) -> None:
    click.echo(f"task              {info.get('task')}{_levels(info, config)}")
    for number, stretch in enumerate(info.get("training", []), start=1):
        facts = [f"{key} {stretch[key]}" for key in _STRETCH if key in stretch]
        click.echo(f"stretch {number:<9} {', '.join(facts)}")


def _levels(info: dict[str, Any], config: RNANConfig) -> str:
    """What it was trained for, as far as the file says so."""
    low, high = info.get("level_range", (0, 0))
    if config.scales != (1,):
        return ", scales " + ", ".join(f"x{scale}" for scale in config.scales)
    if "level" in info:
        return f", level {info['level']}"
    if low < high:
        return f", levels {low:g} to {high:g}"
    return f", level {low:g}" if low else ""


def _show_card(card: dict[str, Any]) -> None:
    for record in card.get("metrics", []):
        click.echo(
            f"{record['metric']:<8} {record['dataset']:<10} level {record['level']:<4} "
            f"{record['value']:.3f}"
        )
    for case in card.get("cases", []):
        click.echo(
            f"case     {case['case']:<14} quality {case['quality']:<3} input {case['input']:.3f}, "
            f"restored {case['level estimated']:.3f}, given the quality {case['told']:.3f}"
        )
    for head, key in (("limits", "limits"), ("licence", "licence_note")):
        if key in card:
            click.echo(f"{head:<18}{card[key]}")
    click.echo(f"sha-256           {card['sha256']}")
