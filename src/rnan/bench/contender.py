"""What is timed: a network, or a yardstick, and how it is run."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from rnan.bench.plain import PlainNet
from rnan.bench.reference import Reference
from rnan.engines.choose import open_model
from rnan.engines.programs import get_program
from rnan.engines.torch import TorchEngine
from rnan.errors import ConfigError
from rnan.export import to_onnx
from rnan.export.mnn_file import to_mnn
from rnan.inference import RestoreOptions, Restorer
from rnan.models import RNAN, preset
from rnan.models.checkpoints import Checkpoint
from rnan.models.summary import summarise
from rnan.options.mapping import nearest
from rnan.options.restoring import Attention, DType
from rnan.tasks import get_task

PLAIN, REFERENCE = "plain", "reference"

_TASK = "denoise-color"
_GRAPHS = ("onnx", "openvino", "mnn")
"""Engines that run exported networks."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A network, and how it is run."""

    preset: str
    """A preset, or one of the yardsticks."""
    attention: Attention = "auto"
    dtype: DType = "bfloat16"
    engine: str = "torch"
    graph: str = ""
    """File of the exported network, for the other engines."""

    @property
    def name(self) -> str:
        """For tables."""
        how = "" if self.attention == "auto" else f", {self.attention}"
        program = "" if self.engine == "torch" else f", {get_program(self.engine).title}"
        return f"{self.preset}{how}, {self.dtype}{program}"


def parse_contender(text: str, dtype: str) -> Contender:
    """``NAME[:ATTENTION[:DTYPE[:ENGINE]]]``.

    Raises:
        ConfigError: The attention, the type or the engine is unknown.
    """
    name, *more = text.split(":")
    known = ("auto", "window", "whole", "released")
    attention = more[0] if more and more[0] else "auto"
    if attention not in known:
        raise ConfigError(f"unknown attention {attention}{nearest(attention, known)}")
    engine = more[2] if len(more) > 2 else "torch"
    if engine not in ("torch", *_GRAPHS):
        raise ConfigError(f"unknown engine {engine}; known are torch, {', '.join(_GRAPHS)}")
    kind = more[1] if len(more) > 1 and more[1] else dtype
    if engine in ("onnx", "mnn"):
        kind = "float32"
    if kind not in ("float32", "bfloat16", "float16"):
        raise ConfigError(f"unknown type {kind}; known are float32, bfloat16, float16")
    return Contender(preset=name, attention=attention, dtype=kind, engine=engine)  # type: ignore[arg-type]


def exported(one: Contender, folder: Path) -> Contender:
    """The contender with its network exported, where its engine needs that."""
    if one.engine == "torch":
        return one
    config = preset(one.preset)
    path = folder / f"{one.preset}.{'mnn' if one.engine == 'mnn' else 'onnx'}"
    if not path.exists():
        task = get_task(_TASK)
        checkpoint = Checkpoint(config=config, state=RNAN(config).state_dict())
        content = to_onnx(checkpoint, task, name=one.preset)
        if one.engine == "mnn":
            content, _ = to_mnn(content, checkpoint, task, name=one.preset, close=0.1)
        path.write_bytes(content)
    return dataclasses.replace(one, graph=str(path))


def runner(one: Contender, device: torch.device) -> Callable[[Tensor], object]:
    """What restores a picture ``(1, 3, H, W)``; the weights are untrained."""
    dtype: torch.dtype = getattr(torch, one.dtype)
    if one.preset == REFERENCE:
        return Reference(preset("released"))
    if one.preset == PLAIN:
        model = PlainNet().to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]

        @torch.inference_mode()
        def plain(picture: Tensor) -> Tensor:
            x = picture.to(device, memory_format=torch.channels_last)
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                y: Tensor = model(x)
            return y.float().cpu()

        return plain
    if one.graph:
        options = RestoreOptions(device=str(device), engine=one.engine, dtype=one.dtype)
        restorer = Restorer(*open_model(one.graph, None, options), options)
    else:
        config = preset(one.preset)
        engine = TorchEngine(RNAN(config), device=device, dtype=dtype, attention=one.attention)
        options = RestoreOptions(attention=one.attention)
        restorer = Restorer(get_task(_TASK), engine, options)
    return lambda picture: restorer(picture, level=25.0)


def size_of(one: Contender) -> tuple[int, float]:
    """Parameters, and FLOP for a pixel: convolutions alone, whatever attention costs beside."""
    if one.preset == PLAIN:
        parameters = sum(p.numel() for p in PlainNet().parameters())
        return parameters, 2.0 * sum(p.numel() for p in PlainNet().parameters() if p.ndim == 4)
    figures = summarise(preset("released" if one.preset == REFERENCE else one.preset))
    return figures.parameters, 1e6 * figures.mflop_per_pixel
