"""Damaged files given to what reads them, and what became of each."""

from __future__ import annotations

import contextlib
import logging
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutations import FORMATS, mutated, seeds
from rnan.errors import RnanError
from rnan.export.info import info_of
from rnan.images import Picture
from rnan.images.write import encode
from rnan.isolation.limits import LIMITS
from rnan.isolation.pool import Process
from rnan.models.checkpoints import from_bytes
from rnan.options.files import WRITE, ReadOptions
from rnan.pipeline.manifest import NAME, Manifest
from rnan.pipeline.plan import Plan
from rnan.runtimes.mnn import metadata_of
from rnan.training.recipe import load_config

READ, REFUSED, OVER, LOST = "read", "refused", "over a limit", "lost"
MEGABYTE = 2**20
_OVER = ("took more than", "it crashes its decoder")


@dataclass
class Tally:
    """What became of the files."""

    counts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """By format, then by outcome."""
    seconds: list[float] = field(default_factory=list)
    """Of each file."""
    memory: list[int] = field(default_factory=list)
    """The most that the process held for each picture, in bytes."""
    lost: list[str] = field(default_factory=list)
    """Format, number and what went wrong."""
    over: list[str] = field(default_factory=list)


class Reader:
    """Reads files of every format; pictures in a process whose memory is watched."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: Process | None = None

    def __call__(self, kind: str, data: bytes) -> None:
        """Read a file, and write what was read."""
        others: dict[str, Callable[[bytes], object]] = {
            "safetensors": from_bytes,
            "graph": lambda data: info_of(metadata_of(data), name="x"),
            "recipe": self._recipe,
            "manifest": self._manifest,
        }
        if kind in others:
            others[kind](data)
            return
        operation, given = "decode", {"name": "x", "options": ReadOptions(frame=1)}
        if kind == "dng":
            operation, given = "decode_raw", {"name": "x", "max_pixels": 2**29}
        result = self._in_process(operation, data, given)
        if isinstance(result, Picture):
            for file_format in ("PNG", "TIFF", "WEBP"):
                encode(result, file_format, WRITE)

    def _in_process(self, operation: str, data: bytes, given: dict[str, Any]) -> object:
        if self._process is None or not self._process.is_usable:
            self.close()
            self._process = Process()
        forget_peak(self._process.pid)
        return self._process.run(operation, data, given, name="x", limits=LIMITS, cancel=None)

    @property
    def peak(self) -> int:
        """The most memory of the last picture, in bytes; 0 where nobody knows."""
        return 0 if self._process is None else peak_of(self._process.pid)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def _recipe(self, data: bytes) -> None:
        file = self._folder / "recipe.yaml"
        file.write_bytes(data)
        load_config(file)

    def _manifest(self, data: bytes) -> None:
        (self._folder / NAME).write_bytes(data)
        manifest = Manifest(self._folder, {})
        plan = Plan(self._folder / "0.png", self._folder / "out" / "0.png")
        manifest.is_complete(plan)
        manifest.foreign(plan)


def forget_peak(pid: int) -> None:
    """Let the system count a process's most memory from now on."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_of(pid: int) -> int:
    """The most memory that a process held, in bytes."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def numbers(first: int, number: int | None, minutes: float | None) -> Iterator[int]:
    """Numbers of files: so many, or until the time is over."""
    end = None if minutes is None else time.monotonic() + 60 * minutes
    at = first
    while (number is None or at < first + number) and (end is None or time.monotonic() < end):
        yield at
        at += 1


def fuzz(
    seed: int, *, number: int | None = None, minutes: float | None = None, first: int = 0
) -> Tally:
    """Make damaged files and read them.

    Args:
        seed: Files are those of this seed, by their number.
        number: So many files.
        minutes: Or until this time is over.
        first: Number of the first.
    """
    tally, whole = Tally(), seeds()
    for library in ("tifffile", "rnan"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # they have much to say
    kinds = [*FORMATS]
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(Path(folder))
        for at in numbers(first, number, minutes):
            kind = kinds[at % len(kinds)]
            data = mutated(kind, whole[kind], random.Random(f"{seed}/{at}"))
            start = time.perf_counter()
            outcome = READ
            try:
                reader(kind, data)
            except RnanError as error:
                is_over = any(word in str(error) for word in _OVER)
                outcome = OVER if is_over else REFUSED
                if is_over:
                    tally.over.append(f"{kind} {at}: {error}")
                if "\n" in str(error) or len(str(error)) > 400:
                    outcome = LOST
                    tally.lost.append(f"{kind} {at}: {error}")
            except Exception as error:  # that is what is looked for
                outcome = LOST
                tally.lost.append(f"{kind} {at}: {error!r}"[-2000:])
            tally.seconds.append(time.perf_counter() - start)
            if len(data) < MEGABYTE:
                tally.memory.append(reader.peak)
            tally.counts[kind][outcome] += 1
        reader.close()
    return tally
