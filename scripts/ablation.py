"""The paper's ablation (Table 1) and Eq. 7 against Eq. 8, narrow, at one equal number of steps.

    python scripts/ablation.py --data ../shared/data --steps 250 --seeds 2

Every case is trained with every seed by recipes/ablation.yaml and measured at σ 30 on the
validation pictures and on kodak24. Goes on where it stopped: what is measured stands in
docs/lab/ablation.json; docs/lab/ablation.md gets its table, docs/figures/ablation.png is the plot.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from pages import laid_between_marks
from rnan.api import load_restorer
from rnan.engines.device import hardware_name
from rnan.engines.torch_device import choose_device
from rnan.evaluation.datasets import picture_files, references
from rnan.evaluation.methods import Network
from rnan.evaluation.published import published
from rnan.evaluation.runner import measure
from rnan.tasks import get_task
from rnan.training.preparation import levels_of
from rnan.training.recipe import load_config
from rnan.training.trainer import Trainer

ROOT = Path(__file__).parent.parent
RECIPE = ROOT / "recipes" / "ablation.yaml"
RESULTS = ROOT / "docs" / "lab" / "ablation.json"
PAGE = ROOT / "docs" / "lab" / "ablation.md"
FIGURE = ROOT / "docs" / "figures" / "ablation.png"
CASES: dict[str, tuple[str, ...]] = {
    **{f"case {case}": (f"model.preset=ablation-{case}",) for case in range(1, 9)},
    "case 8, Eq. 7": ("model.preset=ablation-8", "model.fields.keep_input=false"),
}
WHAT = {
    "case 1": "7 local blocks, no masks",
    "case 2": "7 local blocks",
    "case 3": "2 non-local, 5 local, no masks",
    "case 4": "2 non-local, 5 local",
    "case 5": "1 non-local, 1 local",
    "case 6": "2 non-local, 2 local",
    "case 7": "1 non-local, 5 local",
    "case 8": "2 non-local, 8 local",
    "case 8, Eq. 7": "the same, T·(M + 1) for T·M + x",
}


def train(case: str, seed: int, data: Path, steps: int) -> dict[str, Any]:
    """One run, measured."""
    folder = f"data.folders=[{data / 'train' / 'bsd398'}]"
    config = load_config(
        RECIPE, [*CASES[case], folder, f"seed={seed}", f"budget={{steps: {steps}}}"]
    )
    task = get_task(config.task)
    with tempfile.TemporaryDirectory() as place:
        result = Trainer(config, Path(place) / "run").run()
        network = Network(load_restorer(result.weights))
        pictures = references(picture_files(data / "test" / "kodak24"), task)
        (kodak,) = measure(task, pictures, levels_of(config, task), network, with_ssim=False)
        parameters = sum(tensor.numel() for tensor in network.restorer.engine.model.parameters())  # type: ignore[attr-defined]
    (validation,) = result.scores
    return {
        "validation": round(validation.psnr, 4),
        "kodak24": round(kodak.psnr, 4),
        "parameters": parameters,
    }


def mean_and_spread(values: list[float]) -> tuple[float, float]:
    """Mean over the seeds, and half of the range."""
    return statistics.mean(values), (max(values) - min(values)) / 2


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    seeds = {len(runs) for runs in results["runs"].values()}
    lines = [
        f"{results['hardware']}; {results['steps']} steps of 16 patches of 48x48 for every run, "
        f"{max(seeds)} seeds; PSNR in dB at σ 30, mean over the seeds ± half of their range. The "
        "paper's column is its Table 1 (full width, Urban100).",
        "",
        "| case | what | parameters | validation | kodak24 | paper |",
        "|---|---|---|---|---|---|",
    ]
    paper = {row.method: row.value for row in published() if row.table == "1"}
    for case in CASES:
        runs = list(results["runs"].get(case, {}).values())
        if not runs:
            continue
        cells = [
            "{:.2f} ± {:.2f}".format(*mean_and_spread([run[name] for run in runs]))
            for name in ("validation", "kodak24")
        ]
        number = case.removeprefix("case ")
        said = paper.get(f"case{number}")
        lines.append(
            f"| {number} | {WHAT[case]} | {runs[0]['parameters']:,} | {cells[0]} | {cells[1]} "
            f"| {'' if said is None else f'{said:.2f}'} |"
        )
    return "\n".join(lines)


def plot(results: dict[str, Any]) -> None:
    """Every run as a dot, every case's mean as a line."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained", sharey=True)
    cases = [case for case in CASES if results["runs"].get(case)]
    for panel, name in zip(panels, ("validation", "kodak24"), strict=True):
        for row, case in enumerate(cases):
            values = [run[name] for run in results["runs"][case].values()]
            panel.plot(values, [row] * len(values), "o", color="tab:blue", alpha=0.7)
            panel.plot([statistics.mean(values)] * 2, [row - 0.3, row + 0.3], color="black")
        panel.set(title=name, xlabel="PSNR at σ 30, dB")
        panel.grid(alpha=0.3)
    panels[0].set_yticks(range(len(cases)), [f"{case}: {WHAT[case]}" for case in cases])
    panels[0].invert_yaxis()
    figure.savefig(FIGURE, dpi=110)
    plt.close(figure)


def main() -> None:
    """Train what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--page", action="store_true", help="only write the page and the plot")
    arguments = parser.parse_args()
    results: dict[str, Any] = {"steps": arguments.steps, "runs": {}}
    if RESULTS.exists():
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
    for seed in range(0 if arguments.page else arguments.seeds):
        for case in CASES:
            runs = results["runs"].setdefault(case, {})
            if str(seed) in runs:
                continue
            results["hardware"] = hardware_name(choose_device("auto"))
            runs[str(seed)] = train(case, seed, arguments.data, results["steps"])
            print(case, seed, runs[str(seed)], flush=True)
            RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    page = laid_between_marks(PAGE.read_text("utf-8"), Path(__file__).name, table(results))
    PAGE.write_text(page, encoding="utf-8")
    plot(results)


if __name__ == "__main__":
    main()
