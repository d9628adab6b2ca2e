"""Folders of pictures as references for a measurement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnan.errors import InputError
from rnan.images import EXTENSIONS, read
from rnan.images.picture import to_float

HOLDOUT = 20
"""Of a training folder the 1st, 21st, 41st … picture is for validation, never trained on."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A clean picture of a data set."""

    name: str
    """The file's name without its ending; it seeds the degradation."""
    gt: NDArray[np.float64]
    """``(H, W, C)`` on the 0-255 scale."""


def picture_files(folder: Path) -> list[Path]:
    """The pictures of a folder, by name.

    Raises:
        InputError: The folder is missing or holds no picture.
    """
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


def split(files: list[Path]) -> tuple[list[Path], list[Path]]:
    """Training and validation part of a training folder, see :data:`HOLDOUT`."""
    return [file for i, file in enumerate(files) if i % HOLDOUT], files[::HOLDOUT]


def references(files: list[Path], *, channels: int, crop: int | None = None) -> Iterator[Reference]:
    """Read pictures one by one.

    Args:
        files: What :func:`picture_files` found.
        channels: 3 makes a gray picture three equal planes.
        crop: Take only the middle ``crop`` x ``crop`` pixels (all of a smaller side).
    """
    for file in files:
        gt = np.float64(255.0) * to_float(read(file).pixels).astype(np.float64)
        if gt.shape[2] == 1 and channels == 3:
            gt = np.repeat(gt, 3, axis=2)
        if crop is not None:
            top, left = (max(0, (side - crop) // 2) for side in gt.shape[:2])
            gt = gt[top : top + crop, left : left + crop]
        yield Reference(name=file.stem, gt=np.rint(gt))
