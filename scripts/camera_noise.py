"""What the synthetic camera's noise is like, beside that of real cameras; and networks against it.

    python scripts/camera_noise.py --data ../shared/data
    python scripts/camera_noise.py --data ../shared/data --weights FILE [FILE ...]

The first prints, for real pairs and for validation pictures that synthetic cameras took, how
strong the noise is and how far it is correlated. The second measures weights on those validation
pictures (crops of 256x256, four cameras each), told nothing, told how strong the noise is, and as
`rnan auto` does it: told what is estimated, and left alone where that is little.
Nothing real is looked at for that: what is chosen is chosen on synthetic cameras.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rnan import load_restorer
from rnan.estimation import estimate_sigma
from rnan.estimation.camera_noise import VISIBLE, estimate_camera_noise
from rnan.evaluation.datasets import picture_files, split
from rnan.images import read
from rnan.training.photographed import UNKNOWN, taken

Array = NDArray[np.float64]

_CROP, _CAMERAS, _SEED = 256, 4, 20_000


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", nargs="*", default=[])
    options = parser.parse_args()
    if not options.weights:
        print_noise(options.data)
    for weights in options.weights:
        print(weights, *(f"{value:.3f}" for value in measured(options.data, weights)))


def print_noise(data: Path) -> None:
    """A row for each figure: 10th, 50th and 90th percentile, real and synthetic."""
    real = [figures(lq, gt) for lq, gt in real_pairs(data / "test" / "camera16")]
    made = [figures(lq, gt) for lq, gt, _ in synthetic_pairs(data / "train")]
    print("| 10 / 50 / 90 % | real | synthetic |\n|---|---|---|")
    for name in real[0]:
        cells = [
            " / ".join(f"{value:.2f}" for value in np.nanpercentile(column, [10, 50, 90]))
            for column in ([row[name] for row in rows] for rows in (real, made))
        ]
        print(f"| {name} | {cells[0]} | {cells[1]} |")


def figures(lq: Array, gt: Array) -> dict[str, float]:
    """Strength and correlations of what was added; pictures ``(H, W, 3)`` on the 0-255 scale."""
    noise = lq - gt
    noise = noise - noise.mean((0, 1))
    red, green, blue = noise.transpose(2, 0, 1)
    bright = gt.mean(2) > np.median(gt)
    return {
        "rms": float(np.sqrt(np.square(noise).mean())),
        "correlation, next pixel": correlation(green[:, 1:], green[:, :-1]),
        "next row": correlation(green[1:], green[:-1]),
        "two pixels on": correlation(green[:, 2:], green[:, :-2]),
        "four pixels on": correlation(green[:, 4:], green[:, :-4]),
        "chroma, next pixel": correlation((red - green)[:, 1:], (red - green)[:, :-1]),
        "red and green": correlation(red, green),
        "blue and green": correlation(blue, green),
        "rms of red over green": float(red.std() / green.std()),
        "rms of blue over green": float(blue.std() / green.std()),
        "rms in the dark over the bright": float(noise[~bright].std() / noise[bright].std()),
        "estimated as white noise": estimate_sigma(lq, clipped=True),
    }


def correlation(a: Array, b: Array) -> float:
    """Of two planes; nan where one is flat, as the chroma of gray photographs."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) if min(a.std(), b.std()) else np.nan


def real_pairs(folder: Path) -> Iterator[tuple[Array, Array]]:
    """Noisy photographs and their truths, on the 0-255 scale."""
    for lq in sorted((folder / "lq").iterdir()):
        gt = folder / "gt" / f"{lq.stem}.png"
        yield read(lq).pixels.astype(np.float64), read(gt).pixels.astype(np.float64)


def synthetic_pairs(train: Path) -> Iterator[tuple[Array, Array, float]]:
    """Validation pictures: what cameras made of them, references, and how strong the noise is."""
    folders = ("bsd398", "cid22")
    files = [file for name in folders for file in split(picture_files(train / name))[1]]
    for number, file in enumerate(files):
        clean = middle(read(file).pixels)
        gt = torch.from_numpy(clean.astype(np.float32) / 255.0).permute(2, 0, 1)
        index = torch.arange(_CAMERAS) + _CAMERAS * number
        lq, gt, noise = taken(gt.expand(_CAMERAS, -1, -1, -1), index, seed=_SEED)
        for one, truth, level in zip(lq, gt, noise.tolist(), strict=True):
            shown = [255.0 * plane.permute(1, 2, 0).double().numpy() for plane in (one, truth)]
            yield shown[0], shown[1], level


def middle(pixels: NDArray[Any]) -> NDArray[Any]:
    """A crop."""
    top, left = ((side - _CROP) // 2 for side in pixels.shape[:2])
    return pixels[top : top + _CROP, left : left + _CROP]


def measured(data: Path, weights: str | Path) -> list[float]:
    """Mean PSNR: noisy; restored, told nothing; told; by estimate; then of three strengths."""
    restorer = load_restorer(weights)
    rows = []
    for lq, gt, level in synthetic_pairs(data / "train"):
        seen = lq.astype(np.float32) / 255.0
        blind = restorer(seen, level=UNKNOWN).astype(np.float64)
        told = restorer(seen, level=min(level, 50.0)).astype(np.float64)
        found = estimate_camera_noise(lq)
        estimated = lq / 255.0
        if found.sigma >= VISIBLE and not found.is_white:
            estimated = restorer(seen, level=min(found.sigma, 50.0)).astype(np.float64)
        ways = lq, *(255.0 * one for one in (blind, told, estimated))
        rows.append([psnr(one, gt) for one in ways] + [level])
    table = np.array(rows)
    parts = [(0.0, 2.0), (2.0, 6.0), (6.0, 255.0)]
    chosen = [table[(table[:, 4] >= low) & (table[:, 4] < high), :4].mean(0) for low, high in parts]
    return [*table[:, :4].mean(0), *np.concatenate(chosen)]


def psnr(one: Array, gt: Array) -> float:
    """In dB, of values that are limited and rounded first."""
    error = np.square(np.clip(np.rint(one), 0, 255) - gt).mean()
    return float(10.0 * np.log10(255.0**2 / max(error, 1e-6)))


if __name__ == "__main__":
    main()
