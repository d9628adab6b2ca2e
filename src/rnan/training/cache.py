"""Decoded pictures where the crops are cut: on the training device, or in a memory-mapped file."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rnan.degradations.resize import resize
from rnan.errors import ConfigError, InputError, ResourceError
from rnan.evaluation.datasets import read_values
from rnan.images import size_of
from rnan.inference.device import free_memory
from rnan.tasks import Task

_log = logging.getLogger(__name__)
_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class PictureCache:
    """All pictures behind one another, so that any crop is one gather."""

    pixels: Tensor
    """``(sum of H·W, C)`` uint8."""
    offsets: Tensor
    """Row of the first pixel of each picture, int64."""
    heights: Tensor
    widths: Tensor
    sha256: str
    """Of names, sizes and pixels: which data a network was trained on."""

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def device(self) -> torch.device:
        """Where the crops are cut."""
        return self.pixels.device


def build_cache(
    files: list[Path],
    *,
    task: Task,
    smallest_side: int,
    device: torch.device,
    memory: str,
    folder: Path,
    halved: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> PictureCache:
    """Decode pictures to the device when they fit, else to a memory-mapped file in ``folder``.

    Args:
        files: Pictures.
        task: Says what of a picture is kept: a colour task makes a gray picture three equal
            planes, a gray one makes a colour picture gray.
        smallest_side: Pictures with a smaller side are left out, with a warning.
        device: Of the training.
        memory: ``auto``, ``device`` or ``disk``.
        folder: For the file; used only when one is needed.
        halved: Every picture once more at half its size, which is sharper and finer.
        progress: Called with the pictures done and in all.

    Raises:
        InputError: A picture cannot be read, or none is large enough.
        ResourceError: The disk is full.
    """
    if memory == "auto":
        wanted = sum(_decoded_size(file, task.channels) for file in files)
        memory = "device" if wanted < free_memory(device) // 3 else "disk"
        if memory == "disk":
            _log.info("decoded pictures take %.1f GB: cached in %s", wanted / 1e9, folder)
    rows = _decoded(files, task, smallest_side, halved, progress)
    if memory == "device":
        return _on_device(rows, device)
    made_of = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    key = json.dumps([_VERSION, task.plane, smallest_side, halved, made_of]).encode()
    return _on_disk(rows, folder / hashlib.sha256(key).hexdigest()[:16])


Row = tuple[str, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]


def _decoded(
    files: list[Path],
    task: Task,
    smallest_side: int,
    halved: bool,
    progress: Callable[[int, int], None] | None,
) -> Iterator[Row]:
    small = 0
    for done, file in enumerate(files):
        pixels = task.reference(read_values(file)).astype(np.uint8)
        if pixels.shape[2] == 1 and task.channels == 3:
            pixels = np.repeat(pixels, 3, axis=2)
        if min(pixels.shape[:2]) < smallest_side:
            small += 1
        else:
            yield file.name, pixels
        if halved and min(pixels.shape[:2]) >= 2 * smallest_side:
            half = resize(pixels, pixels.shape[0] // 2, pixels.shape[1] // 2)
            yield f"half of {file.name}", np.ascontiguousarray(half)
        if progress is not None:
            progress(done + 1, len(files))
    if small == len(files):
        raise InputError(f"no picture has sides of at least {smallest_side} pixels")
    if small:
        _log.warning("%d pictures are smaller than %d pixels: left out", small, smallest_side)


def _decoded_size(file: Path, channels: int) -> int:
    size = size_of(file)  # where it cannot be told, reading says why
    return size[0] * size[1] * channels if size else 0


def _index(names: list[str], sizes: list[tuple[int, int]]) -> tuple[Tensor, Tensor, Tensor]:
    heights = torch.tensor([height for height, _ in sizes])
    widths = torch.tensor([width for _, width in sizes])
    offsets = torch.cumsum(heights * widths, 0) - heights * widths
    return offsets, heights, widths


def _on_device(rows: Iterable[Row], device: torch.device) -> PictureCache:
    names, sizes, parts = [], [], []
    digest = hashlib.sha256()
    for name, pixels in rows:
        names.append(name)
        sizes.append((pixels.shape[0], pixels.shape[1]))
        parts.append(torch.tensor(pixels.reshape(-1, pixels.shape[2])))
        _update(digest, name, pixels)
    offsets, heights, widths = _index(names, sizes)
    return PictureCache(
        pixels=torch.cat(parts).to(device),
        offsets=offsets,
        heights=heights,
        widths=widths,
        sha256=digest.hexdigest(),
    )


def _on_disk(rows: Iterable[Row], stem: Path) -> PictureCache:
    names, sizes = [], []
    digest = hashlib.sha256()
    pixels_file, index_file = stem.with_suffix(".pixels"), stem.with_suffix(".json")
    if not index_file.exists():
        try:
            stem.parent.mkdir(parents=True, exist_ok=True)
            partial = pixels_file.with_suffix(".partial")
            with partial.open("wb") as out:
                for name, pixels in rows:
                    names.append(name)
                    sizes.append((pixels.shape[0], pixels.shape[1]))
                    out.write(np.ascontiguousarray(pixels).data)
                    _update(digest, name, pixels)
                    channels = pixels.shape[2]
            partial.replace(pixels_file)
            index = {
                "names": names,
                "sizes": sizes,
                "channels": channels,
                "sha256": digest.hexdigest(),
            }
            partial.write_text(json.dumps(index), encoding="utf-8")
            partial.replace(index_file)
        except OSError as error:
            raise ResourceError(
                f"the cache {stem.parent} cannot be written: {error.strerror}"
            ) from error
    index = json.loads(index_file.read_text(encoding="utf-8"))
    total = sum(height * width for height, width in index["sizes"])
    if pixels_file.stat().st_size != total * index["channels"]:
        raise ConfigError(f"the cache {pixels_file} is cut short; delete it and run again")
    # Copy on write: nothing writes, but PyTorch wants memory that could be written.
    mapped = np.memmap(pixels_file, np.uint8, mode="c", shape=(total, index["channels"]))
    offsets, heights, widths = _index(index["names"], index["sizes"])
    return PictureCache(
        pixels=torch.from_numpy(mapped),
        offsets=offsets,
        heights=heights,
        widths=widths,
        sha256=index["sha256"],
    )


def _update(
    digest: hashlib._Hash, name: str, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
) -> None:
    digest.update(f"{name} {pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
