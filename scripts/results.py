"""Measure everything that is bundled and write docs/results.md: the paper's tables, with our rows.

    python scripts/results.py --data ../shared/data
    python scripts/results.py --data ../shared/data --checkpoint super-resolution:x2=RNAN_SRx2.pt

Figures are kept in docs/results.json. What was measured before with the same weights, pictures and
PROTOCOL is not measured again, so an interrupted run goes on where it stopped; delete the file to
begin anew.
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from pages import heading
from rnan import __version__
from rnan.api import load_restorer
from rnan.engines.device import hardware_name
from rnan.engines.torch_device import choose_device, choose_dtype
from rnan.evaluation.datasets import picture_files, references
from rnan.evaluation.methods import Method, Network, classical, nothing
from rnan.evaluation.published import published_for
from rnan.evaluation.records import Record
from rnan.evaluation.report import hash_files, table
from rnan.evaluation.runner import measure, records
from rnan.images import write_whole
from rnan.tasks import TASKS, Task, get_task, restoration_of
from rnan.weights import registry

DOCS = Path(__file__).parent.parent / "docs"
CLASSICAL = {
    "denoise": ("nlm", "wavelet", "50"),
    "dejpeg": ("nlm", "wavelet", "10"),
    "demosaic": ("menon", "ahd", "dht", "grbg"),
    "upscale": ("bicubic", "x4"),
}
"""Classical methods for each kind of level, and the level they are measured at."""
SEED = 0
PROTOCOL = 1
"""Of the measurement; to be raised with a change that alters figures."""
EXACT = ":float32"
"""End of the method of rows that were computed in float32: what bfloat16 costs."""
CHECKPOINT = "checkpoint"
"""Method of the authors' networks in the records."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method on one data set at one level."""

    task: str
    dataset: str
    method: str
    """Name in the records."""
    level: str
    weights: str = ""
    """Hash of the weights."""
    file: str = ""
    """Path of weights that are not bundled."""


def cells(data: Path, checkpoints: dict[tuple[str, str], Path]) -> list[Cell]:
    """Everything that is to be measured: the quick first, self-ensembles of large sets last."""
    plain: list[Cell] = []
    slow: list[Cell] = []
    slowest: list[Cell] = []
    for task in TASKS.values():
        *methods, chosen = CLASSICAL[restoration_of(task)]
        for dataset in task.test_sets:
            if not (data / dataset).is_dir():
                continue
            for level in levels_of(task):
                none = Cell(task=task.name, dataset=dataset, method="none", level=level)
                plain.append(none)
                ensembles = slow if level == chosen else slowest
                if level == chosen:
                    plain += [replace(none, method=f"classical:{name}") for name in methods]
                if task.name in registry.bundled():
                    sha256 = registry.card(task.name)["sha256"]
                    ours = replace(none, method=task.name, weights=sha256)
                    plain.append(ours)
                    if level in task.more_levels:
                        continue
                    ends = (task.table_levels[0], task.table_levels[-1])
                    if level in ends and registry.card(task.name)["dtype"] != "float32":
                        slow.append(replace(ours, method=f"{task.name}{EXACT}"))
                    ensembles.append(replace(ours, method=f"{task.name}+"))
                if (file := checkpoints.get((task.name, level))) is not None:
                    facts = {"weights": hash_files([file]), "file": str(file)}
                    slow.append(replace(none, method=CHECKPOINT, **facts))
                    slowest.append(replace(none, method=f"{CHECKPOINT}+", **facts))
    for part in (slow, slowest):
        part.sort(key=lambda cell: data_size(data / cell.dataset))
    return plain + slow + slowest


def levels_of(task: Task) -> list[str]:
    """Those of the paper's table and those that are reported beside them, the least first."""
    names = (*task.table_levels, *task.more_levels)
    return sorted(names, key=lambda name: task.level(name).value) if task.more_levels else [*names]


def parse_checkpoints(given: list[str]) -> dict[tuple[str, str], Path]:
    """Task, level and file of each ``TASK:LEVEL=FILE``."""
    found = {}
    for text in given:
        place, _, file = text.partition("=")
        task, _, level = place.partition(":")
        found[task, get_task(task).level(level).name] = Path(file)
    return found


def measure_cell(cell: Cell, data: Path) -> dict[str, Any]:
    """The records of one cell, when and where; runs in a process of its own with one thread."""
    torch.set_num_threads(1)
    task = get_task(cell.task)
    level = task.level(cell.level)
    method: Method
    if cell.method == "none":
        method = nothing
    elif cell.method.startswith("classical:"):
        method = classical(cell.method.removeprefix("classical:"), task)
    else:
        weights = cell.file or cell.task
        options: dict[str, Any] = {"self_ensemble": cell.method.endswith("+")}
        if cell.method.endswith(EXACT):
            options["dtype"] = "float32"
        method = Network(load_restorer(weights, task=cell.task, **options))
    pictures = references(picture_files(data / cell.dataset), task)
    scores = measure(task, pictures, [level], method, seed=SEED)
    rows = records(task, scores, dataset=cell.dataset, method=cell.method)
    facts = {**here(), "dtype": "float32"} if cell.method.endswith(EXACT) else here()
    return {**facts, "records": [{**row.as_dict(), "value": round(row.value, 5)} for row in rows]}


def here() -> dict[str, str]:
    """What else a figure may depend on."""
    device = choose_device("auto")
    return {
        "version": __version__,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": hardware_name(device).split(",")[0],
        "dtype": str(choose_dtype("auto", device)).removeprefix("torch."),
    }


def on_the_card(cell: Cell) -> dict[str, Any] | None:
    """The records that `scripts/bundle.py` measured when the weights were bundled."""
    if cell.method not in registry.bundled():
        return None
    card = registry.card(cell.method)
    place = (cell.dataset, cell.level)
    rows = [row for row in card["metrics"] if (row["dataset"], row["level"]) == place]
    if not rows:
        return None
    facts = {name: str(card.get(name, "")) for name in ("version", "date", "hardware", "dtype")}
    return {**facts, "records": rows}


def key(cell: Cell, data: Path) -> str:
    """What a measurement depends on."""
    facts: dict[str, Any] = {n: value for n, value in asdict(cell).items() if n != "file"}
    facts |= {"data": data_hash(data / cell.dataset), "seed": SEED, "protocol": PROTOCOL}
    return json.dumps(facts)


@lru_cache(maxsize=32)
def data_hash(folder: Path) -> str:
    """Hash of the pictures of a folder."""
    return hash_files(picture_files(folder))[:16]


@lru_cache(maxsize=32)
def data_size(folder: Path) -> int:
    """Bytes of the pictures of a folder."""
    return sum(file.stat().st_size for file in picture_files(folder))


def page(rows: list[Record], cells: list[dict[str, Any]]) -> str:
    """The page: a table for each task and data set."""
    seen = {
        name: ", ".join(sorted({cell[name] for cell in cells if cell[name]}))
        for name in ("version", "date", "hardware", "dtype")
    }
    lines = [
        "# Results",
        "",
        f"Made by `scripts/results.py`: rnan {seen['version']}, seed {SEED}, measured on "
        f"{seen['date']} on {seen['hardware']}, convolutions in {seen['dtype']}. The figures "
        "themselves are in [results.json](results.json), each with its own facts.",
        "",
        "A cell is PSNR in dB and SSIM, means over the pictures. `none` is the input itself, `+` "
        "the self-ensemble over eight turns and flips, `classical:` what a user would otherwise "
        "take, at one level. "
        f"{cost_of_bfloat16(rows)}"
        "The first and the last convolution are in float32 always. "
        "Noise is neither clipped nor rounded; restored pictures are rounded to 8 bit before they "
        "are measured. One network of ours serves all levels of its task, the paper trained one "
        "for each.",
        "",
        "The networks of the paper's Tables 2 to 6 were trained on DIV2K (RNAN) or on the data of "
        "their own papers; those of Table 8 on as little data as ours, so it is our yardstick.",
    ]
    for task in TASKS.values():
        ours = [row for row in rows if row.task == task.name]
        if not ours:
            continue
        lines += ["", heading(task)]
        lines += ["", f"Measured on: {task.protocol.name}."]
        if (DOCS / "figures" / f"{task.name}.png").exists():
            lines += ["", f"![A picture and crops before and after](figures/{task.name}.png)"]
        for dataset in task.test_sets:
            there = [row for row in ours if row.dataset == dataset]
            if there:
                said = table(there, published_for(task.name, dataset))
                lines += ["", f"### {dataset}", "", said]
    return "\n".join(lines) + "\n"


def cost_of_bfloat16(rows: list[Record]) -> str:
    """What the faster type costs, where both were measured."""
    found = {
        (row.method, row.dataset, row.level): row.value for row in rows if row.metric == "psnr"
    }
    differences = [
        abs(found[method.removesuffix(EXACT), dataset, level] - value)
        for (method, dataset, level), value in found.items()
        if method.endswith(EXACT)
    ]
    if not differences:
        return ""
    return (
        f"Rows that end in `{EXACT}` are computed in float32 throughout, at the first and the last "
        "level of a set that was measured in bfloat16: PSNR differs by at most "
        f"{max(differences):.4f} dB. "
    )


def is_kept(cell: Cell, absent: list[str]) -> bool:
    """Whether a row that cannot be measured this time still holds."""
    if cell.method.startswith(CHECKPOINT):
        return True
    name = cell.method.removesuffix("+").removesuffix(EXACT)
    current = name not in registry.bundled() or cell.weights == registry.card(name)["sha256"]
    return cell.dataset in absent and current


def known_facts(key: str) -> dict[str, Any]:
    """The fields of a cell from :func:`key`."""
    facts = json.loads(key)
    return {name: facts[name] for name in ("task", "dataset", "method", "level", "weights")}


def save(store: Path, done: dict[str, dict[str, Any]]) -> None:
    """Keep what has been measured."""
    write_whole(store, (json.dumps({"cells": done}, indent=1) + "\n").encode())


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with test/")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--task", choices=TASKS, action="append", help="measure this task alone; may be repeated"
    )
    parser.add_argument(
        "--page-only", action="store_true", help="write the page from what has been measured"
    )
    parser.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        metavar="TASK:LEVEL=FILE",
        help="an authors' checkpoint, which is for one level; may be repeated",
    )
    arguments = parser.parse_args()
    data = arguments.data / "test"
    sets = {name for task in TASKS.values() for name in task.test_sets}
    if absent := sorted(name for name in sets if not (data / name).is_dir()):
        if len(absent) == len(sets):
            parser.error(f"none of {', '.join(absent)} is in {data}")
        print(f"not measured, since {data} lacks them: {', '.join(absent)}")

    store = DOCS / "results.json"
    known: dict[str, dict[str, Any]] = {}
    if store.exists():
        known = json.loads(store.read_text(encoding="utf-8"))["cells"]
    wanted = {key(c, data): c for c in cells(data, parse_checkpoints(arguments.checkpoint))}
    done = {
        name: cell
        for name, cell in known.items()
        if name in wanted or is_kept(Cell(**known_facts(name)), absent)
    }
    done |= {name: found for name, cell in wanted.items() if (found := on_the_card(cell))}
    chosen = [] if arguments.page_only else arguments.task or [*TASKS]
    missing = [n for n, cell in wanted.items() if n not in done and cell.task in chosen]
    failed = 0
    with ProcessPoolExecutor(arguments.jobs, multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(measure_cell, wanted[name], data): name for name in missing}
        for future in as_completed(running):
            cell = wanted[running[future]]
            said = f"{cell.method} on {cell.dataset} at {cell.level}"
            try:
                done[running[future]] = future.result()
            except Exception as error:  # the others are worth keeping
                failed += 1
                print(f"{said}: {error!r}", flush=True)
                continue
            print(f"{len(done)}/{len(wanted)} {said}", flush=True)
            save(store, done)
    order = [name for name in wanted if name in done]
    done = {name: done[name] for name in [*order, *(n for n in done if n not in wanted)]}
    save(store, done)
    results = [Record(**row) for cell in done.values() for row in cell["records"]]
    (DOCS / "results.md").write_text(page(results, list(done.values())), encoding="utf-8")
    print(DOCS / "results.md")
    if failed:
        raise SystemExit(f"{failed} could not be measured")


if __name__ == "__main__":
    main()
