"""Photographs as cameras saved them, through us and others; and what is done to clean pictures.

    python scripts/real_noise.py --data ../shared/data

Measured: camera16 (16 crops of untouched JPEGs, ISO 800 to 12800, against the mean of hundreds of
shots), where methods that have to be told how strong the noise is are told what serves them best;
clean pictures through `rnan auto`, against themselves; and white noise through `rnan auto`, beside
the network for white noise alone. Writes docs/real-noise.md and docs/figures/real-noise.png.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pages import laid_between_marks
from rnan.cli.measuring import Measurement, load_measurement
from rnan.degradations.noise import noisy
from rnan.evaluation.datasets import pair, picture_files, references
from rnan.evaluation.metrics import as_eight_bit, psnr, ssim
from rnan.evaluation.runner import Measured, measure
from rnan.images import Picture, read, write
from rnan.inference.restorers import Restorers
from rnan.options.request import make_request
from rnan.pipeline.pipeline import Pipeline
from rnan.tasks import get_measured

DOCS = Path(__file__).parent.parent / "docs"
PAGE, FIGURE = DOCS / "real-noise.md", DOCS / "figures" / "real-noise.png"
DRAWN = ("none", "denoise-color", "denoise-camera")
"""What the figure shows, beside the truth."""
TASK = get_measured("camera")
CAMERAS = ("Canon5D2", "Canon80D", "Nikon800", "SonyA7II")
SHOWN = {
    "Canon5D2_bag": (180, 200),
    "Canon80D_ball": (180, 180),
    "Nikon800_plant": (150, 200),
    "SonyA7II_class": (200, 180),
}
"""Pictures of the figure, and the row and column where their crops begin."""
SIDE = 180
CLEAN = ("kodak24", "cbsd68")
WHITE = (10, 25, 50)

Array = NDArray[np.float64]


def camera_table(folder: Path) -> tuple[list[str], dict[str, dict[str, Array]]]:
    """A row for each method; and what each made of the pictures, by name."""
    files = picture_files(folder / "gt")
    lq_files = pair(files, folder / "lq")
    plan = load_measurement(
        TASK, (), models=(), seed=0, quantise_lq=False, assume=None, self_ensemble=False
    )
    lines = [f"| PSNR in dB / SSIM | all | {' | '.join(CAMERAS)} |", "|---|" + "---|" * 5]
    made: dict[str, dict[str, Array]] = {}
    for method in plan.methods:
        level, rows = best_of(method, files, lq_files)
        made[method.name] = {one.name: one.restored for one in rows}
        name = f"{method.name}, told {level}" if method.tried else method.name
        lines.append(row(name, [(one.name, one.psnr, one.ssim or 0.0) for one in rows]))
    made["truth"] = {one.name: one.gt for one in rows}
    auto = Pipeline(make_request("auto", {}))
    figures = []
    for file in files:
        restored = auto.restore(read(lq_files[file])).picture.pixels.astype(np.float64)
        gt = read(file).pixels.astype(np.float64)
        figures.append((file.stem, psnr(restored, gt), ssim(restored, gt)))
    lines.append(row("`rnan auto`, on the files", figures))
    return lines, made


def best_of(
    method: Measurement, files: list[Path], lq_files: dict[Path, Path]
) -> tuple[str, list[Measured]]:
    """The level that serves a method best, and what it makes of the pictures then."""
    best: tuple[float, str, list[Measured]] | None = None
    for level in method.levels:
        rows: list[Measured] = []
        pictures = references(files, TASK, lq_files=lq_files)
        (score,) = measure(TASK, pictures, [level], method.run, keep=rows.append)
        if best is None or score.psnr > best[0]:
            best = score.psnr, level.name, rows
    assert best is not None
    return best[1:]


def row(name: str, figures: list[tuple[str, float, float]]) -> str:
    """Means over all pictures and over those of each camera."""
    cells = []
    for camera in ("", *CAMERAS):
        chosen = [figure[1:] for figure in figures if figure[0].startswith(camera)]
        quality, likeness = np.mean(chosen, axis=0)
        cells.append(f"{quality:.2f} / {likeness:.4f}")
    return f"| {name} | {' | '.join(cells)} |"


def clean_table(test: Path) -> list[str]:
    """What `rnan auto` does to clean pictures."""
    auto = Pipeline(make_request("auto", {}))
    lines = [
        "| clean pictures through `rnan auto` | left alone | PSNR to themselves, median | worst |",
        "|---|---|---|---|",
    ]
    for dataset in CLEAN:
        kept, alone = [], 0
        files = picture_files(test / dataset)
        for file in files:
            picture = read(file)
            result = auto.restore(picture)
            alone += not result.steps
            kept.append(fidelity(result.picture.pixels, picture.pixels))
        lines.append(
            f"| {dataset} | {alone} of {len(files)} | {in_words(np.median(kept))} | "
            f"{in_words(min(kept))} |"
        )
    return lines


def truths_table(folder: Path) -> list[str]:
    """The truths of camera16, which were JPEGs, through `rnan auto` and through repair alone."""
    auto, repair = (Pipeline(make_request(name, {})) for name in ("auto", "dejpeg"))
    kept: dict[str, list[float]] = {"auto": [], "dejpeg": []}
    for file in picture_files(folder / "gt"):
        picture = read(file)
        for name, pipeline in (("auto", auto), ("dejpeg", repair)):
            kept[name].append(fidelity(pipeline.restore(picture).picture.pixels, picture.pixels))
    return [
        f"| camera16's truths, by {name} | | {in_words(np.median(values))} | "
        f"{in_words(min(values))} |"
        for name, values in kept.items()
    ]


def fidelity(restored: NDArray[np.uint8], before: NDArray[np.uint8]) -> float:
    """PSNR of a picture to itself; infinite where nothing was done."""
    if np.array_equal(restored, before):
        return float("inf")
    return psnr(restored.astype(np.float64), before.astype(np.float64))


def in_words(value: float) -> str:
    """A figure, or that there is none."""
    return "the same" if np.isinf(value) else f"{value:.1f} dB"


def white_table(folder: Path) -> list[str]:
    """White noise, of which nobody says that it is white."""
    auto = Pipeline(make_request("auto", {}))
    white = Restorers("denoise").for_channels(3)
    lines = [
        f"| white noise on {folder.name}, PSNR in dB | "
        + " | ".join(f"σ {sigma}" for sigma in WHITE)
        + " |",
        "|---|" + "---|" * len(WHITE),
    ]
    ways: dict[str, Callable[[Picture], Picture]] = {
        "`rnan auto`": lambda picture: auto.restore(picture).picture,
        "denoise-color, σ estimated": lambda picture: white(picture),
    }
    for name, restored in ways.items():
        cells = [f"{np.mean([*scores(folder, sigma, restored)]):.2f}" for sigma in WHITE]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def scores(folder: Path, sigma: int, restored: Callable[[Picture], Picture]) -> Iterable[float]:
    """PSNR of each picture."""
    for file in picture_files(folder):
        gt = read(file).pixels.astype(np.float64)
        lq = as_eight_bit(noisy(gt, sigma, name=file.stem)).astype(np.uint8)
        yield psnr(restored(Picture(pixels=lq)).pixels.astype(np.float64), gt)


def draw(made: dict[str, dict[str, Array]]) -> None:
    """Crops of four cameras at 1:1: as saved, by white noise's network, ours, the truth."""
    rows = []
    for name, (top, left) in SHOWN.items():
        shown = [
            as_eight_bit(made[method][name])[top : top + SIDE, left : left + SIDE]
            for method in (*DRAWN, "truth")
        ]
        rows.append(np.concatenate(shown, axis=1))
    write(Picture(pixels=np.concatenate(rows).astype(np.uint8)), FIGURE, overwrite=True)


def main() -> None:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    test = parser.parse_args().data / "test"
    table, made = camera_table(test / "camera16")
    lines = [
        *table,
        "",
        *clean_table(test),
        *truths_table(test / "camera16"),
        "",
        *white_table(test / "kodak24"),
    ]
    print("\n".join(lines))
    page = PAGE.read_text(encoding="utf-8")
    page = laid_between_marks(page, Path(__file__).name, "\n".join(lines))
    PAGE.write_text(page, encoding="utf-8")
    draw(made)


if __name__ == "__main__":
    main()
