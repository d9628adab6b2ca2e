"""``rnan export``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnan.cli import progress
from rnan.cli.options import PATH, verbosity
from rnan.errors import ConfigError, WeightsError
from rnan.options.mapping import parsed
from rnan.options.option import options_of

if TYPE_CHECKING:
    from rnan.models.checkpoints import Checkpoint
    from rnan.tasks import Task

_ENDING = {"onnx": ".onnx", "mnn": ".mnn", "darktable": ".dtmodel"}


@click.command("export")
@click.argument("model")
@click.option("-o", "--output", required=True, type=PATH, help="An .onnx, .mnn or .dtmodel file.")
@click.option(
    "--target",
    type=click.Choice(list(_ENDING)),
    help="For whom.  [default: by the ending of OUTPUT]",
)
@click.option("--scale", type=int, help="Enlargement, for ONNX, where the network has several.")
@click.option("--level", type=float, help="Fix sigma or quality, which is then no input any more.")
@click.option("--fp16", is_flag=True, help="Compute in 16 bits: half the size, for GPUs.")
@click.option("--task", help="What the network is for, where its file does not say it.")
@click.option("--overwrite", is_flag=True, help="Replace OUTPUT where it exists.")
@verbosity
def command(
    model: str,
    output: Path,
    target: str | None,
    scale: int | None,
    level: float | None,
    fp16: bool,
    task: str | None,
    overwrite: bool,
) -> None:
    """Write MODEL, a name or a weights file, for other programs.

    \b
    Examples:
      rnan export denoise-color -o denoise.onnx
      rnan export super-resolution -o x4.onnx --scale 4
      rnan export runs/mine/weights.safetensors -o runs/mine/weights.mnn  # without PyTorch then
      rnan export denoise-color -o denoise.dtmodel --level 15     # for darktable 5.6 and later
      rnan denoise photo.jpg -o clean.jpg --model denoise.onnx

    Needs the extra onnx: pip install 'rnan[onnx]'. The graph takes pictures of any size; its
    attention works in windows. It is run and held against PyTorch before it is written.
    """
    from rnan.engines.choose import check_suits
    from rnan.export import to_onnx
    from rnan.images.write import check_replaceable, write_whole
    from rnan.integrations.darktable import graphs_in, to_darktable
    from rnan.tasks import get_task
    from rnan.weights import registry

    if target is None:
        endings = {ending: name for name, ending in _ENDING.items()}
        if output.suffix not in endings:
            raise ConfigError(f"the ending of {output.name} must be {' or '.join(endings)}")
        target = endings[output.suffix]
    if target == "mnn" and fp16:
        raise ConfigError("MNN's file holds 16 bits anyway; leave --fp16 out")
    check_replaceable(output, overwrite=overwrite)
    checkpoint = registry.load(model)
    named = checkpoint.info.get("task", task)
    if named is None:
        raise WeightsError(f"{model} does not say what it is for; pass --task")
    definition = get_task(named)
    check_suits(model, checkpoint.config, definition)
    if level is not None:
        if not definition.level_name:
            raise ConfigError(f"{definition.name} takes no --level")
        described = options_of(definition.asks)[definition.level_name]
        replace(described, name="level").check_range(level)
    given: dict[str, Any] = {
        "name": Path(model).stem,
        "level": level,
        "half": fp16,
        "card": _card(model),
        "weights_sha256": registry.sha256(model),
    }
    if target == "darktable":
        if scale is not None:
            raise ConfigError("a .dtmodel holds every scale; leave --scale out")
        content = to_darktable(checkpoint, definition, **given)
        graphs = graphs_in(content)
    else:
        scales = checkpoint.config.scales
        if scale is None and len(scales) > 1:
            raise ConfigError(f"{model} enlarges by {', '.join(map(str, scales))}: say --scale")
        content = to_onnx(checkpoint, definition, scale=scale or scales[0], **given)
        graphs = {output.name: content}
    checked = [_held_against(graph, checkpoint, definition, name) for name, graph in graphs.items()]
    if target == "mnn":
        from rnan.export.mnn_file import to_mnn

        content, difference = to_mnn(content, checkpoint, definition, name=output.name)
        checked = [f"within {difference:.0e} of PyTorch"]
    write_whole(output, content)
    checks = "; ".join(checked)
    click.echo(f"{output} ({len(content) / 1e6:.1f} MB, {definition.title}, {checks})")


def _card(model: str) -> dict[str, Any] | None:
    """The card of weights by name, or the one that lies beside a file."""
    import contextlib

    from rnan.weights import registry

    if model in registry.names():
        return registry.card(model)
    with contextlib.suppress(OSError, ValueError):
        card: dict[str, Any] = parsed(Path(model).with_suffix(".json").read_text("utf-8"))
        return card
    return None


def _held_against(content: bytes, checkpoint: Checkpoint, task: Task, name: str) -> str:
    """What comes of running a graph beside PyTorch, in words."""
    from rnan.errors import MissingExtraError
    from rnan.export.check import held_against_pytorch

    try:
        difference = held_against_pytorch(content, checkpoint, task, name=name)
    except MissingExtraError:
        progress.say_plainly(f"rnan: {name} is unchecked, since onnxruntime is not installed")
        return "unchecked"
    return f"within {difference:.0e} of PyTorch"
