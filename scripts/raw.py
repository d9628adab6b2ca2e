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
from rnan.evaluation.runner import measure, records
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


def measured(data: Path) -> dict[str, Any]:
    """Every figure."""
    rows = []
    for dataset in SETS:
        pictures = list(references(picture_files(data / "test" / dataset), TASK))
        for name in (*OURS, *CLASSICAL):
            scores = measure(TASK, pictures, LEVELS, method(name), with_ssim=True)
            found = records(TASK, scores, dataset=dataset, method=name)
            rows += [{**row.as_dict(), "value": round(row.value, 4)} for row in found]
            print(dataset, name, *(f"{score.psnr:.2f}" for score in scores), flush=True)
    hashes = {name: registry.card(name)["sha256"] for name in ("demosaic-raw", "demosaic")}
    return {"weights": hashes, "records": rows, "fits": fits(data / "test" / "kodak24")}


def tables(found: dict[str, Any]) -> list[str]:
    """What stands between the page's marks."""
    head = " | ".join(name.replace("iso", "ISO ") for name in TASK.table_levels)
    lines: list[str] = []
    for dataset in SETS:
        values = {
            (row["method"], row["level"], row["metric"]): row["value"]
            for row in found["records"]
            if row["dataset"] == dataset
        }
        lines += [f"| {dataset}: PSNR in dB / SSIM | {head} |", "|---|" + "---|" * len(LEVELS)]
        for name in (*OURS, *CLASSICAL):
            cells = " | ".join(
                f"{values[name, level.name, 'psnr']:.2f} / {values[name, level.name, 'ssim']:.4f}"
                for level in LEVELS
            )
            lines.append(f"| {name} | {cells} |")
        lines.append("")
    lines += [f"| kodak24: error of the variance | {head} |", "|---|" + "---|" * len(LEVELS)]
    for which in ("median", "worst"):
        cells = " | ".join(f"{100 * row[which]:.0f} %" for row in found["fits"])
        lines.append(f"| {which} | {cells} |")
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
    options = parser.parse_args()
    if options.validation:
        validation(options.data, options.validation)
        return
    found = measured(options.data)
    STORE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    page = laid_between_marks(page, "raw.py", "\n".join(tables(found)))
    PAGE.write_text(page, encoding="utf-8")
    draw(options.data)


if __name__ == "__main__":
    main()
