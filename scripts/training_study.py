"""Which recipe learns most in a fixed time: equal time for every arm, validation pictures only.

    python scripts/training_study.py --data ../shared/data --minutes 3

First every arm's step is timed, then each is trained for as many steps as fit into the time on a
quiet machine, so that other work meanwhile does not matter. Goes on where it stopped: what is
measured stands in docs/lab/training-study.json, and docs/lab/training-study.md gets its table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch

from pages import laid_between_marks
from rnan.engines.device import hardware_name
from rnan.engines.torch_device import choose_device, choose_dtype
from rnan.models import RNAN
from rnan.tasks import get_task
from rnan.training.config import TrainConfig
from rnan.training.cost import timed, try_steps
from rnan.training.preparation import shape_of
from rnan.training.recipe import load_config
from rnan.training.trainer import Trainer

ROOT = Path(__file__).parent.parent
RECIPE = ROOT / "recipes" / "denoise-color.yaml"
RESULTS = ROOT / "docs" / "lab" / "training-study.json"
PAGE = ROOT / "docs" / "lab" / "training-study.md"

COMMON = (
    "data.patch_size=96",
    "data.batch_size=16",
    "schedule.warmup=20",
    "ema=0.99",
    "validation.every=0",
    "checkpoint_every=1000000",
)
ARMS: dict[str, tuple[str, ...]] = {
    "base": (),
    "base, another seed": ("seed=1",),
    "AdamW, rate 1e-3": ("optimizer.name=adamw", "optimizer.learning_rate=1e-3"),
    "AdamW, rate 2e-3": ("optimizer.name=adamw",),
    "Muon, rate 1e-3": ("optimizer.learning_rate=1e-3",),
    "Muon, rate 4e-3": ("optimizer.learning_rate=4e-3",),
    "64 patches of 48": ("data.patch_size=48", "data.batch_size=64"),
    "deeper: N L L N": ("model.fields={plan: NLLN}",),
    "32 patches of 48": ("data.patch_size=48", "data.batch_size=32"),
    "16 patches of 48": ("data.patch_size=48",),
    "no attention: L L": ("model.fields={plan: LL}",),
    "squared error": ("loss=l2",),
    "8 patches of 96": ("data.batch_size=8",),
    "wider and shallower: N, 96": ("model.fields={plan: N, features: 96, inner: 48}",),
    "narrower and deeper: N L L N, 48": ("model.fields={plan: NLLN, features: 48, inner: 24}",),
    "masks at the full rate": ("optimizer.mask_rate=1.0",),
    "windows of 12": ("model.fields={window: 12}",),
    "decay over the last fifth": ("schedule.decay_share=0.2",),
    "PyTorch's initialisation": ("model.init=default",),
    "full resolution, 32": ("model.fields={unshuffle: 1, features: 32, inner: 16}",),
}
"""The base is recipes/denoise-color.yaml with 16 patches of 96; each other arm differs from it in
one thing; another seed says how much chance does."""


def config(data: Path, overrides: tuple[str, ...], steps: int = 1) -> TrainConfig:
    """The base with the changes of an arm."""
    folder = f"data.folders=[{data / 'train' / 'bsd398'}]"
    return load_config(RECIPE, [folder, *COMMON, *overrides, f"budget={{steps: {steps}}}"])


def restoring(settings: TrainConfig, device: torch.device) -> float:
    """Seconds for a 256x384 picture: the fastest of five."""
    shape = shape_of(settings, get_task(settings.task))
    model = RNAN(shape).to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    picture = torch.rand(1, 3, 256, 384, device=device).to(memory_format=torch.channels_last)
    level = torch.full((1,), 0.1, device=device)
    with torch.inference_mode(), torch.autocast(device.type, choose_dtype("auto", device)):
        return min(timed(lambda: model(picture, level), device) for _ in range(6))


def cost(name: str, data: Path, device: torch.device) -> dict[str, float]:
    """Seconds of a step and of restoring."""
    arm = config(data, ARMS[name])
    return {"step": try_steps(arm, device, steps=4).seconds, "restoring": restoring(arm, device)}


def costs(names: list[str], known: dict[str, Any], data: Path) -> dict[str, dict[str, float]]:
    """Seconds of a step and of restoring, for each arm.

    Where the base was timed before, perhaps on another machine, it is timed again and what is
    found now is brought to that measure: so arms that come later get as much work for their time.
    """
    device = choose_device("auto")
    now = cost("base", data, device)
    then = known.get("base", now)
    found = {}
    for name in names:
        seconds = cost(name, data, device) if name != "base" else now
        found[name] = {what: value * then[what] / now[what] for what, value in seconds.items()}
        print(name, found[name], flush=True)
    return found


def table(results: dict[str, Any]) -> str:
    """Markdown."""
    done = [arm for arm in ARMS if "psnr" in results["arms"].get(arm, {})]
    levels = list(results["arms"][done[0]]["psnr"])
    lines = [
        f"{results['hardware']}; {results['minutes']:g} minutes an arm; PSNR in dB on the "
        "20 validation pictures, whole. Time to restore is over the base's.",
        "",
        "| arm | patches seen | "
        + " | ".join(f"σ {level}" for level in levels)
        + " | mean | to the base | time to restore |",
        "|---|---|" + "---|" * (len(levels) + 3),
    ]
    base = statistics.mean(results["arms"]["base"]["psnr"].values())
    restored = results["arms"]["base"]["restoring"]
    for name in done:
        arm = results["arms"][name]
        mean = statistics.mean(arm["psnr"].values())
        values = " | ".join(f"{value:.2f}" for value in arm["psnr"].values())
        lines.append(
            f"| {name} | {arm['patches']:,} | {values} | {mean:.2f} | {mean - base:+.2f} "
            f"| {arm['restoring'] / restored:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--arm", action="append", help="only this one; may be repeated")
    parser.add_argument("--page", action="store_true", help="only write the page")
    arguments = parser.parse_args()
    device = choose_device("auto")
    results: dict[str, Any] = {"arms": {}}
    if RESULTS.exists():
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
    missing = [name for name in ARMS if name not in results["arms"]]
    if missing:
        results["arms"] |= costs(missing, results["arms"], arguments.data)
        results = {"minutes": arguments.minutes, "hardware": hardware_name(device)} | results
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for name in [] if arguments.page else arguments.arm or ARMS:
        arm = results["arms"][name]
        if "psnr" in arm:
            continue
        steps = round(60.0 * results["minutes"] / arm["step"])
        settings = config(arguments.data, ARMS[name], steps)
        with tempfile.TemporaryDirectory() as folder:
            result = Trainer(settings, Path(folder) / "run").run()
        arm["psnr"] = {score.level.name: round(score.psnr, 4) for score in result.scores}
        arm["patches"] = steps * settings.data.batch_size
        print(name, arm, flush=True)
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    page = laid_between_marks(PAGE.read_text("utf-8"), Path(__file__).name, table(results))
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
