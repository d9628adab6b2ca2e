"""Measure the bundled networks over the whole range of their level, and what a wrong level costs.

    python scripts/level_curves.py --data ../shared/data
    python scripts/level_curves.py --data ../shared/data --task denoise-color

Figures are kept in docs/level-curves.json; what was measured with the same weights is not measured
again. Writes docs/level-curves.md and docs/figures/levels-TASK.png.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
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
from rnan.evaluation.methods import Method, Network, nothing
from rnan.evaluation.runner import measure
from rnan.tasks import get_task
from rnan.weights import registry

DOCS = Path(__file__).parent.parent / "docs"
STORE, PAGE = DOCS / "level-curves.json", DOCS / "level-curves.md"
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
    levels = LEVELS[get_task(task).kind]
    every = [(curve, level) for curve in (INPUT, GIVEN, AUTO) for level in levels]
    if get_task(task).kind == "sigma":
        every = [(curve, level) for curve, level in every if (curve, level) != (INPUT, 0)]
        every += [(curve, level) for curve in WRONG for level in WRONG_AT]
    return every


def point(name: str, curve: str, level: int, folder: Path) -> float:
    """Mean PSNR, in a process of its own with one thread."""
    torch.set_num_threads(1)
    task = get_task(name)
    true = task.level(str(level))
    method: Method = nothing
    if curve != INPUT:
        assume = task.level(f"{WRONG[curve] * level:g}") if curve in WRONG else None
        if assume is not None:
            assume = task.nearest_known(assume)
        network = load_restorer(name)
        method = Network(network, assume="auto" if curve == AUTO else assume)
    pictures = references(picture_files(folder), task)
    (score,) = measure(task, pictures, [true], method, with_ssim=False)
    return score.psnr


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
    return [
        f"- The gain is least at quality {least}: {gains[least]:+.2f} dB.",
        f"- The estimate of the quality costs at most {costs[worst]:.2f} dB, at quality {worst}.",
    ]


def section(task: str, curves: dict[str, Curve]) -> list[str]:
    """A figure, what it shows, and the table."""
    kind = get_task(task).kind
    draw(task, curves)
    columns = [curve for curve in (INPUT, GIVEN, AUTO, *WRONG) if curve in curves]
    lines = [
        "",
        f"{heading(get_task(task))}, {SETS[task]}",
        "",
        f"![PSNR over the level](figures/levels-{task}.png)",
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
    noise = get_task(task).kind == "sigma"
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
            for curve, level in wanted(task):
                if str(level) not in known[task]["curves"].get(curve, {}):
                    folder = arguments.data / "test" / SETS[task]
                    running[pool.submit(point, task, curve, level, folder)] = task, curve, level
        for future in as_completed(running):
            task, curve, level = running[future]
            known[task]["curves"].setdefault(curve, {})[str(level)] = round(future.result(), 4)
            STORE.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
            print(task, curve, level, future.result(), flush=True)
    lines: list[str] = []
    for task in SETS:
        if known.get(task, {}).get("weights") == registry.card(task)["sha256"]:
            lines += section(task, in_order(task, known[task]["curves"]))
    page = laid_between_marks(PAGE.read_text("utf-8"), Path(__file__).name, "\n".join(lines[1:]))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
