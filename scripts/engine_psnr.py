"""Write docs/engine-psnr.json and its table in docs/bench.md: the test sets in MNN and in PyTorch.

    python scripts/engine_psnr.py --data ../shared/data

Every bundled network on every test set that is there, at all levels of docs/results.md, in float32.
What was measured before with the same weights and graphs is not measured again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pages import laid_between_marks
from results import levels_of
from rnan.api import load_restorer
from rnan.evaluation.datasets import picture_files, references
from rnan.evaluation.methods import network_for
from rnan.evaluation.report import hash_files
from rnan.evaluation.runner import measure
from rnan.images import write_whole
from rnan.tasks import TASKS, Task
from rnan.weights import registry

DOCS = Path(__file__).parent.parent / "docs"
STORE, PAGE = DOCS / "engine-psnr.json", DOCS / "bench.md"
ENGINES = ("torch", "mnn")


def psnr_of(task: Task, folder: Path, engine: str) -> dict[str, float]:
    """Mean PSNR at each level."""
    network = network_for(task, load_restorer(task.name, engine=engine, dtype="float32"))
    levels = [task.level(name) for name in levels_of(task)]
    pictures = references(picture_files(folder), task)
    scores = measure(task, pictures, levels, network, with_ssim=False)
    return {score.level.name: round(score.psnr, 5) for score in scores}


def made_of(task: Task) -> str:
    """Hash of the weights and of the graphs."""
    files = sorted(Path(registry.__file__).parent.glob(f"{task.name}*"))
    kinds = (".safetensors", ".mnn")
    mine = [f for f in files if f.stem.partition("-x")[0] == task.name and f.suffix in kinds]
    return hash_files(mine)[:16]


def main() -> None:
    """Measure what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with test/")
    data = parser.parse_args().data / "test"
    known = json.loads(STORE.read_text(encoding="utf-8")) if STORE.exists() else []
    rows: list[dict[str, object]] = []
    tasks = [task for name, task in TASKS.items() if name in registry.bundled()]
    places = [(task, dataset) for task in tasks for dataset in task.test_sets]
    for task, dataset in places:
        if not (data / dataset).is_dir():
            continue
        facts = {"task": task.name, "dataset": dataset, "made_of": made_of(task)}
        row = next((one for one in known if facts.items() <= one.items()), None)
        if row is None:
            row = facts | {engine: psnr_of(task, data / dataset, engine) for engine in ENGINES}
            print(row, flush=True)
        rows.append(row)
        write_whole(STORE, (json.dumps(rows, indent=1) + "\n").encode())
    page = PAGE.read_text(encoding="utf-8")
    text = laid_between_marks(page, "engine_psnr.py --data ../shared/data", table(rows))
    PAGE.write_text(text, encoding="utf-8")


def table(rows: list[dict[str, object]]) -> str:
    """One row for each network and data set."""
    lines = [
        "| network | test set | levels | largest difference of PSNR in dB |",
        "|---|---|---|---|",
    ]
    for row in rows:
        torch, mnn = (row[engine] for engine in ENGINES)
        assert isinstance(torch, dict)
        assert isinstance(mnn, dict)
        worst = max(abs(torch[level] - mnn[level]) for level in torch)
        lines.append(f"| {row['task']} | {row['dataset']} | {', '.join(torch)} | {worst:.4f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
