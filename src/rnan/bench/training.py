"""How fast a recipe trains, against the same step on one batch that stays where it is."""

import itertools
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rnan.training.config import TrainConfig
from rnan.training.cost import timed, try_steps
from rnan.training.trainer import Trainer


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """One recipe on one device; medians of turns that alternate."""

    task: str
    patches_per_second: float
    megapixels_per_second: float
    """Megapixels of restored patches a second."""
    fixed_batch: float
    """Patches a second of the same step on a batch that is there already."""
    share: float
    """Share of that speed which training reaches: the median over the turns."""
    data_share: float
    """Time to cut and degrade a batch over the time of a whole step."""
    flops_per_second: float
    """Operations a second of the step on the fixed batch."""


def throughput(config: TrainConfig, *, device: str, turns: int = 9, steps: int = 2) -> Throughput:
    """Time training and its parts."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(config, Path(folder), device=device)
    learner, sampler = trainer.learner, trainer.sampler
    numbers = itertools.count()
    stream = sampler.stream(0)
    # Several, since each step of super-resolution draws its scale.
    fixed = itertools.cycle([learner.pairs(next(stream)) for _ in range(6)])

    def whole() -> None:
        for _ in range(steps):
            learner.learn(learner.pairs(next(stream)), 1e-3)

    def alone() -> None:
        for _ in range(steps):
            learner.learn(next(fixed), 1e-3)

    def data() -> None:
        for _ in range(steps):
            learner.pairs(sampler.batch(next(numbers)))

    parts: dict[str, Callable[[], None]] = {"whole": whole, "alone": alone, "data": data}
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for turn in range(turns + 1):
        for name, work in parts.items():
            elapsed = timed(work, trainer.device) / steps
            if turn:
                seconds[name].append(elapsed)
    step, still, data_time = (statistics.median(seconds[name]) for name in parts)
    batch, side = config.data.batch_size, config.data.patch_size
    scale = max(learner.model.config.scales)
    # What is compiled cannot be counted.
    flops = try_steps(replace(config, compile=False), trainer.device, steps=1).flops
    return Throughput(
        task=config.task,
        patches_per_second=batch / step,
        megapixels_per_second=batch * (side * scale) ** 2 / step / 1e6,
        fixed_batch=batch / still,
        share=statistics.median(
            b / a for a, b in zip(seconds["whole"], seconds["alone"], strict=True)
        ),
        data_share=data_time / step,
        flops_per_second=flops / still,
    )
