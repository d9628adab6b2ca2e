"""Folders of pictures as references for a measurement."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnan.degradations.resize import at_half_size
from rnan.errors import InputError
from rnan.evaluation.metrics import LEAST_SIDE
from rnan.images import EXTENSIONS
from rnan.images.picture import to_float
from rnan.images.read import size_of
from rnan.isolation import read
from rnan.tasks import Task

HOLDOUT = 20
"""The 1st, 21st, 41st … picture of a training folder is for validation, never trained on."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A clean picture of a data set."""

    name: str
    """The file's name without its ending, where that is its own; it seeds the degradation."""
    gt: NDArray[np.float64]
    """Whole numbers ``(H, W, C)`` on the 0-255 scale."""
    lq: NDArray[np.float64] | None = None
    """A given LQ picture, where nothing is to be degraded."""


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder, by name."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in EXTENSIONS and path.is_file() and not path.name.startswith(".")
    )
    if not files:
        raise InputError(f"{folder} holds no pictures ({', '.join(EXTENSIONS)})")
    return files


def check_sizes(files: Sequence[Path]) -> None:
    """Refuse pictures that cannot be measured, before hours are spent on the others."""
    for file in files:
        size = size_of(file)
        if size is not None and min(size) < LEAST_SIDE:
            raise InputError(f"SSIM needs sides of at least {LEAST_SIDE} pixels, {file} has fewer")


def split(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Training and validation part of a training folder, see :data:`HOLDOUT`."""
    return [file for i, file in enumerate(files) if i % HOLDOUT], files[::HOLDOUT]


def read_values(file: Path) -> NDArray[np.float64]:
    """A picture on the 0-255 scale: ``(H, W, 1)`` or ``(H, W, 3)``."""
    return np.float64(255.0) * to_float(read(file).pixels).astype(np.float64)


def names_of(files: Sequence[Path]) -> list[str]:
    """What pictures of one set are called; ``a.png`` and ``a.bmp`` are two, each with its noise."""
    stems = Counter(file.stem for file in files)
    return [file.stem if stems[file.stem] == 1 else file.name for file in files]


def references(
    files: list[Path], task: Task, *, lq_files: dict[Path, Path] | None = None
) -> Iterator[Reference]:
    """Read pictures one by one, as references of a task."""
    for file, name in zip(files, names_of(files), strict=True):
        gt = task.reference(read_values(file))
        lq = None
        if lq_files is not None:
            lq = read_values(lq_files[file])
            if lq.shape[2] == 3 and gt.shape[2] == 1:
                lq = task.reference(lq)
        yield Reference(name=name, gt=gt, lq=lq)


def middle(picture: Reference, crop: int) -> Reference:
    """Only the middle ``crop`` x ``crop`` pixels of a picture, all of a smaller side.

    A given LQ picture is cut where it shows the same.
    """
    gt, lq = picture.gt, picture.lq
    # Whole JPEG blocks, Bayer cells and LQ pixels stay whole.
    top, left = (max(0, (side - crop) // 2) // 48 * 48 for side in gt.shape[:2])
    if lq is not None:
        scale = max(1, round(gt.shape[0] / lq.shape[0]))
        first, across, side = top // scale, left // scale, crop // scale
        lq = lq[first : first + side, across : across + side]
        crop = side * scale
    return replace(picture, gt=gt[top : top + crop, left : left + crop], lq=lq)


def halved(picture: Reference) -> Reference:
    """A picture at half its size: what a JPEG did to its pixels and its colour is gone then."""
    gt = at_half_size(picture.gt.astype(np.uint8)).astype(np.float64)
    return Reference(name=f"half of {picture.name}", gt=gt)


def pair(files: list[Path], folder: Path) -> dict[Path, Path]:
    """The given LQ picture of each reference: its name, with or without something added.

    ``woman.png`` is found as ``woman.png``, ``woman.jpg``, ``womanx2.png`` or ``woman_LQ_Q10.png``.
    """
    candidates = picture_files(folder)
    stems = {file.stem for file in files}
    partners = {}
    for file in files:
        exact = [lq for lq in candidates if lq.stem == file.stem]
        fitting = exact or [
            lq
            for lq in candidates
            if _is_name_and_more(lq.stem, file.stem) and lq.stem not in stems
        ]
        if len(fitting) != 1:
            what = "no picture" if not fitting else f"{len(fitting)} pictures"
            raise InputError(f"{folder} holds {what} for {file.name}")
        partners[file] = fitting[0]
    return partners


def _is_name_and_more(stem: str, name: str) -> bool:
    return re.fullmatch(re.escape(name) + r"([_\-.].*|x\d.*)", stem) is not None
