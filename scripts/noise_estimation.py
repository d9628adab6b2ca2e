"""Measure ``--sigma auto`` on clean pictures that are given noise, and write a Markdown page.

python scripts/noise_estimation.py ../shared/data/test/kodak24 docs/noise-estimation.md
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from rnan.api import load_restorer
from rnan.degradations.noise import noisy
from rnan.estimation import estimate_sigma
from rnan.evaluation.datasets import Reference, picture_files, references
from rnan.evaluation.metrics import as_eight_bit, psnr
from rnan.images.colour import to_gray
from rnan.tasks import get_task

LEVELS = (0, 1, 2, 3, 4, 5, 10, 30, 50, 70)

PAGE = """# How well the noise is estimated

`rnan.estimation.estimate_sigma` on {dataset} ({count} pictures) with white Gaussian noise: the
median error, and the worst in brackets, on the 0-255 scale. "8 bit" is the same noise clipped to
0-255 and rounded. Gray is the rounded luminance with noise added afterwards. The estimator was
tuned on training pictures only. Made by `scripts/noise_estimation.py`.

{table}

A clean photograph through `--sigma auto` keeps {kept:.1f} dB to itself in the median, {least:.1f}
at least.

What it does badly: gray pictures that are texture throughout read several units too high when
they are clean; noise that is correlated between pixels or channels (demosaiced, denoised or
compressed after it arose) reads too low, and has an
estimate of its own ([real noise](real-noise.md)); below about 14 pixels a side it is a rough guess.
"""


def errors(pictures: list[Reference], sigma: int, *, gray: bool, clipped: bool) -> str:
    """Median and worst error as one cell."""
    found = []
    for picture in pictures:
        gt = np.rint(to_gray(picture.gt)) if gray else picture.gt
        lq = noisy(gt, sigma, name=picture.name)
        estimate = estimate_sigma(as_eight_bit(lq) if clipped else lq, clipped=clipped)
        found.append(abs(estimate - sigma))
    return f"{np.median(found):.2f} ({max(found):.2f})"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("page", type=Path)
    arguments = parser.parse_args()
    pictures = list(references(picture_files(arguments.folder), get_task("denoise-color")))
    rows = ["| σ | " + " | ".join(map(str, LEVELS)) + " |", "|---|" + "---|" * len(LEVELS)]
    for gray in (False, True):
        for clipped in (False, True):
            name = f"{'gray' if gray else 'colour'}, {'8 bit' if clipped else 'unclipped'}"
            cells = [errors(pictures, sigma, gray=gray, clipped=clipped) for sigma in LEVELS]
            rows.append(f"| {name} | " + " | ".join(cells) + " |")
    restorer = load_restorer()
    kept = [
        psnr(restorer(p.gt.astype(np.uint8), level="auto").astype(np.float64), p.gt)
        for p in pictures
    ]
    arguments.page.write_text(
        PAGE.format(
            dataset=arguments.folder.name,
            count=len(pictures),
            table="\n".join(rows),
            kept=float(np.median(kept)),
            least=min(kept),
        ),
        encoding="utf-8",
    )
    print(arguments.page)


if __name__ == "__main__":
    main()
