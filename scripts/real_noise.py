"""What networks for white noise do with a camera's, on a simulation of it.

    python scripts/real_noise.py --data ../shared/data

The 20 validation pictures get the noise of a sensor (Poisson and Gaussian, in linear light), then a
gamma and, in the second row, a JPEG; in the third row white noise and a JPEG. Measured: the input;
one σ, estimated as if the noise were white; what `--sigma auto` takes, which is a map of σ, or, for
a JPEG file, σ before compression; and the best of many single values, which nobody knows. Writes
docs/real-noise.md and docs/figures/real-noise.png.
"""

from __future__ import annotations

import argparse
import io
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pages import laid_between_marks
from rnan.api import load_restorer
from rnan.estimation import estimate_sigma
from rnan.evaluation.datasets import picture_files, references, split
from rnan.evaluation.metrics import as_eight_bit, psnr
from rnan.images import Picture, decode, write
from rnan.tasks import get_task

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "real-noise.md"
FIGURE = DOCS / "figures" / "real-noise.png"
PHOTONS, READ_NOISE, GAMMA = 150.0, 0.008, 2.2
"""Photons of white, noise of reading as a share of white, the tone curve."""
WHITE = 20.0
"""σ of the white noise."""
SIGMAS = (4, 6, 8, 10, 12, 15, 18, 22, 27, 33)

Restore = Callable[[Picture], Picture]


def exposed(gt: NDArray[np.float64], seed: int) -> Picture:
    """The picture as a small sensor sees it."""
    rng = np.random.default_rng(seed)
    light = (gt / 255.0) ** GAMMA
    measured = rng.poisson(light * PHOTONS) / PHOTONS + rng.normal(0.0, READ_NOISE, gt.shape)
    shown = as_eight_bit(255.0 * np.clip(measured, 0.0, 1.0) ** (1 / GAMMA))
    return Picture(pixels=shown.astype(np.uint8))


def with_white_noise(gt: NDArray[np.float64], seed: int) -> Picture:
    """The picture with noise that each pixel has for itself."""
    lq = gt + WHITE * np.random.default_rng(seed).standard_normal(gt.shape)
    return Picture(pixels=as_eight_bit(lq).astype(np.uint8))


def compressed(picture: Picture, quality: int) -> Picture:
    """The same as a file that was saved as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(picture.pixels).save(buffer, "JPEG", quality=quality)
    return decode(buffer.getvalue())


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    task = get_task("denoise-color")
    _, files = split(picture_files(data / "train" / "bsd398"))
    pictures = [picture.gt for picture in references(files, task)]
    restorer = load_restorer("denoise-color")

    def at(level: float | str) -> Restore:
        return lambda lq: restorer(lq, level=level)

    def as_white(lq: Picture) -> Picture:
        return at(min(estimate_sigma(lq.pixels, clipped=True), 75.0))(lq)

    rows, examples = [], []
    for name, noise, quality in (
        ("sensor and gamma", exposed, None),
        ("the same, JPEG 92", exposed, 92),
        (f"white, σ {WHITE:g}, JPEG 75", with_white_noise, 75),
    ):
        lqs = [noise(gt, seed) for seed, gt in enumerate(pictures)]
        lqs = [lq if quality is None else compressed(lq, quality) for lq in lqs]
        maps = sum(not isinstance(restorer.estimate(lq), float) for lq in lqs)

        def mean(restore: Restore, lqs: list[Picture] = lqs) -> float:
            return statistics.mean(
                psnr(gt, restore(lq).pixels.astype(np.float64))
                for gt, lq in zip(pictures, lqs, strict=True)
            )

        best = {sigma: mean(at(sigma)) for sigma in SIGMAS}
        chosen = max(best, key=best.__getitem__)
        cells = [mean(lambda lq: lq), mean(as_white), mean(at("auto")), best[chosen]]
        rows.append(
            f"| {name} | "
            + " | ".join(f"{cell:.2f}" for cell in cells)
            + f" (σ {chosen}) | {maps} of {len(lqs)} |"
        )
        print(rows[-1], flush=True)
        examples.append([lqs[3], as_white(lqs[3]), at("auto")(lqs[3])])
    head = (
        f"{PHOTONS:g} photons at white, reading noise {READ_NOISE:g} of white, gamma {GAMMA:g}; "
        "PSNR in dB, mean over the 20 validation pictures."
    )
    table = "\n".join(
        [
            head,
            "",
            "| noise | input | σ as of white noise | `--sigma auto` | best single σ | maps |",
            "|---|---|---|---|---|---|",
            *rows,
        ]
    )
    page = laid_between_marks(PAGE.read_text("utf-8"), Path(__file__).name, table)
    PAGE.write_text(page, encoding="utf-8")
    clean = as_eight_bit(pictures[3]).astype(np.uint8)
    shown = [np.concatenate([clean, *(one.pixels for one in row)], axis=1) for row in examples]
    write(Picture(pixels=np.concatenate(shown)), FIGURE, overwrite=True)


if __name__ == "__main__":
    main()
