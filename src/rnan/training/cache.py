"""Decoded pictures where the patches are cut: on the training device, or in a mapped file."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnan.engines.device import free_memory
from rnan.errors import InputError
from rnan.evaluation.datasets import Reference, references
from rnan.tasks import Task
from rnan.training.prepared import Prepared, open_prepared, prepare
from rnan.training.sources import Row, Source, decoded, decoded_size, lq_pixels

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PictureCache:
    """All pictures behind one another, so that any patch is one gather."""

    pixels: Tensor
    """``(sum of H·W, C)`` uint8."""
    offsets: Tensor
    """Row of the first pixel of each picture, int64."""
    heights: Tensor
    widths: Tensor
    sha256: str
    """Hash of names, sizes and pixels: which data a network was trained on."""
    lq: PictureCache | None = None
    """The LQ pictures that came with them, in the same order."""

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def device(self) -> torch.device:
        """Where the patches are cut."""
        return self.pixels.device


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What a run learns from and what it is measured on."""

    training: PictureCache
    validation: list[Reference]


def load_pictures(
    sources: list[Source],
    *,
    task: Task,
    scale: int,
    patch_size: int,
    halved: bool,
    device: torch.device,
    memory: str,
    folder: Path,
) -> Pictures:
    """Decode folders to the device when they fit, else to a mapped file below ``folder``.

    Raises:
        InputError: No picture can be read or is large enough, or LQ pictures do not fit.
        ResourceError: The disk is full.
    """
    side = patch_size * scale
    training = [file for source in sources for file in source.training]
    if not training:
        raise InputError(
            "the only picture is kept for validation (every twentieth is); add another"
        )
    if memory == "auto":
        wanted = sum(decoded_size(file, task) for file in training) * (5 if halved else 4) // 4
        memory = "device" if wanted < free_memory(device) // 3 else "disk"
        if memory == "disk":
            _log.info("decoded pictures take %.1f GB: cached in %s", wanted / 1e9, folder)
    paired = {gt: lq for source in sources for gt, lq in source.lq.items()}
    if memory == "disk" and not paired:
        prepared = prepare(sources, folder, plane=task.plane, halved=halved)
        return from_prepared(prepared, task=task, side=side, halved=halved)
    rows = _large_enough(decoded(training, task.plane, halved=halved and not paired), side)
    cache = _on_device(rows, device)
    if paired:
        lq_files = [paired[training[row.number]] for row, _ in rows]
        cache = _with_lq(cache, rows, lq_files, task, scale, device)
    validation = [file for source in sources for file in source.validation]
    if not paired:
        readable = [validation[row.number] for row, _ in decoded(validation, task.plane)]
        pictures = list(references(readable, task))
    else:
        pictures = list(references(validation, task, lq_files=paired))
    return Pictures(training=cache, validation=_measurable(pictures, task))


def open_pictures(folder: Path, *, task: Task, side: int, halved: bool) -> Pictures:
    """What ``rnan data prepare`` made.

    Raises:
        ConfigError: It was prepared for another kind of task, or without halved pictures, by
            another version, or is cut short.
        InputError: No picture has sides of ``side``.
    """
    return from_prepared(
        open_prepared(folder, plane=task.plane, halved=halved), task=task, side=side, halved=halved
    )


def from_prepared(prepared: Prepared, *, task: Task, side: int, halved: bool) -> Pictures:
    """Mapped pictures with sides of at least ``side``."""
    heights, widths = (
        torch.tensor([getattr(row, name) for row in prepared.training])
        for name in ("height", "width")
    )
    offsets = torch.cumsum(heights * widths, 0) - heights * widths
    wanted = [n for n, row in enumerate(prepared.training) if halved or not row.half]
    chosen = [n for n in wanted if min(heights[n], widths[n]) >= side]
    _say_small(len(wanted) - len(chosen), len(wanted), side)
    kept = [prepared.training[n] for n in chosen]
    return Pictures(
        training=PictureCache(
            pixels=torch.from_numpy(prepared.pixels()),
            offsets=offsets[chosen],
            heights=heights[chosen],
            widths=widths[chosen],
            sha256=_sha256((row.name, row.sha256) for row in kept),
        ),
        validation=_measurable(prepared.references(), task),
    )


def _measurable(pictures: list[Reference], task: Task) -> list[Reference]:
    """The validation pictures that have something inside the border that is cut."""
    largest = max(task.scales)
    side = (2 * task.protocol.crop_border + 1) * largest
    kept = [one for one in pictures if min(one.gt.shape[:2]) >= side]
    if not kept:
        raise InputError("no picture is left for validation: every twentieth, from the first on")
    if small := len(pictures) - len(kept):
        _log.warning("left out of validation: %d pictures smaller than %d pixels", small, side)
    return kept


def _large_enough(
    rows: Iterable[tuple[Row, NDArray[np.uint8]]], side: int
) -> list[tuple[Row, NDArray[np.uint8]]]:
    every = list(rows)
    kept = [row for row in every if min(row[1].shape[:2]) >= side]
    _say_small(len(every) - len(kept), len(every), side)
    return kept


def _say_small(small: int, number: int, side: int) -> None:
    if not number:
        raise InputError("no picture can be read")
    if small == number:
        raise InputError(f"no picture has sides of at least {side} pixels")
    if small:
        _log.warning("%d pictures are smaller than %d pixels: left out", small, side)


def _on_device(rows: list[tuple[Row, NDArray[np.uint8]]], device: torch.device) -> PictureCache:
    heights = torch.tensor([pixels.shape[0] for _, pixels in rows])
    widths = torch.tensor([pixels.shape[1] for _, pixels in rows])
    flat = [torch.from_numpy(pixels.reshape(-1, pixels.shape[2])) for _, pixels in rows]
    return PictureCache(
        pixels=torch.cat(flat).to(device),
        offsets=torch.cumsum(heights * widths, 0) - heights * widths,
        heights=heights,
        widths=widths,
        sha256=_sha256((row.name, row.sha256) for row, _ in rows),
    )


def _with_lq(
    cache: PictureCache,
    rows: list[tuple[Row, NDArray[np.uint8]]],
    lq_files: list[Path],
    task: Task,
    scale: int,
    device: torch.device,
) -> PictureCache:
    """The cache with the LQ pictures beside it; references cut to a multiple of the scale."""
    lq_rows = [
        (row, lq_pixels(file, pixels, task, scale))
        for (row, pixels), file in zip(rows, lq_files, strict=True)
    ]
    lq = _on_device(lq_rows, device)
    cut = [
        (row, np.ascontiguousarray(gt[: one.shape[0] * scale, : one.shape[1] * scale]))
        for (row, gt), (_, one) in zip(rows, lq_rows, strict=True)
    ]
    gt = _on_device(cut, device)
    digest = _sha256([("gt", cache.sha256), ("lq", _digest(lq.pixels))])
    return PictureCache(
        pixels=gt.pixels,
        offsets=gt.offsets,
        heights=gt.heights,
        widths=gt.widths,
        sha256=digest,
        lq=lq,
    )


def _digest(pixels: Tensor) -> str:
    return hashlib.sha256(pixels.cpu().numpy().data).hexdigest()


def _sha256(parts: Iterable[tuple[str, str]]) -> str:
    digest = hashlib.sha256()
    for name, value in parts:
        digest.update(os.fsencode(f"{name} {value}\n"))
    return digest.hexdigest()
