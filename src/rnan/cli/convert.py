"""``rnan convert``."""

from pathlib import Path

import click

from rnan.cli.options import PATH, verbosity
from rnan.errors import ConfigError


@click.command("convert")
@click.argument("checkpoint", type=PATH, metavar="CHECKPOINT.pt")
@click.option("-o", "--output", required=True, type=PATH, help="A .safetensors file.")
@click.option("--task", required=True, help="What the network is for.")
@click.option("--level", help="The level it was trained for, as the paper's tables spell it.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@verbosity
def command(checkpoint: Path, output: Path, task: str, level: str | None, overwrite: bool) -> None:
    """Make a weights file with a card of a trained file, or the authors' (yulunzhang/RNAN).

    Only tensors are ever loaded, so an unknown file can do no harm. The tensors keep their 32 bits
    and the authors' networks their ways: softmax over queries, pictures cut into quarters. With
    its card a file can be installed, and then be served and named like those that are bundled.

    \b
    Examples:
      rnan convert RNAN_SRx2.pt -o rnan-srx2.safetensors --task super-resolution
      rnan convert runs/mine/weights.safetensors -o mine.safetensors --task denoise-color
    """
    import hashlib
    import json

    import torch

    from rnan import __version__
    from rnan.engines.choose import check_suits
    from rnan.images.write import check_replaceable, write_whole
    from rnan.models.checkpoints import Checkpoint, to_bytes
    from rnan.models.summary import summarise
    from rnan.tasks import get_task
    from rnan.weights import registry

    if output.suffix != ".safetensors":
        raise ConfigError(f"the ending of {output.name} must be .safetensors")
    card = output.with_suffix(".json")
    for file in (output, card):
        check_replaceable(file, overwrite=overwrite)
    definition = get_task(task)
    loaded = registry.load(checkpoint)
    check_suits(checkpoint, loaded.config, definition)
    info = {"task": task, "source": checkpoint.name, "training": loaded.info.get("training", [])}
    if level is not None:
        info["level"] = definition.level(level).name
    content = to_bytes(
        Checkpoint(config=loaded.config, state=loaded.state, info={**loaded.info, **info}),
        dtype=torch.float32,
    )
    write_whole(output, content)
    figures = summarise(loaded.config)
    card_content = {
        "name": output.stem,
        "title": definition.title,
        "version": __version__,
        **info,
        "parameters": figures.parameters,
        "blocks": figures.blocks,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "source_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
    }
    write_whole(card, (json.dumps(card_content, indent=1) + "\n").encode())
    click.echo(f"{output} ({figures.parameters:,} parameters, {definition.title})")
