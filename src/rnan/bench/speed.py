"""Networks timed in turn with the plain net, so that a machine whose speed drifts does not lie."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from rnan.bench.plain import PlainNet
from rnan.models import RNAN, preset


@dataclass(frozen=True, kw_only=True)
class Timing:
    """One network at one size."""

    name: str
    height: int
    width: int
    seconds: float
    """Median."""
    ratio: float
    """Median over the runs of its time over the plain net's in the same turn."""


def compare(
    names: Iterable[str],
    *,
    height: int = 512,
    width: int = 768,
    runs: int = 7,
    device: torch.device,
    dtype: torch.dtype,
) -> list[Timing]:
    """Time presets against :class:`~rnan.bench.plain.PlainNet`, A B C A B C …, after a warm-up.

    Args:
        names: Presets.
        height: Of the picture, in pixels.
        width: Of the picture, in pixels.
        runs: Turns that count.
        device: Where.
        dtype: Of the convolutions, of all networks alike.
    """
    picture = torch.rand(1, 3, height, width).to(device, memory_format=torch.channels_last)
    runners: dict[str, Callable[[], object]] = {"plain": _plain(picture, dtype)}
    for name in names:
        runners[name] = _preset(name, picture, dtype)
    seconds: dict[str, list[float]] = {name: [] for name in runners}
    for turn in range(runs + 1):
        for name, run in runners.items():
            elapsed = _timed(run, device)
            if turn:
                seconds[name].append(elapsed)
    return [
        Timing(
            name=name,
            height=height,
            width=width,
            seconds=statistics.median(times),
            ratio=statistics.median(
                mine / plain for mine, plain in zip(times, seconds["plain"], strict=True)
            ),
        )
        for name, times in seconds.items()
    ]


def _timed(run: Callable[[], object], device: torch.device) -> float:
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def _plain(picture: torch.Tensor, dtype: torch.dtype) -> Callable[[], object]:
    model = PlainNet().to(picture.device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    return lambda: _forward(model, picture, None, dtype)


def _preset(name: str, picture: torch.Tensor, dtype: torch.dtype) -> Callable[[], object]:
    config = preset(name)
    model = RNAN(config).to(picture.device).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    level = torch.full((1,), 0.1, device=picture.device) if config.level_channel else None
    return lambda: _forward(model, picture, level, dtype)


@torch.inference_mode()
def _forward(
    model: torch.nn.Module, x: torch.Tensor, level: torch.Tensor | None, dtype: torch.dtype
) -> object:
    with torch.autocast(x.device.type, dtype, enabled=dtype != torch.float32):
        return model(x) if level is None else model(x, level)
