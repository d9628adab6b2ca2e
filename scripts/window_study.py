"""PSNR and time over the size of the attention windows, the whole picture included.

    python scripts/window_study.py --data ../shared/data

The bundled networks, as they are, with other windows than they were trained with, on the 20
validation pictures. Figures are kept in docs/lab/window-study.json, those of other weights are
measured anew. Writes docs/lab/window-study.md and docs/figures/window-study.png.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from pages import laid_between_marks
from rnan.engines.device import hardware_name
from rnan.engines.torch import TorchEngine
from rnan.engines.torch_device import choose_device, choose_dtype
from rnan.evaluation.datasets import picture_files, references, split
from rnan.evaluation.methods import Network
from rnan.evaluation.runner import measure
from rnan.inference import RestoreOptions, Restorer
from rnan.options.restoring import Attention
from rnan.tasks import get_task
from rnan.weights import registry

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "lab" / "window-study.md"
STORE = DOCS / "lab" / "window-study.json"
FIGURE = DOCS / "figures" / "window-study.png"
NETWORKS = {
    "denoise-color": "50",
    "denoise-gray": "50",
    "demosaic": "grbg",
    "dejpeg-color": "10",
    "super-resolution": "x2",
}
WINDOWS = (6, 12, 24, 48, 96, None)
"""In pixels of the feature map; none for the whole picture."""
REPORTED = {"denoise-color": "cbsd68", "super-resolution": "set14"}
"""Test sets on which the chosen windows are compared with the whole picture afterwards."""


def restorer(name: str, window: int | None) -> Restorer:
    """The bundled network with other windows."""
    weights = registry.load(name)
    config = dataclasses.replace(weights.config, window=window)
    attention: Attention = "window" if window else "whole"
    device = choose_device("auto")
    engine = TorchEngine(
        dataclasses.replace(weights, config=config).build(),
        device=device,
        dtype=choose_dtype("auto", device),
        attention=attention,
    )
    return Restorer(get_task(name), engine, RestoreOptions(attention=attention))


def study(name: str, data: Path) -> list[tuple[float, float]]:
    """PSNR and seconds for a megapixel of the input, by window."""
    _, files = split(picture_files(data / "train" / "bsd398"))
    task = get_task(name)
    level = task.level(NETWORKS[name])
    pictures = list(references(files, task))
    pixels = sum(one.gt.shape[0] * one.gt.shape[1] for one in pictures) / level.scale**2
    found = []
    for window in WINDOWS:
        (score,) = measure(
            task, pictures, [level], Network(restorer(name, window)), with_ssim=False
        )
        found.append((score.psnr, score.seconds * len(pictures) / pixels * 1e6))
        print(name, window, *found[-1], flush=True)
    return found


def on_a_test_set(name: str, folder: Path) -> str:
    """A sentence: PSNR with the windows of the weights, and with the whole picture."""
    task = get_task(name)
    pictures = list(references(picture_files(folder), task))
    chosen = registry.load(name).config.window
    psnr = [
        measure(
            task,
            pictures,
            [task.level(NETWORKS[name])],
            Network(restorer(name, window)),
            with_ssim=False,
        )[0].psnr
        for window in (chosen, None)
    ]
    return (
        f"{folder.name}, `{name}` at {NETWORKS[name]}: {psnr[0]:.3f} dB in windows of {chosen}, "
        f"{psnr[1]:.3f} dB over the whole picture."
    )


def table(found: dict[str, list[tuple[float, float]]]) -> str:
    """Markdown."""
    lines = [
        f"{hardware_name(choose_device('auto'))}; PSNR in dB, seconds for a megapixel of input.",
        "",
        "| network, level | " + " | ".join(str(window or "whole") for window in WINDOWS) + " |",
        "|---|" + "---|" * len(WINDOWS),
    ]
    for name, row in found.items():
        cells = " | ".join(f"{psnr:.3f}, {seconds:.2f} s" for psnr, seconds in row)
        lines.append(f"| {name}, {NETWORKS[name]} | {cells} |")
    psnr = [[value for value, _ in row] for row in found.values()]
    loss = max(max(row) - min(row) for row in psnr)
    lines += ["", f"No window is more than {loss:.4f} dB behind the best of its row."]
    return "\n".join(lines)


def plot(found: dict[str, list[tuple[float, float]]]) -> None:
    """Loss against the best window, and time."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    names = [str(window or "whole") for window in WINDOWS]
    for name, row in found.items():
        best = max(psnr for psnr, _ in row)
        panels[0].plot(names, [psnr - best for psnr, _ in row], "o-", label=name)
        panels[1].plot(names, [seconds for _, seconds in row], "o-", label=name)
    panels[0].axhline(-0.02, color="gray", linestyle=":")
    panels[0].set(xlabel="window", ylabel="PSNR to the best, dB")
    panels[1].set(xlabel="window", ylabel="seconds a megapixel", yscale="log")
    for panel in panels:
        panel.grid(alpha=0.3)
    panels[0].legend(fontsize="small")
    figure.savefig(FIGURE, dpi=110)


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    known: dict[str, Any] = {}
    if STORE.exists():
        known = json.loads(STORE.read_text("utf-8"))
    for name in NETWORKS:
        weights = registry.card(name)["sha256"]
        if known.get(name, {}).get("weights") == weights:
            continue
        known[name] = {"weights": weights, "figures": study(name, data)}
        if name in REPORTED:
            known[name]["said"] = on_a_test_set(name, data / "test" / REPORTED[name])
        STORE.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    found = {name: known[name]["figures"] for name in NETWORKS}
    said = "\n\n".join([table(found), *(known[name]["said"] for name in REPORTED)])
    page = laid_between_marks(PAGE.read_text("utf-8"), Path(__file__).name, said)
    PAGE.write_text(page, encoding="utf-8")
    plot(found)


if __name__ == "__main__":
    main()
