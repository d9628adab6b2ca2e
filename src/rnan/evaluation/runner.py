"""Degrade, restore, measure: the one loop behind ``rnan evaluate`` and training's validation."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError
from rnan.evaluation.datasets import Reference
from rnan.evaluation.methods import Method
from rnan.evaluation.metrics import as_eight_bit, measured, psnr, ssim
from rnan.evaluation.records import Record
from rnan.tasks import Task
from rnan.tasks.level import Level

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One picture of a measurement, before and after."""

    name: str
    level: Level
    gt: Array
    lq: Array
    restored: Array
    """As it was measured."""
    psnr: float
    ssim: float | None
    seconds: float
    """Seconds that restoring took."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """Mean figures of one level."""

    level: Level
    psnr: float
    ssim: float | None
    seconds: float
    """Mean seconds that restoring a picture took."""


def measure(
    task: Task,
    pictures: Iterable[Reference],
    levels: Iterable[Level],
    method: Method,
    *,
    seed: int = 0,
    quantise_lq: bool = False,
    with_ssim: bool = True,
    keep: Callable[[Measured], None] | None = None,
) -> list[Score]:
    """Mean PSNR, SSIM and seconds over pictures, for each level.

    Raises:
        InputError: A picture is smaller than the window of SSIM or the border that is cut, or a
            given LQ picture does not fit its reference.
    """
    levels = list(levels)
    psnrs: dict[str, list[float]] = {level.name: [] for level in levels}
    ssims: dict[str, list[float]] = {level.name: [] for level in levels}
    seconds: dict[str, list[float]] = {level.name: [] for level in levels}
    for picture in pictures:
        for level in levels:
            try:
                one = _measure_one(
                    task,
                    picture,
                    level,
                    method,
                    seed=seed,
                    quantise_lq=quantise_lq,
                    with_ssim=with_ssim,
                )
            except InputError as error:
                raise InputError(f"{picture.name}, level {level.name}: {error}") from error
            psnrs[level.name].append(one.psnr)
            seconds[level.name].append(one.seconds)
            if one.ssim is not None:
                ssims[level.name].append(one.ssim)
            if keep is not None:
                keep(one)
    return [
        Score(
            level=level,
            psnr=float(np.mean(psnrs[level.name])),
            ssim=float(np.mean(ssims[level.name])) if with_ssim else None,
            seconds=float(np.mean(seconds[level.name])),
        )
        for level in levels
    ]


def _measure_one(
    task: Task,
    picture: Reference,
    level: Level,
    method: Method,
    *,
    seed: int,
    quantise_lq: bool,
    with_ssim: bool,
) -> Measured:
    gt = cut_to_multiple(picture.gt, level.scale)
    if picture.lq is None:
        lq = task.degrade(gt, level, name=picture.name, seed=seed)
    else:
        lq = picture.lq
        _check_fits(lq, gt, level)
        lq = task.given_lq(lq, level)
    if quantise_lq:
        lq = as_eight_bit(lq)
    start = time.perf_counter()
    restored = method(lq, level)
    seconds = time.perf_counter() - start
    if restored is not lq:  # noise that nothing was done to is measured as it is
        restored = as_eight_bit(restored)
    if restored.shape[2] != gt.shape[2]:  # gray in a colour task
        restored = restored.mean(axis=2, keepdims=True)
    compared = [measured(task.protocol, picture, scale=level.scale) for picture in (restored, gt)]
    return Measured(
        name=picture.name,
        level=level,
        gt=gt,
        lq=lq,
        restored=restored,
        psnr=psnr(*compared),
        ssim=ssim(*compared) if with_ssim else None,
        seconds=seconds,
    )


def cut_to_multiple(gt: Array, scale: int) -> Array:
    """Without the last rows and columns that are no whole multiple of ``scale``."""
    height, width = (side // scale * scale for side in gt.shape[:2])
    if min(height, width) < 1:
        raise InputError(f"the picture is smaller than the scale, {scale}")
    return gt[:height, :width]


def _check_fits(lq: Array, gt: Array, level: Level) -> None:
    expected = (gt.shape[0] // level.scale, gt.shape[1] // level.scale)
    if lq.shape[:2] != expected:
        raise InputError(
            f"the given picture is {lq.shape[1]}x{lq.shape[0]}, its reference asks for "
            f"{expected[1]}x{expected[0]}"
        )


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
                        level=score.level.name,
                        method=method,
                        metric=metric,
                        value=value,
                    )
                )
    return rows
