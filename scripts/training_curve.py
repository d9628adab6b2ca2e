"""Plot validation PSNR over minutes from the CSV files of one or more runs.

python scripts/training_curve.py OUT.png NAME=validation.csv [NAME=validation.csv ...]
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt


def read_curve(path: Path) -> dict[str, list[tuple[float, float]]]:
    """(minutes, PSNR) by level."""
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            curves[row["level"]].append((float(row["minutes"]), float(row["psnr"])))
    return curves


def main() -> None:
    """One panel a level of the first run, one line a run."""
    out, *runs = sys.argv[1:]
    curves = {name: read_curve(Path(path)) for name, path in (run.split("=", 1) for run in runs)}
    levels = list(next(iter(curves.values())))
    figure, grid = plt.subplots(
        1, len(levels), figsize=(max(3.2 * len(levels), 5), 3), layout="constrained", squeeze=False
    )
    panels = grid[0]
    for panel, level in zip(panels, levels, strict=True):
        for name, curve in curves.items():
            panel.plot(*zip(*curve[level], strict=True), label=name)
        panel.set(title=f"level {level}", xlabel="minutes")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("PSNR on validation crops, dB")
    if len(curves) > 1:
        panels[0].legend(fontsize="small")
    figure.savefig(out, dpi=120)
    print(out)


if __name__ == "__main__":
    main()
