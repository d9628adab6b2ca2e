"""A network as an ONNX graph that takes pictures of every size."""

import importlib.util
import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rnan import __version__
from rnan.errors import ConfigError, MissingExtraError
from rnan.export.info import CARD, METADATA, WINDOW, GraphInfo
from rnan.models import RNAN
from rnan.models.checkpoints import Checkpoint
from rnan.tasks import Task

_NEEDED = ("onnx", "onnxscript")

OPSET = 20
"""Version of the operators: the newest that the programs of the last two years know."""

_LARGEST_SIDE = 2**15


class _AsExported(nn.Module):
    """A network for pictures in [0, 1] at one scale; the level is a map, or fixed."""

    def __init__(self, model: RNAN, scale: int, fixed: float | None, half: bool) -> None:
        super().__init__()
        self.model = model.half() if half else model
        self.scale, self.fixed, self.half_precision = scale, fixed, half
        self.white = model.config.value_range

    def forward(self, picture: Tensor, level: Tensor | None = None) -> Tensor:
        """``(B, C, H, W)`` and ``(B, 1, H, W)`` to ``(B, C, H·scale, W·scale)``, float32."""
        if self.fixed is not None:
            level = torch.full_like(picture[:, :1], self.fixed)
        x = picture * self.white if self.white != 1.0 else picture
        if self.half_precision:
            x, level = x.half(), None if level is None else level.half()
        y: Tensor = self.model(x, level, self.scale).float()
        return y / self.white if self.white != 1.0 else y


def to_onnx(
    checkpoint: Checkpoint,
    task: Task,
    *,
    name: str,
    scale: int = 1,
    level: float | None = None,
    half: bool = False,
    card: dict[str, Any] | None = None,
    weights_sha256: str = "",
) -> bytes:
    """Export a network by PyTorch's exporter.

    The graph takes ``input``, ``(batch, C, height, width)`` float32 in [0, 1], and where the
    network takes a level a second input of its name, ``(batch, 1, height, width)``: σ/255 or
    quality/100. Its output is ``output``. Networks that attend over the whole picture attend in
    windows of :data:`~rnan.engines.graph.WINDOW` once they are exported, so that memory
    stays linear in the picture's area.

    Args:
        checkpoint: The network.
        task: What it is for.
        name: Of the weights.
        scale: One of its enlargements.
        level: Fix the level, in the task's units; the graph then has one input.
        half: Compute in 16 bits; pictures stay float32.
        card: Goes into the file.
        weights_sha256: Goes into the file.

    Raises:
        MissingExtraError: ``onnx`` or ``onnxscript`` is not installed.
        ConfigError: The network has no such scale, or takes no level.
    """
    config = checkpoint.config
    if scale not in config.scales:
        known = ", ".join(map(str, config.scales))
        raise ConfigError(f"{name} has no scale {scale}; it has {known}")
    if level is not None and not config.level_channel:
        raise ConfigError(f"{name} takes no level, so none can be fixed")
    info = GraphInfo(
        task=task.name,
        name=name,
        version=__version__,
        config=config,
        window=config.window or WINDOW,
        scale=scale,
        level=level,
        half=half,
        weights_sha256=weights_sha256,
    )
    program = _exported(_network(checkpoint, task, info), info, task)
    model = program.model
    _name_output(model, scale)
    model.producer_name, model.producer_version = "rnan", __version__
    model.doc_string = f"{task.title}; see the metadata"
    model.metadata_props[METADATA] = info.to_text()
    if card is not None:
        model.metadata_props[CARD] = json.dumps(card, sort_keys=True)
    buffer = io.BytesIO()
    program.save(buffer)
    return buffer.getvalue()


def _network(checkpoint: Checkpoint, task: Task, info: GraphInfo) -> _AsExported:
    model = checkpoint.build()
    model.set_window(info.window)
    fixed = None if info.level is None else info.level / task.level_scale
    return _AsExported(model, info.scale, fixed, info.half).eval()


def can_export() -> bool:
    """Whether the packages that a graph is made with are installed."""
    return all(importlib.util.find_spec(package) is not None for package in _NEEDED)


def _exported(network: _AsExported, info: GraphInfo, task: Task) -> Any:
    for package in _NEEDED:
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtraError(package, "onnx") from error
    examples = [torch.rand(2, info.config.channels_in, 70, 90)]
    names = ["input"]
    if info.takes_level:
        examples.append(torch.rand(2, 1, 70, 90))
        names.append(task.level_name)
    size = torch.export.Dim
    axes = {
        0: size("batch", min=1, max=_LARGEST_SIDE),
        2: size("height", min=1, max=_LARGEST_SIDE),
        3: size("width", min=1, max=_LARGEST_SIDE),
    }
    with _quietly(), torch.no_grad():
        return torch.onnx.export(
            network,
            tuple(examples),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=tuple(axes for _ in examples),
            input_names=names,
            output_names=["output"],
            verbose=False,
        )


def _name_output(model: Any, scale: int) -> None:
    """Call the output's sizes what they are, instead of by the formula that leads to them."""
    import onnx_ir

    (output,) = model.graph.outputs
    sides = ("height", "width") if scale == 1 else (f"{scale}*height", f"{scale}*width")
    output.shape = onnx_ir.Shape(["batch", output.shape[1], *sides])


_TALKATIVE = ("torch.onnx", "torch.__trace", "onnxscript", "onnx_ir")


@contextmanager
def _quietly() -> Iterator[None]:
    """The exporter speaks of all it does, and of packages that no network here needs."""
    logs = [logging.getLogger(name) for name in _TALKATIVE]
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)
