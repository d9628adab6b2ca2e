"""Pictures within the limits of a server: looked at, restored, shown."""

import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rnan.degradations.resize import resize
from rnan.errors import ConfigError, InputError, RnanError
from rnan.estimation.mosaic import mosaic_pattern
from rnan.images import Picture, ReadOptions, WriteOptions, from_float, to_float
from rnan.images.endings import RAW_EXTENSIONS
from rnan.images.formats.registry import EXTENSIONS, USUAL_ENDING, WRITTEN
from rnan.images.raw import Raw, is_raw
from rnan.images.raw.colours import quick_look
from rnan.images.write import encode
from rnan.isolation import read, read_raw, size_of
from rnan.options.raw import RAW_RESTORATIONS
from rnan.options.request import Request
from rnan.options.server import ServerOptions
from rnan.pipeline.developing import plain
from rnan.pipeline.inspection import Findings, inspect
from rnan.pipeline.pipeline import Pipeline
from rnan.pipeline.plan import Plan, renamed, takes_raw
from rnan.pipeline.raw_findings import RawFindings, inspect_raw
from rnan.server.jobs import Job
from rnan.server.problems import Problem

_KEPT = 6
"""Sets of loaded networks."""


class Studio:
    """Restores the pictures of jobs; safe to use from several threads."""

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._pipelines: OrderedDict[object, Pipeline] = OrderedDict()
        self._lock = threading.Lock()

    def source(self, job: Job) -> Path:
        """Where the upload of a job is; its ending says what the client called it."""
        suffix = Path(job.name).suffix.lower()
        known = EXTENSIONS if self._options.no_raw else (*EXTENSIONS, *RAW_EXTENSIONS)
        return job.folder / f"picture{suffix if suffix in known else ''}"

    def reading(self, reading: ReadOptions) -> ReadOptions:
        """With the limits of the server."""
        return replace(reading, max_pixels=self._options.max_pixels, formats=self._options.formats)

    def check_size(self, path: Path, *, scale: float = 1.0, most: int | None = None) -> None:
        """Refuse a picture that is too large, by its header."""
        size = size_of(path)
        if size is None:
            return  # decoding looks at it again
        pixels = size[0] * size[1]
        limit = min(most or self._options.max_pixels, self._options.max_pixels)
        if pixels > limit:
            larger = limit < self._options.max_pixels
            more = "; POST /api/v1/jobs takes larger ones" if larger else ""
            raise InputError(f"{pixels / 1e6:.1f} megapixels; the limit is {limit / 1e6:g}{more}")
        if pixels * scale**2 > self._options.output_pixels:
            raise InputError(
                f"the result would have {pixels * scale**2 / 1e6:.0f} megapixels; the limit is "
                f"{self._options.output_pixels / 1e6:g}"
            )

    def look(self, job: Job, reading: ReadOptions) -> Findings | RawFindings:
        """What is found in an upload."""
        source = self.source(job)
        with _called(source, job.name):
            if is_raw(source):
                return inspect_raw(self._raw(source, job))
            self.check_size(source)
            return inspect(read(source, self.reading(reading), cancel=job.stop))

    def restore(self, job: Job, request: Request, *, most: int | None = None) -> None:
        """Restore the upload of a job into its result."""
        source = self.source(job)
        file_format = request.writing.format
        ending = USUAL_ENDING[file_format.upper()] if file_format else None
        target = job.folder / "result" / renamed(Path(source.name), "{stem}{ext}", ending)
        if is_raw(source) and not takes_raw(request.restoration):
            raise ConfigError(f"camera raw is for {', '.join(RAW_RESTORATIONS)}")
        scale = request.level.enlargement

        def advance(done: int, total: int) -> None:
            job.tiles = (done, total)

        with _called(source, job.name):
            self.check_size(source, scale=scale, most=most)
            reading = self.reading(request.reading)
            # Of another page than the first the header says nothing.
            allowed = min(
                most or reading.max_pixels,
                reading.max_pixels,
                int(self._options.output_pixels / scale**2),
            )
            job.request = replace(request, reading=replace(reading, max_pixels=allowed))
            plan = Plan(source, target, overwrite=True)
            pipeline = self._pipeline(request)
            result = pipeline(plan, job.request, progress=advance, cancel=job)
        job.description = result.description
        job.result = target

    def blended(self, job: Job, strength: float) -> bytes:
        """The result of a job, mixed with its input.

        Args:
            job: One that is done.
            strength: 0 to 1: the share of the restored picture.
        """
        assert job.result is not None
        if is_raw(job.result):
            raise Problem(
                409, "a DNG is not mixed afterwards: send strength along with the picture"
            )
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
        kind = WRITTEN[job.result.suffix.lower()]
        return encode(replace(restored, pixels=pixels), kind, job.request.writing)

    def shown(self, job: Job, *, after: bool) -> bytes:
        """Input or result for a browser: a PNG of 8 bits."""
        assert not after or job.result is not None
        if not after or job.result is None:
            picture = self._picture(job)
        elif is_raw(job.result):
            picture = plain(self._raw(job.result, job), job.request.raw)
        else:
            picture = read(job.result)
        return encode(picture, "PNG", WriteOptions(bit_depth=8, strip_metadata=True))

    def preview(self, job: Job, side: int) -> bytes:
        """A small JPEG of an upload, camera raw too, at most ``side`` pixels long."""
        source = self.source(job)
        with _called(source, job.name):
            if is_raw(source):
                picture = quick_look(self._raw(source, job))
            else:
                self.check_size(source)
                reading = self.reading(ReadOptions(frame=1, assume_cmyk=True))
                picture = read(source, reading, cancel=job.stop)
        height, width = picture.size
        share = min(1.0, side / max(height, width))
        small = to_float(picture.pixels)
        if share < 1.0:
            small = resize(small, max(1, round(share * height)), max(1, round(share * width)))
        pixels = from_float(small, np.dtype(np.uint8))
        shown = replace(picture, pixels=pixels, alpha=None)
        return encode(shown, "JPEG", WriteOptions(jpeg_quality=85, strip_metadata=True))

    def _raw(self, source: Path, job: Job) -> Raw:
        return read_raw(source, max_pixels=self._options.max_pixels, cancel=job.stop)

    def _picture(self, job: Job) -> Picture:
        source = self.source(job)
        with _called(source, job.name):
            if is_raw(source):
                return plain(self._raw(source, job), job.request.raw)
            frame = job.request.reading.frame or 1
            reading = ReadOptions(frame=frame, assume_cmyk=True, salvage=True)
            return read(source, self.reading(reading), cancel=job.stop)

    def _pipeline(self, request: Request) -> Pipeline:
        """The loaded networks that suit a request, which itself goes along with each picture."""
        key = (request.restoration, request.model, request.restoring)
        with self._lock:
            pipeline = self._pipelines.pop(key, None) or Pipeline(request)
            self._pipelines[key] = pipeline
            while len(self._pipelines) > _KEPT:
                self._pipelines.popitem(last=False)
        return pipeline


class _called:  # noqa: N801 - reads as a sentence: with _called(path, name)
    """Errors name the client's picture, not a path of the server."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = str(path), name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, at: Any) -> None:
        if isinstance(error, RnanError):
            error.rename(self._path, self._name)
