"""Degrade, restore, measure: the one loop behind ``rnan evaluate`` and training's validation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnan.evaluation.datasets import Reference
from rnan.inference import Restorer
from rnan.metrics import as_eight_bit
from rnan.tasks import Task


@dataclass(frozen=True, kw_only=True)
class Record:
    """One measured figure, with the columns of ``published.csv``."""

    table: str = ""
    task: str
    training_data: str = ""
    dataset: str
    level: str
    method: str
    metric: str
    value: float

    def as_dict(self) -> dict[str, Any]:
        """Names and values; every value a string but ``value``."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Score:
    """Mean figures of one level."""

    level: float
    psnr: float
    ssim: float | None


def measure(
    task: Task,
    pictures: Iterable[Reference],
    levels: Iterable[float],
    restorer: Restorer | None,
    *,
    assume: float | str | None = None,
    seed: int = 0,
    with_ssim: bool = True,
    progress: Callable[[], None] | None = None,
) -> list[Score]:
    """Mean PSNR and SSIM over pictures, for each level.

    Args:
        task: Degradation and protocol.
        pictures: Clean pictures; gone through once.
        levels: Levels of the degradation.
        restorer: What restores; ``None`` measures the degraded input itself (for noise as it
            is, neither clipped nor rounded).
        assume: The level that the network is told, where not the true one; ``"auto"`` estimates.
        seed: Of the degradation.
        with_ssim: Off to save time.
        progress: Called after each picture and level.
    """
    levels = list(levels)
    psnrs: dict[float, list[float]] = {level: [] for level in levels}
    ssims: dict[float, list[float]] = {level: [] for level in levels}
    for picture in pictures:
        for level in levels:
            lq = task.degrade(picture.gt, level, name=picture.name, seed=seed)
            restored = lq
            if restorer is not None:
                told = level if assume is None else assume
                restored = as_eight_bit(_restore(restorer, lq, told))
            psnrs[level].append(task.protocol.psnr(restored, picture.gt))
            if with_ssim:
                ssims[level].append(task.protocol.ssim(restored, picture.gt))
            if progress is not None:
                progress()
    return [
        Score(
            level=level,
            psnr=float(np.mean(psnrs[level])),
            ssim=float(np.mean(ssims[level])) if with_ssim else None,
        )
        for level in levels
    ]


def _restore(
    restorer: Restorer, lq: NDArray[np.float64], level: float | str
) -> NDArray[np.float64]:
    restored: NDArray[np.float32] = restorer((lq / 255.0).astype(np.float32), level=level)
    return restored.astype(np.float64) * 255.0


def records(task: Task, scores: Iterable[Score], *, dataset: str, method: str) -> list[Record]:
    """Scores as records."""
    rows = []
    for score in scores:
        for metric, value in (("psnr", score.psnr), ("ssim", score.ssim)):
            if value is not None:
                rows.append(
                    Record(
                        task=task.name,
                        dataset=dataset,
                        level=f"{score.level:g}",
                        method=method,
                        metric=metric,
                        value=value,
                    )
                )
    return rows
