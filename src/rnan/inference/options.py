"""The options of a restoration, read by the command line, the server and the cluster alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypedDict

from rnan.errors import ConfigError

DType = Literal["auto", "float32", "bfloat16", "float16"]

Attention = Literal["auto", "window", "whole", "released"]
"""How far the non-local blocks see: their windows, the whole picture, or the quarters into which
the authors' program cuts every picture."""


EngineName = Literal["auto", "torch", "onnx", "openvino"]
"""What runs the network: PyTorch, ONNX Runtime or OpenVINO."""


@dataclass(frozen=True, kw_only=True)
class RestoreOptions:
    """How a picture is restored; the task and its weights are chosen elsewhere."""

    device: str = "auto"
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``; auto takes a GPU where there is one."""

    dtype: DType = "auto"
    """Type of the convolutions; auto takes bfloat16 where the processor has it, else float32."""

    engine: EngineName | None = None
    """By default PyTorch for weights and ONNX Runtime for an ``.onnx`` file; ``auto`` takes the
    fastest that is installed. All but PyTorch attend in windows."""

    attention: Attention = "auto"
    """``window``: in windows, as our networks are trained; ``whole``: over the whole picture, whose
    cost grows with the square of its pixels; ``released``: quartered as by the authors' program,
    for their checkpoints. auto takes that for these, and windows for all others."""

    tile: int | None = None
    """Side of the tiles in input pixels; by default as large as ``max_memory`` allows."""

    overlap: int = 96
    """Input pixels that neighbouring tiles share."""

    max_memory: int | None = None
    """Bytes that the network's features may take; by default 1 GiB or half of what is free."""

    self_ensemble: bool = False
    """Mean over the eight turns and flips (the paper's "+"); eight times the work."""

    compile: bool = False
    """Compile the network first (``torch.compile``): pays on a GPU for many pictures."""

    strength: float = 1.0
    """1 takes the restored picture, 0 the input, between them a blend."""

    keep_samples: bool = False
    """Demosaicing: what the sensor measured comes back as it was."""

    def __post_init__(self) -> None:
        if self.tile is not None and self.tile < 32:
            raise ConfigError(f"tile must be at least 32 pixels, got {self.tile}")
        if self.overlap < 0:
            raise ConfigError(f"overlap must not be negative, got {self.overlap}")
        if self.max_memory is not None and self.max_memory < 2**26:
            raise ConfigError(f"max_memory must be at least 64 MiB, got {self.max_memory} bytes")
        if not 0.0 <= self.strength <= 1.0:
            raise ConfigError(f"strength must lie between 0 and 1, got {self.strength:g}")


class Options(TypedDict, total=False):
    """The fields of :class:`RestoreOptions` as named arguments, for type checkers."""

    device: str
    dtype: DType
    engine: EngineName | None
    attention: Attention
    tile: int | None
    overlap: int
    max_memory: int | None
    self_ensemble: bool
    compile: bool
    strength: float
    keep_samples: bool


_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def parse_size(text: str) -> int:
    """Bytes from ``512M``, ``2G``, ``1.5GiB`` or a plain number.

    Raises:
        ConfigError: The text is none of these.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    if not match:
        raise ConfigError(f"{text!r} is no size; write for example 512M or 2G")
    size = float(match[1]) * _UNITS[match[2].upper()]
    if size > 2**60:
        raise ConfigError(f"{text!r} is more memory than there is")
    return int(size)
