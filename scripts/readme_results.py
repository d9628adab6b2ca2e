"""Write the figures of docs/results.json into the README: one level of each task.

python scripts/readme_results.py
"""

from __future__ import annotations

import json
from pathlib import Path

from pages import laid_between_marks
from rnan.evaluation.published import published_for
from rnan.evaluation.records import Record
from rnan.evaluation.report import markdown
from rnan.tasks import TASKS

OWN_DATA = "8"
"""The table of the paper whose networks were trained on little data, as ours are."""

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
HEAD = ["task, level", "pictures", "input", "classical", "rnan", "rnan +", "paper"]


def table(rows: list[Record]) -> str:
    """Markdown: PSNR in dB of the input, the best classical method, our networks, the paper's."""
    lines = [HEAD]
    for task in TASKS.values():
        if not task.test_sets:
            continue  # photographs have a page of their own
        ours = [row for row in rows if (row.task, row.metric) == (task.name, "psnr")]
        # The level at which the classical methods were measured.
        level = next(row.level for row in ours if row.method.startswith("classical:"))
        ours = [row for row in ours if row.level == level]
        for dataset in dict.fromkeys(row.dataset for row in ours):
            values = {row.method: row.value for row in ours if row.dataset == dataset}
            classical = [v for name, v in values.items() if name.startswith("classical:")]
            paper = [
                row.value
                for row in published_for(task.name, dataset)
                if (row.table, row.method, row.level, row.metric)
                == (OWN_DATA, "RNAN", level, "psnr")
            ]
            figures = [
                values.get("none"),
                max(classical, default=None),
                values.get(task.name),
                values.get(f"{task.name}+"),
                paper[0] if paper else None,
            ]
            cells = ["" if value is None else f"{value:.2f}" for value in figures]
            lines.append([f"{task.name}, {level}", dataset, *cells])
    return markdown(lines)


def with_results(text: str) -> str:
    """The README with the table between the marks made anew."""
    cells = json.loads((ROOT / "docs" / "results.json").read_text(encoding="utf-8"))["cells"]
    said = table([Record(**row) for cell in cells.values() for row in cell["records"]])
    return laid_between_marks(text, Path(__file__).name, said)


if __name__ == "__main__":
    README.write_text(with_results(README.read_text(encoding="utf-8")), encoding="utf-8")
