"""Measure what the tables do not show of demosaicing: patterns, kept samples, a zone plate.

    python scripts/demosaicing.py --data ../shared/data

Writes docs/demosaicing.md and docs/figures/zone-plate.png. Figures are kept in
docs/demosaicing.json; what was measured with the same weights is not measured again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from numpy.typing import NDArray

mpl.use("Agg")
from matplotlib import pyplot as plt

from pages import laid_between_marks
from rnan.api import load_restorer
from rnan.degradations.mosaic import PATTERNS
from rnan.evaluation.datasets import picture_files, references
from rnan.evaluation.methods import Method, Network, classical
from rnan.evaluation.metrics import as_eight_bit, psnr
from rnan.evaluation.runner import measure
from rnan.tasks import get_task
from rnan.weights import registry

Array = NDArray[np.float64]

DOCS = Path(__file__).parent.parent / "docs"
STORE, PAGE = DOCS / "demosaicing.json", DOCS / "demosaicing.md"
FIGURE = DOCS / "figures" / "zone-plate.png"
TASK = get_task("demosaic")
SETS = ("kodak24", "cbsd68", "mcmaster18")
ROWS = {name: (name, TASK.name) for name in SETS}
ROWS |= {f"{name}, menon": (name, "menon") for name in SETS}
"""Test set and method: what the patterns differ by in a method that knows no pictures is theirs."""
KEPT = "grbg, samples kept"
COLUMNS = (*PATTERNS, KEPT)
METHODS = ("demosaic", "menon", "ahd", "dht")
PLATES = {"corners": 0.5 / np.sqrt(2.0), "sides": 0.5}
"""Cycles a pixel in the middle of the sides of a zone plate, by where it reaches half a cycle."""
SIDE = 512
_CROP = (slice(0, 200), slice(156, 356))
"""Part of the plate that is shown beside the whole."""


def zone_plate(cycles: float) -> Array:
    """Gray rings whose frequency grows evenly from the centre, ``(512, 512, 3)``."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    rings = 127.5 + 127.5 * np.cos(2.0 * np.pi * cycles * (x**2 + y**2) / SIDE)
    return np.repeat(np.rint(rings)[:, :, None], 3, axis=2)


def colour_error(picture: Array) -> float:
    """Mean of abs(R - G) and abs(B - G)."""
    shown = as_eight_bit(picture)
    return float(np.abs(shown[:, :, [0, 2]] - shown[:, :, [1]]).mean())


def method(name: str) -> Method:
    """The bundled network or a classical method."""
    return Network(load_restorer(name)) if name == TASK.name else classical(name, TASK)


def restored_plate(name: str, cycles: float) -> Array:
    """A zone plate through a GRBG mosaic and back."""
    level = TASK.level("grbg")
    lq = TASK.degrade(zone_plate(cycles), level, name="zone plate", seed=0)
    return as_eight_bit(method(name)(lq, level))


def point(row: str, column: str, folder: Path) -> float:
    """Mean PSNR over a test set, in a process of its own with one thread."""
    torch.set_num_threads(1)
    dataset, name = ROWS[row]
    asked = method(name)
    if column == KEPT:
        asked = Network(load_restorer(name, keep_samples=True))
    level = TASK.level("grbg" if column == KEPT else column)
    pictures = references(picture_files(folder / dataset), TASK)
    (score,) = measure(TASK, pictures, [level], asked, with_ssim=False)
    return score.psnr


def wanted(row: str) -> tuple[str, ...]:
    """Columns of a row."""
    return COLUMNS if row in SETS else tuple(PATTERNS)


def tables(psnrs: dict[str, dict[str, float]]) -> list[str]:
    """Patterns, then zone plates, with what holds."""
    farthest = {
        name: max(
            abs(psnrs[row][pattern] - psnrs[row]["grbg"])
            for row, (_, used) in ROWS.items()
            for pattern in PATTERNS
            if used == name
        )
        for name in (TASK.name, "menon")
    }
    lines = [
        f"PSNR in dB. The patterns differ from GRBG by at most {farthest[TASK.name]:.3f} dB, with "
        f"Menon's method by {farthest['menon']:.3f}.",
        "",
        "| set | " + " | ".join(name.upper() if name != KEPT else KEPT for name in COLUMNS) + " |",
        "|---|" + "---|" * len(COLUMNS),
    ]
    lines += [
        f"| {row} | "
        + " | ".join(f"{psnrs[row][one]:.2f}" if one in psnrs[row] else "" for one in COLUMNS)
        + " |"
        for row in ROWS
    ]
    head = [f"half a cycle at the {where}: colour error | PSNR, dB" for where in PLATES]
    lines += [
        "",
        "![A zone plate by each method](figures/zone-plate.png)",
        "",
        "| method | " + " | ".join(head) + " |",
        "|---|" + "---|" * (2 * len(PLATES)),
    ]
    for name in METHODS:
        cells = []
        for cycles in PLATES.values():
            picture = restored_plate(name, cycles)
            cells += [f"{colour_error(picture):.2f}", f"{psnr(picture, zone_plate(cycles)):.2f}"]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def draw() -> None:
    """The first plate whole, and its upper edge by each method."""
    cycles = PLATES["corners"]
    figure, panels = plt.subplots(1, 2 + len(METHODS), figsize=(15, 3), layout="constrained")
    plate = zone_plate(cycles)
    shown = {"whole": plate, "reference": plate[_CROP]}
    shown |= {name: restored_plate(name, cycles)[_CROP] for name in METHODS}
    for panel, (title, picture) in zip(panels, shown.items(), strict=True):
        panel.imshow(picture.astype(np.uint8), interpolation="none")
        panel.set(title=title, xticks=[], yticks=[])
    figure.savefig(FIGURE, dpi=110)
    plt.close(figure)


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with test/")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    card = registry.card(TASK.name)
    known: dict[str, Any] = json.loads(STORE.read_text("utf-8")) if STORE.exists() else {}
    if known.get("weights") != card["sha256"]:
        others = {row: cells for row, cells in known.get("psnr", {}).items() if row not in SETS}
        known = {"weights": card["sha256"], "psnr": {row: {} for row in SETS} | others}
        for row in card["metrics"]:  # the card has GRBG already
            if row["dataset"] in SETS and (row["level"], row["metric"]) == ("grbg", "psnr"):
                known["psnr"][row["dataset"]]["grbg"] = row["value"]
    psnrs: dict[str, dict[str, float]] = {row: known["psnr"].get(row, {}) for row in ROWS}
    known["psnr"] = psnrs
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("spawn")) as pool:
        running = {
            pool.submit(point, row, column, arguments.data / "test"): (row, column)
            for row in ROWS
            for column in wanted(row)
            if column not in psnrs[row]
        }
        for future in as_completed(running):
            row, column = running[future]
            psnrs[row][column] = round(future.result(), 4)
            STORE.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
            print(row, column, future.result(), flush=True)
    draw()
    lines = "\n".join(tables(psnrs))
    page = laid_between_marks(PAGE.read_text("utf-8"), Path(__file__).name, lines)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
