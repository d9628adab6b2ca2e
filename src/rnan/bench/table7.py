"""The columns of the paper's Table 7 for what was timed, the published rows beside."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from rnan.bench.contender import PLAIN, REFERENCE
from rnan.bench.speed import Timing
from rnan.evaluation.published import published
from rnan.models import preset
from rnan.weights import registry

_TASK, _LEVEL = "denoise-color", "50"
_SETS = ("kodak24", "cbsd68")


def as_markdown(timings: Sequence[Timing]) -> str:
    """Parameters, seconds, and PSNR at σ 50 where trained weights of that shape exist.

    The seconds are those of the first size. Published rows were timed on the authors' GPU and
    measured on Urban100, so their columns stand apart.
    """
    first = [
        row for row in timings if (row.height, row.width) == (timings[0].height, timings[0].width)
    ]
    lines = [
        f"Table 7 at σ {_LEVEL}; seconds for {first[0].height}x{first[0].width}",
        "",
        f"| network | parameters | seconds | {' | '.join(_SETS)} | Urban100 |",
        "|---|---|---|---|---|---|",
    ]
    for row in first:
        cells = " | ".join(_psnr(row.preset, name) for name in _SETS)
        lines.append(f"| {row.name} | {row.parameters:,} | {row.seconds:.3f} | {cells} | |")
    for method, figures in _published().items():
        parameters = f"{1000 * figures['kparams']:,.0f}"
        lines.append(
            f"| {method}, published | {parameters} | {figures['seconds']:g} | | "
            f"| {figures['psnr']:.2f} |"
        )
    return "\n".join(lines)


def _published() -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = {}
    for row in published():
        if row.table == "7":
            rows.setdefault(row.method, {})[row.metric] = row.value
    return rows


def _psnr(name: str, dataset: str) -> str:
    """From the card of the weights that have this shape; empty where there are none."""
    if name in (PLAIN, REFERENCE):
        return ""
    for card in _cards_of_shape(name):
        for row in card.get("metrics", []):
            if (row["dataset"], row["level"], row["metric"]) == (dataset, _LEVEL, "psnr"):
                return f"{row['value']:.2f}"
    return ""


def _cards_of_shape(name: str) -> list[dict[str, Any]]:
    """Cards of networks of that shape; whether they take σ is the task's, not the shape's."""
    shape = dataclasses.replace(preset(name), level_channel=False)
    cards = ((one, registry.card(one)) for one in registry.names())
    return [
        card
        for one, card in cards
        if card.get("task") == _TASK
        and dataclasses.replace(registry.load(one).config, level_channel=False) == shape
    ]
