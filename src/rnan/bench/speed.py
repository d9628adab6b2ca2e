"""Networks timed in turn with two yardsticks, so that a machine whose speed drifts does not lie.

The yardsticks are the authors' program written plainly (:mod:`rnan.bench.reference`) and a plain
20-layer net of convolutions (:mod:`rnan.bench.plain`).
"""

import dataclasses
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from rnan.bench.alone import alone
from rnan.bench.contender import PLAIN, REFERENCE, Contender, exported, runner, size_of
from rnan.bench.peak import convolution_peak
from rnan.options.restoring import DType
from rnan.pipeline.scratch import Scratch
from rnan.training.cost import timed


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
    parameters, work = size_of(one)
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
