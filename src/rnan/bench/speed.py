"""Networks timed in turn with two yardsticks, so that a machine whose speed drifts does not lie.

The yardsticks are the authors' program written plainly (:mod:`rnan.bench.reference`) and a plain
20-layer net of convolutions (:mod:`rnan.bench.plain`).
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rnan.bench.alone import alone
from rnan.bench.peak import convolution_peak
from rnan.bench.plain import PlainNet
from rnan.bench.reference import Reference
from rnan.engine_choice import open_model
from rnan.errors import ConfigError
from rnan.export import to_onnx
from rnan.inference import RestoreOptions, Restorer
from rnan.inference.engines.torch import TorchEngine
from rnan.inference.options import Attention, DType, EngineName
from rnan.models import RNAN, preset
from rnan.models.checkpoints import Checkpoint
from rnan.models.summary import summarise
from rnan.scratch import Scratch
from rnan.settings import nearest
from rnan.tasks import get_task
from rnan.training.cost import timed

PLAIN, REFERENCE = "plain", "reference"

_TASK = "denoise-color"

_PROGRAMS = {"onnx": "ONNX Runtime", "openvino": "OpenVINO"}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A network, and how it is run."""

    preset: str
    """A preset, or one of the yardsticks."""
    attention: Attention = "auto"
    dtype: DType = "bfloat16"
    engine: EngineName = "torch"
    graph: str = ""
    """File of the exported network, for the other engines."""

    @property
    def name(self) -> str:
        """For tables."""
        how = "" if self.attention == "auto" else f", {self.attention}"
        program = "" if self.engine == "torch" else f", {_PROGRAMS[self.engine]}"
        return f"{self.preset}{how}, {self.dtype}{program}"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One network at one size."""

    name: str
    preset: str
    parameters: int
    height: int
    width: int
    seconds: float
    """Median."""
    megapixels_per_second: float
    share_of_peak: float
    """Work that the network asks for (no overlap of tiles) over time, over the convolution peak of
    its type."""
    over_plain: float
    """Median over the turns of its time over the plain net's in the same turn."""
    over_reference: float | None
    """Median over the turns of the reference's time over its own: how many times faster."""
    memory_mib: float
    """Rise of the peak memory of a process of its own."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Networks timed in turns."""

    timings: list[Timing]
    peaks: dict[str, float]
    """FLOP/s of the fastest convolution, by type: the best of all turns."""


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
    if engine not in ("torch", *_PROGRAMS):
        raise ConfigError(f"unknown engine {engine}; known are torch, {', '.join(_PROGRAMS)}")
    kind = more[1] if len(more) > 1 and more[1] else dtype
    if engine == "onnx":
        kind = "float32"
    if kind not in ("float32", "bfloat16", "float16"):
        raise ConfigError(f"unknown type {kind}; known are float32, bfloat16, float16")
    return Contender(preset=name, attention=attention, dtype=kind, engine=engine)  # type: ignore[arg-type]


def exported(one: Contender, folder: Path) -> Contender:
    """The contender with its network exported, where its engine needs that."""
    if one.engine == "torch":
        return one
    config = preset(one.preset)
    path = folder / f"{one.preset}.onnx"
    if not path.exists():
        checkpoint = Checkpoint(config=config, state=RNAN(config).state_dict())
        path.write_bytes(to_onnx(checkpoint, get_task(_TASK), name=one.preset))
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


def compare(
    contenders: Iterable[Contender],
    sizes: Iterable[tuple[int, int]],
    *,
    runs: int = 5,
    device: torch.device,
    yardstick: DType = "bfloat16",
    with_reference: bool = False,
    with_memory: bool = True,
) -> Comparison:
    """Time networks through the code that restores pictures, A B C A B C …, after a warm-up.

    Args:
        contenders: Networks.
        sizes: Heights and widths.
        runs: Turns that count.
        device: Where.
        yardstick: Type of the plain net.
        with_reference: Whether to time the authors' program as well, in every turn that counts, on
            the processor and in a process of its own, with the memory allocator that such a
            program has: minutes for a large picture.
        with_memory: Whether to measure memory, each in a process of its own.
    """
    with Scratch("bench") as scratch:
        every = [
            Contender(preset=PLAIN, dtype=yardstick),
            *(exported(one, scratch.path) for one in contenders),
        ]
        return _compare(
            every,
            sizes,
            runs=runs,
            device=device,
            with_reference=with_reference,
            with_memory=with_memory,
        )


def _compare(
    every: list[Contender],
    sizes: Iterable[tuple[int, int]],
    *,
    runs: int,
    device: torch.device,
    with_reference: bool,
    with_memory: bool,
) -> Comparison:
    reference = Contender(preset=REFERENCE, dtype="float32")
    rows = [reference, *every] if with_reference else every
    runners = {one: runner(one, device) for one in every}
    peaks: dict[str, float] = dict.fromkeys(sorted({one.dtype for one in rows}), 0.0)
    measured = []
    for height, width in sizes:
        picture = torch.rand(1, 3, height, width)
        seconds: dict[Contender, list[float]] = {one: [] for one in every}
        memory: dict[Contender, float] = {}
        for turn in range(runs + 1):
            for dtype in peaks:
                peaks[dtype] = max(peaks[dtype], convolution_peak(device, dtype, runs=10))
            if with_reference and turn:
                theirs = alone(reference, height, width, torch.device("cpu"))
                seconds.setdefault(reference, []).append(theirs.seconds)
                memory[reference] = theirs.mib
            for one, run in runners.items():
                elapsed = timed(lambda: run(picture), device)  # noqa: B023
                if turn:
                    seconds[one].append(elapsed)
        for one in every if with_memory else []:
            memory[one] = alone(one, height, width, device).mib
        for one in rows:
            mib = memory.get(one, float("nan"))
            measured.append((one, height, width, seconds, mib))
    return Comparison(
        timings=[_timing(*figures, peak=peaks[figures[0].dtype]) for figures in measured],
        peaks=peaks,
    )


def _timing(
    one: Contender,
    height: int,
    width: int,
    seconds: dict[Contender, list[float]],
    memory: float,
    *,
    peak: float,
) -> Timing:
    times = seconds[one]
    plain = next(times for other, times in seconds.items() if other.preset == PLAIN)
    reference = next((t for other, t in seconds.items() if other.preset == REFERENCE), None)
    median = statistics.median(times)
    parameters, work = _size(one)
    return Timing(
        name=one.name,
        preset=one.preset,
        parameters=parameters,
        height=height,
        width=width,
        seconds=median,
        megapixels_per_second=height * width / median / 1e6,
        share_of_peak=work * height * width / median / peak,
        over_plain=statistics.median(a / b for a, b in zip(times, plain, strict=True)),
        over_reference=(
            statistics.median(a / b for a, b in zip(reference, times, strict=True))
            if reference
            else None
        ),
        memory_mib=memory,
    )


def _size(one: Contender) -> tuple[int, float]:
    """Parameters, and FLOP for a pixel: convolutions alone, whatever attention costs beside."""
    if one.preset == PLAIN:
        parameters = sum(p.numel() for p in PlainNet().parameters())
        return parameters, 2.0 * sum(p.numel() for p in PlainNet().parameters() if p.ndim == 4)
    figures = summarise(preset("released" if one.preset == REFERENCE else one.preset))
    return figures.parameters, 1e6 * figures.mflop_per_pixel
