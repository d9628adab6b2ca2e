"""Write the figures of the bundled weights' card into the README.

python scripts/readme_results.py
"""

from __future__ import annotations

import re
from pathlib import Path

from rnan.weights import registry

README = Path(__file__).parent.parent / "README.md"
MARKS = ("<!-- results: scripts/readme_results.py -->", "<!-- /results -->")


def table(name: str) -> str:
    """Markdown: one line a test set, PSNR / SSIM for each level."""
    metrics = registry.card(name)["metrics"]
    levels = sorted({row["level"] for row in metrics}, key=float)
    values = {(row["dataset"], row["level"], row["metric"]): row["value"] for row in metrics}
    lines = [
        f"| {name} | " + " | ".join(f"σ {level}" for level in levels) + " |",
        "|---|" + "---|" * len(levels),
    ]
    for dataset in sorted({row["dataset"] for row in metrics}):
        cells = [
            f"{values[dataset, level, 'psnr']:.2f} / {values[dataset, level, 'ssim']:.4f}"
            for level in levels
        ]
        lines.append(f"| {dataset} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def with_results(text: str) -> str:
    """The README with the tables between the marks made anew."""
    tables = "\n\n".join(table(name) for name in registry.bundled())
    pattern = re.escape(MARKS[0]) + ".*?" + re.escape(MARKS[1])
    return re.sub(pattern, lambda _: f"{MARKS[0]}\n{tables}\n{MARKS[1]}", text, flags=re.DOTALL)


if __name__ == "__main__":
    README.write_text(with_results(README.read_text(encoding="utf-8")), encoding="utf-8")
