"""Measure camera raw by ISO, beside LibRaw and RawTherapee, and how well noise is measured.

    python scripts/raw.py --data ../shared/data
    python scripts/raw.py --data ../shared/data --validation WEIGHTS [WEIGHTS ...]

The first writes docs/raw.json, the tables of docs/raw.md and docs/figures/raw-*.png. The second
prints the mean PSNR of networks for mosaics on validation pictures, by which alone is chosen; a
name with :clean is told of no noise.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from pages import laid_between_marks
from rnan.api import load_restorer
from rnan.degradations.sensor import GAINS
from rnan.estimation.sensor_noise import measured_noise
from rnan.evaluation.datasets import Reference, picture_files, references, split
from rnan.evaluation.figures import Crop, Panel, write_figure
from rnan.evaluation.methods import Method, classical
from rnan.evaluation.metrics import as_eight_bit, psnr
from rnan.evaluation.raws import RawNetwork, raw_of
from rnan.evaluation.runner import Measured, measure
from rnan.tasks import get_measured
from rnan.weights import registry

DOCS = Path(__file__).parent.parent / "docs"
STORE, PAGE = DOCS / "raw.json", DOCS / "raw.md"
TASK = get_measured("raw")
LEVELS = [TASK.level(name) for name in TASK.table_levels]
SETS = ("kodak24", "mcmaster18")
CLASSICAL = ("libraw", "libraw-fbdd", "libraw-denoise", "rawtherapee")
OURS = ("demosaic-raw", "demosaic-raw@auto", "demosaic:clean")
VALIDATION = {"bsd398": 7, "cid22": 10}
"""Folders of training pictures, and how many of those left out for validation."""
_CROP = 320
_PICTURE, _SHOWN = "kodim04", ("iso6400", "iso25600")
_SHOWN_CROP = Crop(left=150, top=260, width=160, height=120)


def method(name: str) -> Method:
    """A network told the noise, or measuring it (@auto), or told of none (:clean); or another."""
    if name in CLASSICAL:
        return classical(name, TASK)
    weights, _, how = name.replace(":", "@").partition("@")
    assume = TASK.level("0/0") if how == "clean" else how or None
    return RawNetwork(load_restorer(weights, task="demosaic"), assume)


def fits(folder: Path) -> list[dict[str, Any]]:
    """How far the measured variance in the middle lies from the true one, by level."""
    rows = []
    for level in LEVELS:
        photon, reading = level.arguments["noise"]
        errors = []
        for picture in references(picture_files(folder), TASK):
            lq = TASK.degrade(picture.gt, level, name=picture.name, seed=0)
            found = measured_noise(raw_of(lq, level))
            assert found is not None
            errors.append(abs(found.variance(0.5) / (0.5 * photon + reading) - 1.0))
        rows.append(
            {
                "level": level.name,
                "median": float(np.median(errors)),
                "worst": float(np.max(errors)),
            }
        )
    return rows


def measured(data: Path, methods: list[str]) -> dict[str, Any]:
    """Every figure; what was measured with the same weights is not measured again."""
    store: dict[str, Any] = {"cells": {}}
    if STORE.exists():
        store = json.loads(STORE.read_text(encoding="utf-8"))
    for dataset in SETS:
        pictures = list(references(picture_files(data / "test" / dataset), TASK))
        for name in methods:
            cell = f"{dataset} {name}"
            if store["cells"].get(cell, {}).get("weights") == _hash(name):
                continue
            each: dict[str, list[float]] = {level.name: [] for level in LEVELS}

            def keep(one: Measured, each: dict[str, list[float]] = each) -> None:
                each[one.level.name].append(round(one.psnr, 3))

            scores = measure(TASK, pictures, LEVELS, method(name), with_ssim=True, keep=keep)
            store["cells"][cell] = {
                "weights": _hash(name),
                "psnr": {one.level.name: round(one.psnr, 4) for one in scores},
                "ssim": {one.level.name: round(one.ssim or 0.0, 4) for one in scores},
                "each": each,
            }
            STORE.write_text(json.dumps(store, indent=1) + "\n", encoding="utf-8")
            print(cell, *(f"{score.psnr:.2f}" for score in scores), flush=True)
    store["fits"] = fits(data / "test" / "kodak24")
    STORE.write_text(json.dumps(store, indent=1) + "\n", encoding="utf-8")
    return store


def _hash(name: str) -> str:
    """SHA-256 of a method's weights; nothing where it has none."""
    weights = {"libraw-denoise": "denoise-color"}.get(name, name.replace(":", "@").split("@")[0])
    return "" if weights in CLASSICAL else registry.sha256(weights)


def tables(found: dict[str, Any]) -> list[str]:
    """What stands between the page's marks."""
    head = " | ".join(name.replace("iso", "ISO ") for name in TASK.table_levels)
    lines: list[str] = []
    for dataset in SETS:
        lines += [f"| {dataset}: PSNR in dB / SSIM | {head} |", "|---|" + "---|" * len(LEVELS)]
        for name in (*OURS, *CLASSICAL):
            cell = found["cells"][f"{dataset} {name}"]
            cells = " | ".join(
                f"{cell['psnr'][level.name]:.2f} / {cell['ssim'][level.name]:.4f}"
                for level in LEVELS
            )
            lines.append(f"| {name} | {cells} |")
        lines.append("")
    lines += [f"| kodak24, median and worst | {head} |", "|---|" + "---|" * len(LEVELS)]
    errors = [f"{100 * row['median']:.0f} %, {100 * row['worst']:.0f} %" for row in found["fits"]]
    lines.append(f"| error of the measured variance in the middle | {' | '.join(errors)} |")
    told, auto = (found["cells"][f"kodak24 {name}"]["each"] for name in OURS[:2])
    costs = [np.array(told[level.name]) - np.array(auto[level.name]) for level in LEVELS]
    cells = " | ".join(f"{np.median(one):.2f}, {one.max():.2f}" for one in costs)
    lines.append(f"| what it costs against noise told, dB | {cells} |")
    return lines


def draw(data: Path) -> None:
    """A part of a picture by each method, at two levels."""
    for name in _SHOWN:
        (picture,) = references([data / "test" / "kodak24" / f"{_PICTURE}.png"], TASK)
        level = TASK.level(name)
        lq = TASK.degrade(picture.gt, level, name=picture.name, seed=0)
        panels = [Panel(title="clean", picture=picture.gt, psnr=None)]
        for one in ("libraw", "libraw-denoise", "rawtherapee", "demosaic-raw@auto"):
            restored = as_eight_bit(method(one)(lq, level))
            inside = (slice(8, -8), slice(8, -8))
            panels.append(
                Panel(title=one, picture=restored, psnr=psnr(restored[inside], picture.gt[inside]))
            )
        write_figure(
            DOCS / "figures" / f"raw-{name}.png",
            f"{_PICTURE}, {name.replace('iso', 'like ISO ')}",
            picture.gt,
            _SHOWN_CROP,
            panels,
        )


def validation(data: Path, names: list[str]) -> None:
    """Print the mean PSNR of networks on validation pictures."""
    pictures: list[Reference] = []
    for folder, number in VALIDATION.items():
        _, files = split(picture_files(data / "train" / folder))
        for picture in references(files[:number], TASK):
            top, left = (max(0, (side - _CROP) // 2) for side in picture.gt.shape[:2])
            gt = picture.gt[top : top + _CROP, left : left + _CROP]
            pictures.append(Reference(name=picture.name, gt=gt))
    weak = [TASK.level(name) for name in ("5e-6/2e-8", "5e-5/3e-7", "1e-4/8e-7")]
    levels = [LEVELS[0], *weak, *LEVELS[1:]]
    print("gains", GAINS, *(level.name for level in levels))
    for name in names:
        scores = measure(TASK, pictures, levels, method(name), with_ssim=False)
        print(name, *(f"{score.psnr:.3f}" for score in scores), flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--validation", nargs="+", metavar="WEIGHTS")
    parser.add_argument("--only", nargs="+", metavar="METHOD", help="measure these, write no page")
    options = parser.parse_args()
    if options.validation:
        validation(options.data, options.validation)
        return
    found = measured(options.data, options.only or [*OURS, *CLASSICAL])
    if options.only:
        return
    page = PAGE.read_text(encoding="utf-8")
    page = laid_between_marks(page, "raw.py", "\n".join(tables(found)))
    PAGE.write_text(page, encoding="utf-8")
    draw(options.data)


if __name__ == "__main__":
    main()
