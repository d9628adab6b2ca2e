"""Measure JPEG repair on pictures that were cropped, saved twice, or saved with more colour.

    python scripts/jpeg_cases.py --data ../shared/data

The figures are kept in the cards of the weights, where scripts/bundle.py puts them too; what a card
has is not measured again. Writes docs/lab/jpeg-cases.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pages import heading, laid_between_marks
from rnan.api import load_restorer
from rnan.degradations.jpeg import Subsampling, compress
from rnan.evaluation.datasets import Reference, picture_files, references
from rnan.evaluation.methods import Method, Network, nothing
from rnan.evaluation.runner import measure
from rnan.tasks import Task, get_task
from rnan.weights import registry

Array = NDArray[np.float64]

PAGE = Path(__file__).parent.parent / "docs" / "lab" / "jpeg-cases.md"
SETS = {"dejpeg": "classic5", "dejpeg-color": "kodak24"}
QUALITIES = (10, 40)
_AGAIN = 90
_CROP = (5, 3)
_MOVED = 4
INPUT, AUTO, TOLD = "input", "level estimated", "told"


def _once(gt: Array, quality: int) -> tuple[Array, Array]:
    return gt, compress(gt, quality)


def _cropped(gt: Array, quality: int) -> tuple[Array, Array]:
    part = (slice(_CROP[0], None), slice(_CROP[1], None))
    return gt[part], compress(gt, quality)[part]


def _again(gt: Array, quality: int) -> tuple[Array, Array]:
    part = (slice(_MOVED, None), slice(_MOVED, None))
    return gt[part], compress(compress(gt, quality)[part], _AGAIN)


def _with_more_colour(subsampling: Subsampling) -> Callable[[Array, int], tuple[Array, Array]]:
    return lambda gt, quality: (gt, compress(gt, quality, subsampling=subsampling))


CASES = {
    "saved once": _once,
    "cropped": _cropped,
    "saved again": _again,
    "4:2:2": _with_more_colour("4:2:2"),
    "4:4:4": _with_more_colour("4:4:4"),
}
"""``(gt, quality)`` to what is left of ``gt`` and its LQ picture."""


def row(model: str, name: str, case: str, quality: int, data: Path) -> dict[str, Any]:
    """One case at one quality, in a process of its own with one thread."""
    torch.set_num_threads(1)
    task = get_task(name)
    pictures = []
    for one in references(picture_files(data / "test" / SETS[name]), task):
        gt, lq = CASES[case](one.gt, quality)
        pictures.append(Reference(name=one.name, gt=gt, lq=lq))
    restorer = load_restorer(model)
    methods: dict[str, Method] = {
        INPUT: nothing,
        AUTO: Network(restorer, assume="auto"),
        TOLD: Network(restorer),
    }
    found: dict[str, Any] = {"case": case, "quality": quality}
    for title, method in methods.items():
        (score,) = measure(task, pictures, [task.level(str(quality))], method, with_ssim=False)
        found[title] = round(score.psnr, 4)
    return found


def measured(model: str | Path, task: Task, data: Path, jobs: int = 1) -> list[dict[str, Any]]:
    """The rows of a card, for the weights of that name or file."""
    cases = [case for case in CASES if task.channels == 3 or ":" not in case]
    wanted = [(case, quality) for case in cases for quality in QUALITIES]
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        running = [pool.submit(row, str(model), task.name, *place, data) for place in wanted]
        return [future.result() for future in running]


def section(name: str, rows: list[dict[str, Any]]) -> list[str]:
    """A table."""
    columns = (INPUT, AUTO, TOLD)
    lines = ["", f"{heading(get_task(name))}, {SETS[name]}", ""]
    lines += [f"| quality | case | {' | '.join(columns)} |", "|---|---|" + "---|" * len(columns)]
    for one in rows:
        cells = " | ".join(f"{one[column]:.2f}" for column in columns)
        lines.append(f"| {one['quality']} | {one['case']} | {cells} |")
    return lines


def main() -> None:
    """Measure what the cards lack, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with test/")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    lines: list[str] = []
    for name in SETS:
        card = registry.card(name)
        if "cases" not in card:
            card["cases"] = measured(name, get_task(name), arguments.data, arguments.jobs)
            place = Path(registry.__file__).parent / f"{name}.json"
            place.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
        lines += section(name, sorted(card["cases"], key=lambda one: one["quality"]))
    page = laid_between_marks(PAGE.read_text("utf-8"), Path(__file__).name, "\n".join(lines[1:]))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
