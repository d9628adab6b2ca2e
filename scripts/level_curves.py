"""Measure the bundled networks over the whole range of their level, and what a wrong level costs.

    python scripts/level_curves.py --data ../shared/data
    python scripts/level_curves.py --data ../shared/data --task denoise-color

Figures are kept in docs/lab/level-curves.json; what was measured with the same weights is not
measured again. Writes docs/lab/level-curves.md and docs/figures/levels-TASK.png.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch

mpl.use("Agg")
from matplotlib import pyplot as plt

from pages import heading, laid_between_marks
from rnan.api import load_restorer
from rnan.evaluation.datasets import picture_files, references
from rnan.evaluation.methods import Array, Method, Network, nothing
from rnan.evaluation.runner import measure
from rnan.tasks import get_task
from rnan.tasks.level import Level
from rnan.weights import registry

DOCS = Path(__file__).parent.parent / "docs"
LAB = DOCS / "lab"
STORE, PAGE = LAB / "level-curves.json", LAB / "level-curves.md"
SETS = {
    "denoise-color": "kodak24",
    "denoise-gray": "kodak24",
    "dejpeg": "classic5",
    "dejpeg-color": "kodak24",
}
LEVELS = {
    "sigma": (0, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 75, 80),
    "quality": (5, 10, 15, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 95),
}
FITTED = (5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 75)
"""Values of σ to which a cubic in log σ is fitted."""
WRONG_AT = (10, 30, 50, 70)
"""Values of σ at which the network is told another."""
WRONG = {"told 0.7 σ": 0.7, "told 1.3 σ": 1.3}
INPUT, GIVEN, AUTO = "input", "level given", "level estimated"

Curve = dict[str, float]
"""PSNR by level."""


def wanted(task: str) -> list[tuple[str, int]]:
    """Curves and their levels."""
    levels = LEVELS[get_task(task).level_name]
    every = [(curve, level) for curve in (INPUT, GIVEN, AUTO) for level in levels]
    if get_task(task).level_name == "sigma":
        every = [(curve, level) for curve, level in every if (curve, level) != (INPUT, 0)]
        every += [(curve, level) for curve in WRONG for level in WRONG_AT]
    return every


def points(
    name: str, level: int, curves: tuple[str, ...], folder: Path
) -> dict[tuple[str, int], float]:
    """Mean PSNR of curves at one level, in a process of its own with one thread."""
    torch.set_num_threads(1)
    task = get_task(name)
    true = task.level(str(level))
    pictures = list(references(picture_files(folder), task))
    network = load_restorer(name)
    restored: list[Array] = []
    found = {}
    for curve in curves:
        method: Method = nothing
        if curve == GIVEN:
            method = Kept(Network(network), restored)
        elif curve == AUTO:
            auto = Network(network, assume="auto")
            method = Spared(auto, restored) if GIVEN in curves else auto
        elif curve in WRONG:
            assume = task.nearest_known(task.level(f"{WRONG[curve] * level:g}"))
            method = Network(network, assume=assume)
        (score,) = measure(task, pictures, [true], method, with_ssim=False)
        found[curve, level] = score.psnr
    return found


@dataclass(frozen=True)
class Kept:
    """A network whose answers are kept, in the order of the pictures."""

    network: Network
    restored: list[Array]

    def __call__(self, lq: Array, level: Level) -> Array:
        """See :data:`Method`."""
        self.restored.append(self.network(lq, level))
        return self.restored[-1]


@dataclass(frozen=True)
class Spared:
    """A network that estimates its level; where that is the true one the answer is kept already."""

    network: Network
    restored: list[Array]
    """What :class:`Kept` kept; used up."""

    def __call__(self, lq: Array, level: Level) -> Array:
        """See :data:`Method`."""
        known = self.restored.pop(0)
        estimated = self.network.restorer.estimate((lq / 255.0).astype(np.float32))
        same = isinstance(estimated, float) and estimated == level.value  # no map
        return known if same else self.network(lq, level)


def in_order(task: str, curves: dict[str, Curve]) -> dict[str, Curve]:
    """The curves as they are wanted, whichever was measured first."""
    found: dict[str, Curve] = {}
    for curve, level in wanted(task):
        found.setdefault(curve, {})[str(level)] = curves[curve][str(level)]
    return found


def distance_from_cubic(curve: Curve) -> float:
    """Largest distance of PSNR from a cubic in log σ fitted to it, in dB."""
    x = np.log(FITTED)
    y = np.array([curve[str(level)] for level in FITTED])
    return float(np.abs(y - np.polyval(np.polyfit(x, y, 3), x)).max())


def said_of_noise(curves: dict[str, Curve]) -> list[str]:
    """What holds and what does not."""
    given, auto = curves[GIVEN], curves[AUTO]
    order = [given[str(level)] for level in LEVELS["sigma"]]
    falls = all(a > b for a, b in pairwise(order))
    costs = {level: given[level] - auto[level] for level in given if level != "0"}
    worst = max(costs, key=lambda level: costs[level])
    least = min(
        curves[curve][str(level)] - curves[INPUT][str(level)]
        for curve in WRONG
        for level in WRONG_AT
    )
    return [
        f"- PSNR {'falls' if falls else 'does not fall'} steadily with σ; from σ 5 to 75 it lies "
        f"within {distance_from_cubic(given):.3f} dB of a cubic in log σ.",
        f"- A clean picture, told σ 0, keeps {given['0']:.1f} dB.",
        f"- The estimate of σ costs at most {costs[worst]:.2f} dB, at σ {worst}.",
        f"- Told a σ that is wrong by 30 %, it gains {least:.1f} dB over the input at least.",
    ]


def said_of_jpeg(curves: dict[str, Curve]) -> list[str]:
    """The gains."""
    gains = {level: curves[GIVEN][level] - value for level, value in curves[INPUT].items()}
    least = min(gains, key=lambda level: gains[level])
    costs = {level: curves[GIVEN][level] - value for level, value in curves[AUTO].items()}
    worst = max(costs, key=lambda level: costs[level])
    where = f", at quality {worst}" if round(costs[worst], 2) else ""
    return [
        f"- The gain is least at quality {least}: {gains[least]:+.2f} dB.",
        f"- The estimate of the quality costs at most {costs[worst]:.2f} dB{where}.",
    ]


def section(task: str, curves: dict[str, Curve], *, earlier: bool) -> list[str]:
    """A figure, what it shows, and the table.

    Args:
        task: Its name.
        curves: What was measured.
        earlier: Whether it was measured with weights that have been replaced since.
    """
    kind = get_task(task).level_name
    draw(task, curves)
    columns = [curve for curve in (INPUT, GIVEN, AUTO, *WRONG) if curve in curves]
    lines = [
        "",
        f"{heading(get_task(task))}, {SETS[task]}",
        "",
        *(["Measured with the weights that were bundled before.", ""] if earlier else []),
        f"![PSNR over the level](../figures/levels-{task}.png)",
        "",
        *(said_of_noise(curves) if kind == "sigma" else said_of_jpeg(curves)),
        "",
        f"| {'σ' if kind == 'sigma' else 'quality'} | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for level in map(str, LEVELS[kind]):
        values = (curves[column].get(level) for column in columns)
        cells = ["" if value is None else f"{value:.2f}" for value in values]
        lines.append(f"| {level} | " + " | ".join(cells) + " |")
    return lines


def draw(task: str, curves: dict[str, Curve]) -> None:
    """PSNR for noise, the gain over the input for JPEG."""
    noise = get_task(task).level_name == "sigma"
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, curve in curves.items():
        if not noise and name == INPUT:
            continue
        levels = [level for level in curve if math.isfinite(curve[level])]
        values = [curve[level] - (0 if noise else curves[INPUT][level]) for level in levels]
        style = "x" if name in WRONG else "o--" if name == AUTO else "o-"
        axes.plot([float(level) for level in levels], values, style, label=name, markersize=4)
    if not noise:
        axes.axhline(0, color="black", linewidth=0.8)
    axes.set(
        xlabel="σ" if noise else "quality",
        ylabel="PSNR, dB" if noise else "gain over the JPEG, dB",
        title=f"{task} on {SETS[task]}",
    )
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(DOCS / "figures" / f"levels-{task}.png", dpi=110)
    plt.close(figure)


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with test/")
    parser.add_argument("--task", action="append", choices=sorted(SETS), help="may be repeated")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    known: dict[str, Any] = {}
    if STORE.exists():
        known = json.loads(STORE.read_text("utf-8"))
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("spawn")) as pool:
        running = {}
        for task in arguments.task or SETS:
            weights = registry.card(task)["sha256"]
            if known.get(task, {}).get("weights") != weights:
                known[task] = {"weights": weights, "curves": {}}
            missing: dict[int, tuple[str, ...]] = {}
            for curve, level in wanted(task):
                if str(level) not in known[task]["curves"].get(curve, {}):
                    missing[level] = (*missing.get(level, ()), curve)
            folder = arguments.data / "test" / SETS[task]
            for level, curves in missing.items():
                running[pool.submit(points, task, level, curves, folder)] = task
        for future in as_completed(running):
            task = running[future]
            for (curve, level), psnr in future.result().items():
                known[task]["curves"].setdefault(curve, {})[str(level)] = round(psnr, 4)
                print(task, curve, level, psnr, flush=True)
            STORE.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    lines: list[str] = []
    for task in SETS:
        if task in known:
            earlier = known[task]["weights"] != registry.card(task)["sha256"]
            lines += section(task, in_order(task, known[task]["curves"]), earlier=earlier)
    page = laid_between_marks(PAGE.read_text("utf-8"), Path(__file__).name, "\n".join(lines[1:]))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
