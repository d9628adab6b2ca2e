"""Pictures within the limits of a server: looked at, restored, shown."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnan.degradations.resize import resize
from rnan.errors import ConfigError, InputError, RnanError
from rnan.estimation.mosaic import mosaic_pattern
from rnan.images import Picture, ReadOptions, WriteOptions, from_float, read, to_float
from rnan.images.endings import EXTENSIONS, RAW_EXTENSIONS
from rnan.images.raw import is_raw
from rnan.images.read import size_of
from rnan.images.write import FORMATS, encode
from rnan.inference.files import FileOptions
from rnan.inference.inspection import Findings, inspect
from rnan.inference.plan import Job as Paths
from rnan.inference.plan import renamed
from rnan.server.jobs import Job
from rnan.server.problems import Problem
from rnan.server.settings import ServerOptions
from rnan.work import Wish, Work

_KEPT = 6
"""Sets of loaded networks."""


class Studio:
    """Restores the pictures of jobs; safe to use from several threads.

    Args:
        options: Of the server.
    """

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._works: OrderedDict[str, Work] = OrderedDict()
        self._lock = threading.Lock()

    def source(self, job: Job) -> Path:
        """Where the upload of a job is; its ending says what the client called it."""
        suffix = Path(job.name).suffix.lower()
        known = (*EXTENSIONS, *RAW_EXTENSIONS) if self._options.raw else EXTENSIONS
        return job.folder / f"picture{suffix if suffix in known else ''}"

    def reading(self, reading: ReadOptions) -> ReadOptions:
        """With the limits of the server."""
        return replace(reading, max_pixels=self._options.max_pixels, formats=self._options.formats)

    def check_size(self, path: Path, *, scale: float = 1.0, most: int | None = None) -> None:
        """Refuse a picture that is too large, by its header.

        Raises:
            InputError: It is, or its result would be.
        """
        size = size_of(path)
        if size is None:
            return  # decoding looks at it again
        pixels = size[0] * size[1]
        limit = min(most or self._options.max_pixels, self._options.max_pixels)
        if pixels > limit:
            larger = limit < self._options.max_pixels
            more = "; POST /api/v1/jobs takes larger ones" if larger else ""
            raise InputError(f"{pixels / 1e6:.1f} megapixels; the limit is {limit / 1e6:g}{more}")
        if pixels * scale**2 > self._options.max_output_pixels:
            raise InputError(
                f"the result would have {pixels * scale**2 / 1e6:.0f} megapixels; the limit is "
                f"{self._options.max_output_pixels / 1e6:g}"
            )

    def look(self, job: Job, reading: ReadOptions) -> Findings:
        """What is found in an upload.

        Raises:
            RnanError: It is no picture that can be read.
        """
        source = self.source(job)
        with _called(source, job.name):
            self.check_size(source)
            return inspect(read(source, self.reading(reading)))

    def restore(
        self,
        job: Job,
        wish: Wish,
        files: FileOptions,
        ending: str | None,
        *,
        most: int | None = None,
    ) -> None:
        """Restore the upload of a job into its result.

        Args:
            job: Whose.
            wish: What is done.
            files: How it is read and written.
            ending: Of the result, if not the upload's.
            most: Pixels, where fewer are allowed than by the server's options.

        Raises:
            RnanError: Whatever goes wrong, in one line.
        """
        source = self.source(job)
        target = job.folder / "result" / renamed(Path(source.name), "{stem}{ext}", ending)
        if is_raw(source) and wish.restoration != "demosaic":
            raise ConfigError("camera raw is for demosaic")
        scale = float(wish.level) if wish.restoration == "upscale" else 1.0

        def advance(done: int, total: int) -> None:
            job.tiles = (done, total)

        with _called(source, job.name):
            self.check_size(source, scale=scale, most=most)
            reading = self.reading(files.reading)
            # Of another page than the first the header says nothing.
            allowed = min(
                most or reading.max_pixels,
                reading.max_pixels,
                int(self._options.max_output_pixels / scale**2),
            )
            limited = replace(files, reading=replace(reading, max_pixels=allowed))
            job.files = limited
            done = self._work(wish)(Paths(source, target), limited, progress=advance, cancel=job)
        job.said = done.said
        job.result = target

    def blended(self, job: Job, strength: float) -> bytes:
        """The result of a job, mixed with its input.

        Args:
            job: One that is done.
            strength: 0 to 1: the share of the restored picture.

        Raises:
            Problem: The input is no picture to mix with.
        """
        assert job.result is not None
        restored = read(job.result)
        before = self._picture(job)
        zero_filled = not before.is_gray and mosaic_pattern(before.pixels) is not None
        same = before.size == restored.size
        if (
            zero_filled
            or before.is_gray != restored.is_gray
            or not (same or restored.size[0] > before.size[0])
        ):
            raise Problem(409, "a mosaic is no picture to blend with")
        large = to_float(before.pixels)
        if not same:
            large = resize(large, *restored.size)
        mixed = large + strength * (to_float(restored.pixels) - large)
        pixels = from_float(mixed, restored.pixels.dtype)
        kind = FORMATS[job.result.suffix.lower()]
        return encode(replace(restored, pixels=pixels), kind, job.files.writing)

    def shown(self, job: Job, *, after: bool) -> bytes:
        """Input or result for a browser: a PNG of 8 bits."""
        assert not after or job.result is not None
        picture = read(job.result) if after and job.result is not None else self._picture(job)
        return encode(picture, "PNG", WriteOptions(bit_depth=8, strip_metadata=True))

    def _picture(self, job: Job) -> Picture:
        source = self.source(job)
        if is_raw(source):
            raise Problem(409, "camera raw is no picture to look at")
        with _called(source, job.name):
            frame = job.files.reading.frame or 1
            return read(
                source, self.reading(ReadOptions(frame=frame, assume_cmyk=True, salvage=True))
            )

    def _work(self, wish: Wish) -> Work:
        key = repr(wish)
        with self._lock:
            work = self._works.pop(key, None) or Work(wish)
            self._works[key] = work
            while len(self._works) > _KEPT:
                self._works.popitem(last=False)
        return work


class _called:  # noqa: N801 - reads as a sentence: with _called(path, name)
    """Errors name the client's picture, not a path of the server."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = str(path), name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, at: Any) -> None:
        if isinstance(error, RnanError):
            error.args = (str(error).replace(self._path, self._name),)
