"""Draw the figures of the documents: one a task, as the paper's Figures 4 to 12, and the attention.

python scripts/figures.py --data ../shared/data
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from rnan.api import load_restorer
from rnan.cli.main import cli
from rnan.evaluation.attention_maps import attention_maps
from rnan.evaluation.datasets import references
from rnan.evaluation.methods import Network

FOLDER = Path(__file__).parent.parent / "docs" / "figures"
FIGURES = {
    "denoise-color": ("kodak24/kodim08.png", "50", "312,250,96,72", ["classical:nlm"]),
    "denoise-gray": ("kodak24/kodim19.png", "50", "250,120,112,84", ["classical:nlm"]),
    "demosaic": ("kodak24/kodim19.png", "grbg", "230,420,80,60", ["classical:menon"]),
    "dejpeg": ("classic5/barbara.png", "10", None, ["classical:nlm"]),
    "dejpeg-color": ("kodak24/kodim23.png", "10", "120,60,128,96", ["classical:nlm"]),
    "super-resolution": ("set14/zebra.png", "x4", "200,100,96,72", ["classical:bicubic"]),
}
"""Picture, level, crop and what stands beside the bundled network."""


PIXELS = ((150, 400), (300, 560), (420, 330))
"""Row and column of the pixels whose attention is shown, in kodim08."""


def draw_attention(folder: Path) -> None:
    """What a network attends to: the masks of its blocks, and the weights of three pixels."""
    restorer = load_restorer("dejpeg-color")
    task = restorer.task
    (reference,) = references([folder / "kodak24" / "kodim08.png"], task)
    level = task.level("10")
    lq = task.degrade(reference.gt, level, name=reference.name, seed=0)
    maps = [attention_maps(Network(restorer), lq, level, pixel) for pixel in PIXELS]
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    axes = figure.subplots(2, 3)
    axes[0, 0].imshow(np.clip(lq, 0, 255).astype(np.uint8))
    axes[0, 0].set_title("input, quality 10, three pixels marked")
    for number, (row, column) in enumerate(PIXELS):
        axes[0, 0].plot(column, row, "o", color=f"C{number + 1}", markeredgecolor="white")
    for place, (name, mask) in zip(axes[0, 1:], maps[0].masks.items(), strict=True):
        place.imshow(mask, cmap="gray")
        place.set_title(f"mask of block {name}")
    for number, (place, one, pixel) in enumerate(zip(axes[1], maps, PIXELS, strict=True)):
        (weights,) = one.weights.values()
        rows, columns = np.nonzero(weights)
        top, left = 2 * rows.min(), 2 * columns.min()
        window = weights[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        height, width = (2 * side for side in window.shape)
        extent = (left, left + width, top + height, top)
        shown = np.clip(lq[top : top + height, left : left + width], 0, 255).astype(np.uint8)
        place.imshow(shown, extent=extent)
        place.imshow(window, extent=extent, cmap="inferno", alpha=0.75)
        place.plot(pixel[1], pixel[0], "o", color=f"C{number + 1}", markeredgecolor="white")
        place.set_title("weights in the pixel's window")
    for place in axes.flat:
        place.set_axis_off()
    figure.savefig(FOLDER / "attention.png", dpi=110)


def main() -> None:
    """Draw them all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder with test/")
    folder = parser.parse_args().data / "test"
    for task, (picture, level, crop, others) in FIGURES.items():
        models = [word for name in (*others, task) for word in ("--model", name)]
        where = ["--crop", crop] if crop else []
        output = ["-o", str(FOLDER / f"{task}.png"), "--overwrite"]
        arguments = [task, str(folder / picture), "--level", level, *where, *models, *output]
        cli.main(["figure", *arguments], standalone_mode=False)
    draw_attention(folder)


if __name__ == "__main__":
    main()
