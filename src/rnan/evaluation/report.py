"""Results as tables for people, and as files that other programs read."""

import csv
import datetime
import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from rnan import __version__
from rnan.engines import Engine
from rnan.engines.device import hardware_name, has_torch
from rnan.evaluation.published import is_comparable, remark, trained_on
from rnan.evaluation.records import COLUMNS, Record
from rnan.evaluation.runner import Measured
from rnan.images import write_whole
from rnan.tasks import Task
from rnan.weights import registry


def facts(
    *,
    task: Task,
    files: list[Path],
    lq_files: list[Path] | None,
    seed: int,
    quantise_lq: bool,
    models: Iterable[str],
    engine: Engine | None,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """What was run, on what and where: version, protocol, seed, date, hardware, hashes.

    Given inputs have a hash instead of a seed. Several models have their hashes under their names.
    """
    hashes = {model: _hash_weights(model) for model in models}
    return {
        "version": __version__,
        "torch": metadata.version("torch") if has_torch() else "",
        "protocol": task.protocol.name + (", input clipped and rounded" if quantise_lq else ""),
        "seed": seed if lq_files is None else None,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": hardware_name(engine.device if engine else "cpu"),
        "dtype": str(getattr(engine, "dtype", "float64")).removeprefix("torch."),
        "attention": engine.attention if engine else "",
        "seconds_per_picture": {method: round(took, 4) for method, took in seconds.items()},
        "data_sha256": hash_files(files),
        "lq_sha256": hash_files(lq_files) if lq_files is not None else "",
        "weights_sha256": hashes if len(hashes) > 1 else next(iter(hashes.values())),
    }


def write_json(path: Path, records: list[Record], run: dict[str, Any]) -> None:
    """Write ``records`` and what :func:`facts` says about the ``run``."""
    content = {"records": [row.as_dict() for row in records], "run": run}
    write_whole(path, json.dumps(content, indent=2).encode())


def write_csv(path: Path, records: list[Record]) -> None:
    """Write records with the columns of ``published.csv``."""
    _write_rows(path, COLUMNS, [row.as_dict() for row in records])


def figures_of(one: Measured, *, method: str) -> dict[str, Any]:
    """One picture's row for :func:`write_each`: what was measured of it, not rounded."""
    return {
        "method": method,
        "level": one.level.name,
        "picture": one.name,
        "psnr": one.psnr,
        "ssim": one.ssim,
        "seconds": round(one.seconds, 4),
    }


def write_each(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows of :func:`figures_of` as CSV."""
    _write_rows(path, list(rows[0]), rows)


def _write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, os.fsencode(text.getvalue()))


def table(ours: Sequence[Record], published: Sequence[Record]) -> str:
    """A Markdown table of one data set: ours, then the paper's rows of the same levels.

    A cell is PSNR in dB and SSIM. Remarks stand below the table.
    """
    levels = list(dict.fromkeys(row.level for row in ours))
    methods = list(dict.fromkeys(row.method for row in ours))
    rows = [
        ["", "trained on", *levels],
        *([m, "", *_cells([r for r in ours if r.method == m], levels)] for m in methods),
    ]
    remarks: dict[str, None] = {}
    for key in dict.fromkeys((row.table, row.method, trained_on(row)) for row in published):
        number, method, data = key
        group = [r for r in published if (r.table, r.method, trained_on(r)) == key]
        cells = _cells([r for r in group if is_comparable(r)], levels)
        if not any(cells):
            continue
        notes = list(dict.fromkeys(remark(row) for row in group if remark(row)))
        remarks.update(dict.fromkeys(notes))
        marks = "".join(f" [{list(remarks).index(text) + 1}]" for text in notes)
        rows.append([f"{method}, Table {number}{marks}", data, *cells])
    notes = [f"[{number}] {text}." for number, text in enumerate(remarks, start=1)]
    return "\n".join([markdown(rows), *(["", *notes] if notes else [])])


def markdown(rows: list[list[str]]) -> str:
    """Rows of cells as a Markdown table, aligned; the first row is the head."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *lines[1:]])


def _cells(rows: Iterable[Record], levels: list[str]) -> list[str]:
    values = {(row.level, row.metric): row.value for row in rows}
    cells = []
    for level in levels:
        psnr, ssim = values.get((level, "psnr")), values.get((level, "ssim"))
        parts = [f"{psnr:.2f}"] if psnr is not None else []
        parts += [f"{ssim:.4f}"] if ssim is not None else []
        cells.append(" / ".join(parts))
    return cells


def hash_files(files: list[Path]) -> str:
    """SHA-256 of the names and contents of files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(os.fsencode(file.name))
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _hash_weights(model: str) -> str:
    if model == "none" or model.startswith("classical:"):
        return ""
    if model in registry.names():
        return str(registry.card(model)["sha256"])
    return hashlib.sha256(Path(model.removeprefix("peer:")).read_bytes()).hexdigest()
