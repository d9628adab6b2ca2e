"""Write docs/export.json and its tables in docs/guide/programs.md: exports against PyTorch.

    python scripts/export_parity.py --data ../shared/data

Every network with test sets at every scale, in 32 and 16 bits: the largest difference on random
pictures of five sizes and on real ones, and what 16 bits cost in PSNR between the two results.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pages import laid_between_marks
from rnan.engines.device import hardware_name
from rnan.evaluation.datasets import picture_files
from rnan.export import largest_difference, to_onnx
from rnan.export.info import info_of
from rnan.images import read
from rnan.models.checkpoints import Checkpoint
from rnan.runtimes.onnxruntime import OnnxRuntimeGraph
from rnan.tasks import TASKS, Task, get_task
from rnan.tasks.level import Level
from rnan.weights import registry

ROOT = Path(__file__).parent.parent
JSON, PAGE = ROOT / "docs" / "export.json", ROOT / "docs" / "guide" / "programs.md"

PICTURES = 3
"""Real pictures of each network."""


def main() -> None:
    """Measure, or write the page from what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with test/; none writes the page only")
    arguments = parser.parse_args()
    if arguments.data is not None:
        rows = [
            measured(name, scale, arguments.data)
            for name, task in TASKS.items()
            if task.test_sets
            for scale in registry.load(name).config.scales
        ]
        content = {
            "hardware": hardware_name(torch.device("cpu")),
            "torch": torch.__version__,
            "rows": rows,
        }
        JSON.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    made = table(json.loads(JSON.read_text(encoding="utf-8")))
    page = laid_between_marks(PAGE.read_text(encoding="utf-8"), "export_parity.py", made)
    PAGE.write_text(page, encoding="utf-8")


def measured(name: str, scale: int, data: Path) -> dict[str, Any]:
    """One network at one scale."""
    checkpoint, task = registry.load(name), get_task(name)
    row: dict[str, Any] = {"name": name, "scale": scale}
    for kind, half in (("float32", False), ("float16", True)):
        content = to_onnx(checkpoint, task, name=name, scale=scale, half=half)
        graph = OnnxRuntimeGraph(content)
        info = info_of(graph.metadata, name=name)
        random = largest_difference(graph, info, checkpoint, task)
        pairs = [
            on_a_picture(graph, checkpoint, task, scale, file)
            for file in picture_files(data / "test" / task.test_sets[0])[:PICTURES]
        ]
        row[kind] = {
            "megabytes": len(content) / 1e6,
            "random": random,
            "real": max(float(np.abs(found - expected).max()) for found, expected in pairs),
            "psnr": float(np.mean([psnr(found, expected) for found, expected in pairs])),
        }
        print(row["name"], row["scale"], kind, row[kind], flush=True)
    return row


def on_a_picture(
    graph: OnnxRuntimeGraph, checkpoint: Checkpoint, task: Task, scale: int, file: Path
) -> tuple[Any, Any]:
    """A degraded picture through the export and through PyTorch."""
    words = [*task.table_levels, *(f"x{scale}" for _ in range(scale > 1))]
    level: Level = task.level(words[-1])
    gt = task.reference(read(file).pixels)
    side = 192 // scale * scale
    lq = task.degrade(gt[:side, : side + 60 // scale * scale], level, name=file.stem, seed=0) / 255
    picture = torch.from_numpy(lq.astype(np.float32)).permute(2, 0, 1)[None]
    given = [np.ascontiguousarray(picture.numpy())]
    told = None
    if checkpoint.config.level_channel:
        value = level.value / task.level_scale
        told = torch.full((1, 1, *picture.shape[-2:]), value)
        given.append(told.numpy())
    with torch.no_grad():
        expected = checkpoint.build()(picture, told, scale).numpy()
    return graph(*given), expected


def psnr(found: Any, expected: Any) -> float:
    """Of one result against the other, white at 1."""
    return float(-10 * np.log10(max(float(np.mean((found - expected) ** 2)), 1e-20)))


def table(content: dict[str, Any]) -> str:
    """The table of the page."""
    lines = [
        f"{content['hardware']}; torch {content['torch']}. Largest differences, white at 1.",
        "",
        "| network | scale | MB | random, 5 sizes | real | 16 bits: MB | random | real "
        "| PSNR to PyTorch, dB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in content["rows"]:
        whole, half = row["float32"], row["float16"]
        lines.append(
            f"| {row['name']} | {row['scale']} | {whole['megabytes']:.1f} | {whole['random']:.0e} "
            f"| {whole['real']:.0e} | {half['megabytes']:.1f} | {half['random']:.0e} "
            f"| {half['real']:.0e} | {half['psnr']:.0f} |"
        )
    return "\n".join(lines).replace("e-", "e\N{NON-BREAKING HYPHEN}")


if __name__ == "__main__":
    main()
