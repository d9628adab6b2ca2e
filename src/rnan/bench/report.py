"""What was timed, for people and for programs; the machine is named."""

import json
from collections.abc import Sequence
from itertools import pairwise

import torch

from rnan import __version__
from rnan.bench.contender import REFERENCE
from rnan.bench.speed import Comparison, Timing
from rnan.engines.device import hardware_name


def as_markdown(comparison: Comparison, device: torch.device) -> str:
    """A table for each size, measured here."""
    return markdown(comparison.timings, hardware_name(device), __version__, comparison.peaks)


def markdown(
    timings: Sequence[Timing], hardware: str, version: str, peaks: dict[str, float]
) -> str:
    """A table for each size."""
    lines = [f"{hardware}; {_peaks(peaks)}; rnan {version}"]
    for size in dict.fromkeys((row.height, row.width) for row in timings):
        rows = [row for row in timings if (row.height, row.width) == size]
        compared = any(row.over_reference is not None for row in rows)
        lines += [
            "",
            f"{size[0]}x{size[1]}",
            "",
            "| network | parameters | seconds | megapixels/s | of peak | time over plain | MiB |"
            + (" times the reference |" if compared else ""),
            "|---|---|---|---|---|---|---|" + ("---|" if compared else ""),
        ]
        for row in rows:
            line = (
                f"| {row.name} | {row.parameters:,} | {row.seconds:.3f} "
                f"| {row.megapixels_per_second:.3f} | {100 * row.share_of_peak:.0f} % "
                f"| {row.over_plain:.2f} | {row.memory_mib:.0f} |"
            )
            if compared:
                line += "" if row.over_reference is None else f" {row.over_reference:.1f} |"
            lines.append(line)
    references = sorted(
        (row.seconds, f"{row.height}x{row.width}") for row in timings if row.preset == REFERENCE
    )
    for (short, small), (long, large) in pairwise(references):
        lines += [
            "",
            f"The reference takes {long / short:.1f} times as long for {large} as for {small}.",
        ]
    return "\n".join(lines)


def as_json(comparison: Comparison, device: torch.device) -> bytes:
    """Every figure."""
    content = {
        "hardware": hardware_name(device),
        "version": __version__,
        "torch": torch.__version__,
        "convolution_peak_flops": comparison.peaks,
        "timings": [row.as_dict() for row in comparison.timings],
    }
    return json.dumps(content, indent=1).encode()


def _peaks(peaks: dict[str, float]) -> str:
    listed = ", ".join(f"{peak / 1e9:.0f} GFLOP/s in {name}" for name, peak in peaks.items())
    return f"convolution peak {listed}"
