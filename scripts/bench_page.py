"""Lay what `rnan bench` measured into docs/bench.md.

    rnan bench --preset released:released … --reference --json docs/bench.json
    rnan bench --preset compact --preset compact:::onnx … --json docs/engines.json
    python scripts/bench_page.py --data ../shared/data

The tables of restoring come from docs/bench.json; training is timed here, since that takes a few
minutes only. docs/bench-gpu.txt holds what `rnan bench train` printed on a GPU, each run behind its
command.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

from pages import laid_between_marks
from rnan.bench.report import markdown
from rnan.bench.speed import Timing
from rnan.bench.table7 import as_markdown as table7

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "bench.md"
RESULTS, ENGINES = ROOT / "docs" / "bench.json", ROOT / "docs" / "engines.json"
GPU = ROOT / "docs" / "bench-gpu.txt"
RECIPES = (
    "denoise-color",
    "denoise-gray",
    "demosaic",
    "dejpeg",
    "dejpeg-color",
    "super-resolution",
)


def restoring() -> str:
    """The tables of restoring."""
    measured = json.loads(RESULTS.read_text(encoding="utf-8"))
    timings = [Timing(**row) for row in measured["timings"]]
    head = (measured["hardware"], measured["version"], measured["convolution_peak_flops"])
    return f"{markdown(timings, *head)}\n\n{table7(timings)}"


def engines() -> str:
    """The table of what else runs a network."""
    measured = json.loads(ENGINES.read_text(encoding="utf-8"))
    timings = [Timing(**row) for row in measured["timings"]]
    return markdown(
        timings, measured["hardware"], measured["version"], measured["convolution_peak_flops"]
    )


def training(data: Path) -> str:
    """The table of training."""
    recipes = [str(ROOT / "recipes" / f"{name}.yaml") for name in RECIPES]
    folders = f"data.folders=[{data / 'train' / 'bsd398'}]"
    done = subprocess.run(
        [sys.executable, "-m", "rnan", "bench", "train", *recipes, folders, "--turns", "5"],
        capture_output=True,
        text=True,
        check=True,
    )
    machine, *table = done.stdout.strip().splitlines()
    return "\n".join([machine, "", *table])


def training_on_gpu() -> str:
    """The runs on a GPU in one table, with what differs between their commands."""
    machine = ""
    table: list[str] = []
    rows: list[str] = []
    for line in GPU.read_text(encoding="utf-8").splitlines():
        if line.startswith("$"):
            batch = re.search(r"data.batch_size=(\d+)", line)[1]  # type: ignore[index]
            side = re.search(r"data.patch_size=(\d+)", line)[1]  # type: ignore[index]
            how = "yes" if "compile=true" in line else "no"
        elif not line.startswith("|"):
            machine = machine or line
        elif line.startswith(("| task", "|---")):
            added = "---|---|" if line.startswith("|---") else " batch | compiled |"
            table = [*table[:1], line + added] if len(table) < 2 else table
        else:
            rows.append(f"{line} {batch} of {side}x{side} | {how} |")
    return "\n".join([machine, "", *table, *rows])


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, help="also time training, on its train/bsd398")
    data = parser.parse_args().data
    page = laid_between_marks(PAGE.read_text("utf-8"), "bench_page.py, restoring", restoring())
    page = laid_between_marks(page, "bench_page.py, engines", engines())
    page = laid_between_marks(page, "bench_page.py, training on a GPU", training_on_gpu())
    if data is not None:
        page = laid_between_marks(page, "bench_page.py, training", training(data))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
