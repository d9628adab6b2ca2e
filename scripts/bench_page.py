"""Lay what `rnan bench` measured into docs/bench.md.

    rnan bench --preset released:released … --reference --json docs/bench.json
    rnan bench --preset compact --preset compact:::onnx … --json docs/engines.json
    rnan bench --preset compact::float32 --preset compact:::onnx … --json docs/engines-float32.json
    python scripts/bench_page.py --data ../shared/data

The tables of restoring come from docs/bench.json; training is timed here, since that takes a few
minutes only. docs/bench-gpu.txt holds what `rnan bench train` printed on a GPU, each run behind its
command.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from pages import laid_between_marks
from rnan.bench.report import markdown
from rnan.bench.speed import Timing
from rnan.bench.table7 import as_markdown as table7

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "bench.md"
RESULTS = ROOT / "docs" / "bench.json"
ENGINES = (ROOT / "docs" / "engines.json", ROOT / "docs" / "engines-float32.json")
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
    """The tables of what else runs a network, on a processor with bfloat16 and on one without."""
    tables = []
    for file in ENGINES:
        measured = json.loads(file.read_text(encoding="utf-8"))
        timings = [Timing(**row) for row in measured["timings"]]
        head = (measured["hardware"], measured["version"], measured["convolution_peak_flops"])
        tables.append(markdown(timings, *head))
    return "\n\n".join(tables)


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
    runs = [run.splitlines() for run in GPU.read_text(encoding="utf-8").split("$ ")[1:]]
    _, machine, head, rule, *_ = runs[0]
    lines = [machine, "", f"{head} batch | compiled |", f"{rule}---|---|"]
    for command, _, _, _, *rows in runs:
        said = dict(word.split("=") for word in command.split() if "=" in word)
        batch, side = said["data.batch_size"], said["data.patch_size"]
        compiled = "yes" if said.get("compile") == "true" else "no"
        lines += [f"{row} {batch} of {side}x{side} | {compiled} |" for row in rows]
    return "\n".join(lines)


def with_tables(page: str) -> str:
    """The page with the tables of all that is kept in files."""
    page = laid_between_marks(page, "bench_page.py, restoring", restoring())
    page = laid_between_marks(page, "bench_page.py, engines", engines())
    return laid_between_marks(page, "bench_page.py, training on a GPU", training_on_gpu())


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, help="also time training, on its train/bsd398")
    data = parser.parse_args().data
    page = with_tables(PAGE.read_text("utf-8"))
    if data is not None:
        page = laid_between_marks(page, "bench_page.py, training", training(data))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
