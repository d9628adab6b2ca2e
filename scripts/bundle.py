"""Make the weights of a finished run the bundled ones: measure, write the card, copy.

    python scripts/bundle.py runs/denoise-color --data ../shared/data
    python scripts/bundle.py runs/large --name denoise-color-large --data ../shared/data
    python scripts/bundle.py --again denoise-color --data ../shared/data

The run's weights replace the bundled ones only where they are better by 0.01 dB: mean PSNR over
the levels of the task's table, on the validation pictures as they are and at half their size (by
themselves those JPEGs reward a network that takes their artefacts for detail); for mosaics at half
their size with strong colours too, which soft JPEGs lack. The test sets are measured for the card
alone; nothing is chosen by them. A name that is no task's goes to weights/ beside src, its card
into the package. After a change of the program that alters figures, --again measures weights that
are there once more.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import camera_noise
import graphs
import jpeg_cases
from rnan import __version__
from rnan.api import load_restorer
from rnan.engines.device import hardware_name
from rnan.evaluation.datasets import Reference, halved, pair, picture_files, references, split
from rnan.evaluation.methods import network_for
from rnan.evaluation.runner import measure, records
from rnan.images import write_whole
from rnan.models.checkpoints import from_bytes
from rnan.tasks import Task, get_measured, get_task
from rnan.weights import registry

ROOT = Path(__file__).parent.parent
LOG = ROOT / "docs" / "lab" / "training-log.md"
PACKAGE = Path(registry.__file__).parent
NEEDED_GAIN = 0.01

VALIDATION_FOLDER = "train/bsd398"

LICENCE_NOTE = (
    "trained on pictures of BSDS500 and Yang's 91, which are for research{}; "
    "the file is shared as such"
)
_NOISE = (
    "Trained on white Gaussian noise added to display-referred 8-bit pictures{}. Camera noise "
    "depends on the brightness, is correlated by demosaicing and compressed by JPEG: expect "
    "less, and set sigma by eye where auto takes too little."
)
LIMITS = {
    "denoise-color": _NOISE.format(", some of them saved as JPEG with it"),
    "denoise-gray": _NOISE.format(""),
    "denoise-camera": (
        "Trained on a synthetic camera: linear demosaicing, smoothing and sharpening that spare "
        "nothing, libjpeg from quality 75 on. Cameras that smear textures away, several frames "
        "laid over each other and phones' own networks are not known to it."
    ),
    "demosaic": (
        "Trained on display-referred 8-bit pictures whose colour is soft, since they are 4:2:0 "
        "JPEGs; fine saturated detail comes out softer than a network trained on DIV2K gives it."
    ),
    "raw": (
        "Trained on simulated sensors: Gaussian noise whose variance grows with the light, on "
        "mosaics of display-referred 8-bit pictures. Row noise and noise that a camera smoothed "
        "before it wrote the file are not known to it."
    ),
    "dejpeg": (
        "Trained on one compression by libjpeg with its standard tables; what cropped pictures and "
        "such that were saved twice gain stands under cases."
    ),
    "dejpeg-color": (
        "Trained on one compression by libjpeg with its standard tables and 4:2:0 chroma; what "
        "other chroma, cropped pictures and such that were saved twice gain stands under cases. "
        "Pictures that were resized since then improve less."
    ),
    "super-resolution": (
        "Trained on clean pictures made small by MATLAB's bicubic interpolation; noise and JPEG "
        "blocks are enlarged as well."
    ),
}


def validation_mean(weights: str | Path, task: Task, folder: Path) -> float:
    """Mean PSNR over the task's levels on the validation pictures; of camera noise, told it."""
    if task.name == "denoise-camera":
        return camera_noise.measured(folder.parent.parent, weights)[2]
    _, files = split(picture_files(folder))
    whole = list(references(files, task))
    pictures = [*whole, *map(halved, whole)]
    if task.takes == "mosaic":
        pictures += [saturated(halved(picture)) for picture in whole]
    scores = measure(
        task,
        pictures,
        [task.level(level) for level in task.table_levels],
        network_for(task, load_restorer(weights)),
        with_ssim=False,
    )
    return sum(score.psnr for score in scores) / len(scores)


def saturated(picture: Reference) -> Reference:
    """Twice as far from gray."""
    gray = picture.gt.mean(axis=2, keepdims=True)
    gt = np.rint(np.clip(gray + 2.0 * (picture.gt - gray), 0.0, 255.0))
    return Reference(name=f"saturated {picture.name}", gt=gt)


def card(name: str, weights: Path, task: Task, data: Path, validation: float) -> dict[str, Any]:
    """What is said about the weights; every figure is measured here."""
    content = weights.read_bytes()
    info = from_bytes(content).info
    restorer = load_restorer(weights)
    metrics = []
    kind = get_measured("camera") if task.name == "denoise-camera" else task
    there = [dataset for dataset in kind.test_sets if (data / "test" / dataset).is_dir()]
    if name in registry.names():
        measured = {row["dataset"] for row in registry.card(name)["metrics"]}
        if absent := sorted(measured - {*there}):
            sys.exit(f"{data / 'test'} lacks {', '.join(absent)}, which the card has")
    for dataset in there:
        folder, lq_files = data / "test" / dataset, None
        if (folder / "lq").is_dir():  # photographs and their truths
            files = picture_files(folder / "gt")
            lq_files = pair(files, folder / "lq")
        else:
            files = picture_files(folder)
        names = (*kind.table_levels, *kind.more_levels)
        levels = sorted((kind.level(level) for level in names), key=lambda one: one.value)
        pictures = references(files, kind, lq_files=lq_files)
        scores = measure(kind, pictures, levels, network_for(kind, restorer))
        for row in records(kind, scores, dataset=dataset, method=name):
            metrics.append({**row.as_dict(), "value": round(row.value, 4)})
            print(f"{dataset} {row.level} {row.metric} {row.value:.4f}")
    more: dict[str, Any] = {}
    if task.whole_levels:
        more["cases"] = jpeg_cases.measured(weights, task, data)
    return {
        "name": name,
        "title": task.title,
        "task": info["task"],
        "version": __version__,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "level_range": info["level_range"],
        "protocol": task.protocol.name,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": hardware_name(restorer.engine.device).split(",")[0],
        "dtype": str(restorer.engine.dtype).removeprefix("torch."),  # type: ignore[attr-defined]
        "validation_mean_psnr": round(validation, 4),
        "metrics": metrics,
        **more,
        "training": info["training"],
        "limits": LIMITS[task.name],
        "licence_note": LICENCE_NOTE.format(_others(info)),
    }


def _others(info: dict[str, Any]) -> str:
    """Further pictures that one of the stretches saw."""
    folders = {
        Path(folder).name
        for stretch in info["training"]
        for folder in stretch["recipe"]["data"]["folders"]
    }
    return ", and of CID22 (Cloudinary, CC BY-SA 4.0)" if "cid22" in folders else ""


def log(
    name: str,
    info: dict[str, Any],
    new: float,
    old: float | None,
    *,
    metrics: list[dict[str, Any]] | None,
) -> None:
    """Append what the newest stretch saw and gained to the log; without metrics it stays out."""
    stretch = info["training"][-1]
    recipe = stretch["recipe"]
    side = recipe["data"]["patch_size"]
    lines = [
        f"## {datetime.datetime.now(datetime.UTC).date()}: {name}, stretch {len(info['training'])}",
        "",
        f"{stretch['steps']:,} steps, {stretch['patches']:,} patches of {side}x{side}, "
        f"{stretch['hours']:.2f} hours on {stretch['hardware']}; "
        f"{stretch['pictures']} pictures of {', '.join(recipe['data']['folders'])}, "
        f"seed {recipe['seed']}, started from {recipe['init_from'] or 'nothing'}.",
        *said_of_average(stretch),
        "",
        f"Mean PSNR on the validation pictures (scripts/bundle.py says which): {new:.3f} dB"
        + ("." if old is None else f", {new - old:+.3f} against the bundled weights before."),
    ]
    if metrics is None:
        lines.append("Not bundled.")
    elif metrics:
        sets = sorted({row["dataset"] for row in metrics})
        levels = list(dict.fromkeys(row["level"] for row in metrics))
        psnr = {(r["dataset"], r["level"]): r["value"] for r in metrics if r["metric"] == "psnr"}
        lines += ["", "| PSNR, dB | " + " | ".join(f"level {level}" for level in levels) + " |"]
        lines += ["|---|" + "---|" * len(levels)]
        for dataset in sets:
            cells = " | ".join(f"{psnr[dataset, level]:.2f}" for level in levels)
            lines.append(f"| {dataset} | {cells} |")
    with LOG.open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(lines) + "\n")


def said_of_average(stretch: dict[str, Any]) -> list[str]:
    """For weights that ``scripts/average.py`` made of the run's."""
    share = stretch.get("averaged", {}).get("share")
    return [] if share is None else [f"Averaged with where it started, {share:g} of the run's."]


def place(name: str, task: Task) -> Path:
    """Where weights of that name lie: what is too large for the package stands beside it."""
    folder = PACKAGE if name in (task.name, *task.default_models) else ROOT / "weights"
    return folder / f"{name}{registry.SUFFIX}"


def write_card(said: dict[str, Any]) -> None:
    """Into the package, wherever the weights are: so they are known."""
    file = PACKAGE / f"{said['name']}.json"
    file.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def measured_task(info: dict[str, Any]) -> Task:
    """What weights are measured on: those that saw a sensor's noise on camera raw."""
    of_sensor = info["training"][-1]["recipe"]["data"].get("sensor")
    return get_measured("raw") if of_sensor else get_task(info["task"])


def measure_again(name: str, data: Path) -> None:
    """Write the card of weights that are there once more, by the program as it is now."""
    task = measured_task(registry.card(name))
    validation = validation_mean(name, task, data / VALIDATION_FOLDER)
    write_card(card(name, place(name, task), task, data, validation))


def main() -> None:
    """Parse, compare, copy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("run", type=Path, nargs="?", help="folder of a finished run")
    what.add_argument("--again", metavar="NAME", help="measure weights that are there once more")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", help="of the bundled weights; by default the task's")
    arguments = parser.parse_args()
    if arguments.again:
        measure_again(arguments.again, arguments.data)
        return

    source = arguments.run / "weights.safetensors"
    task = measured_task(from_bytes(source.read_bytes()).info)
    name = arguments.name or (*task.default_models, task.name)[0]
    folder = arguments.data / VALIDATION_FOLDER
    new = validation_mean(source, task, folder)
    print(f"validation mean: {new:.3f} dB")
    old = None
    if name in registry.names():
        old = validation_mean(name, task, folder)
        print(f"bundled now:     {old:.3f} dB")
    if old is not None and new < old + NEEDED_GAIN:
        log(name, from_bytes(source.read_bytes()).info, new, old, metrics=None)
        sys.exit(f"not better by {NEEDED_GAIN} dB: the bundled weights stay")
    said = card(name, source, task, arguments.data, new)
    log(name, said, new, old, metrics=said["metrics"])
    write_whole(place(name, task), source.read_bytes())
    write_card(said)
    print(f"bundled as {name}")
    if name in registry.bundled():
        graphs.derive(name)


if __name__ == "__main__":
    main()
