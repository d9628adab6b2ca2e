"""Networks as darktable takes them (5.6 and later): a ``.dtmodel``, by its ``src/ai/README.md``.

A ``.dtmodel`` is a zip of one folder with ``config.json`` and ONNX graphs from pictures in sRGB,
``(1, 3, H, W)`` in [0, 1], to pictures. darktable cuts the picture into square tiles whose sides it
takes from ``input_sizes``; neighbours overlap by a fixed number of pixels, and each keeps its
middle. The sizes here are chosen so that every tile starts at the same place of the network's grid:
then neighbours see the same attention windows, and no seam stands between them.
"""

import io
import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any

from rnan import __version__
from rnan.errors import ConfigError, OptionRef
from rnan.export.info import WINDOW
from rnan.export.onnx_file import to_onnx
from rnan.models.checkpoints import Checkpoint
from rnan.tasks import Task

OVERLAP = {"denoise": 64, "upscale": 16}
"""Pixels on each side of a tile that darktable throws away, by its task."""

_SIDES = (1024, 768, 512, 384, 256)
"""About how large tiles are; darktable takes the largest that its memory allows."""
_SCALES = (2, 4)
"""Enlargements that darktable offers."""
_PAPER = "https://openreview.net/forum?id=HkeGhoA5FX"


@dataclass(frozen=True, kw_only=True)
class _Package:
    """What goes into a ``.dtmodel``."""

    config: dict[str, Any]
    graphs: dict[str, bytes]
    """By file name."""


def to_darktable(
    checkpoint: Checkpoint,
    task: Task,
    *,
    name: str,
    level: float | None = None,
    half: bool = False,
    card: dict[str, Any] | None = None,
    weights_sha256: str = "",
) -> bytes:
    """A ``.dtmodel`` of a network for colour pictures.

    For denoising the graph takes σ as a second input, which darktable sets to 25 for now, unless
    ``level`` fixes it. For super-resolution the file holds a graph for ×2 and one for ×4.

    Args:
        checkpoint: The network.
        task: What it is for.
        name: Of the weights.
        level: Fix σ on the 0-255 scale, or JPEG's quality.
        half: Compute in 16 bits.
        card: The model's card.
        weights_sha256: Goes into the file.

    Raises:
        ConfigError: darktable has no place for the network.
        MissingExtraError: ``onnx`` or ``onnxscript`` is not installed.
    """
    what = _task_in_darktable(checkpoint, task, level)
    window = checkpoint.config.window or WINDOW
    scales = [scale for scale in _SCALES if scale in checkpoint.config.scales]
    files = {f"model_x{scale}.onnx": scale for scale in scales} or {"model.onnx": 1}
    graphs = {
        file: to_onnx(
            checkpoint,
            task,
            name=name,
            scale=scale,
            level=level,
            half=half,
            card=card,
            weights_sha256=weights_sha256,
        )
        for file, scale in files.items()
    }
    own = "" if level is None else f" {task.level_name} {level:g}"
    config = {
        "id": re.sub(r"[^a-z0-9]+", "-", f"{what} rnan {name}{own}".lower()).strip("-"),
        "name": f"rnan {name}" + ("" if level is None else f", {task.level_name} {level:g}"),
        "description": _described(task, level),
        "task": what,
        "backend": "onnx",
        "version": __version__,
        "num_inputs": 2 if checkpoint.config.level_channel and level is None else 1,
        "attributes": {"input_sizes": input_sizes(what, checkpoint.config.unshuffle, window)},
        "model_card": _model_card(task, card or {}),
    }
    return _zipped(_Package(config=config, graphs=graphs))


def graphs_in(content: bytes) -> dict[str, bytes]:
    """The ONNX files of a ``.dtmodel``, by their names in it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name.endswith(".onnx")}


def input_sizes(what: str, unshuffle: int, window: int) -> list[int]:
    """Sides of tiles, largest first, whose middles are whole multiples of the network's grid.

    Args:
        what: darktable's name of the task.
        unshuffle: Of the network.
        window: Side of its attention windows, in pixels of the feature map.
    """
    grid = unshuffle * (window if window % 2 == 0 else 2 * window)
    around = 2 * OVERLAP[what]
    sides = {around + max(1, (side - around) // grid) * grid for side in _SIDES}
    return sorted(sides, reverse=True)


def _task_in_darktable(checkpoint: Checkpoint, task: Task, level: float | None) -> str:
    if task.channels != 3 or task.takes == "mosaic":
        raise ConfigError(f"darktable hands over colour pictures; {task.name} is not for these")
    if task.whole_levels and level is None:
        ref = OptionRef("level")
        raise ConfigError("darktable gives a network no JPEG quality: fix it with ", ref)
    if not task.enlarges:
        return "denoise"
    if not set(_SCALES) & set(checkpoint.config.scales):
        raise ConfigError("darktable enlarges by 2 and by 4; this network does neither")
    return "upscale"


def _described(task: Task, level: float | None) -> str:
    words = f"Residual non-local attention network (Zhang et al., ICLR 2019): {task.title}"
    return words if level is None else f"{words}, for {task.level_name} {level:g}"


def _model_card(task: Task, card: dict[str, Any]) -> dict[str, str]:
    """The fields that darktable shows, as far as they are known."""
    card = {
        "long_description": _described(task, None),
        "scope": task.title,
        "author": "the rnan contributors",
        "paper": _PAPER,
        "license": card.get("licence_note"),
        "notes": card.get("limits"),
    }
    return {key: str(value) for key, value in card.items() if value}


def _zipped(package: _Package) -> bytes:
    """The same bytes for the same content, whenever it is written."""
    buffer = io.BytesIO()
    folder = package.config["id"]
    files = {"config.json": json.dumps(package.config, indent=1).encode(), **package.graphs}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()
