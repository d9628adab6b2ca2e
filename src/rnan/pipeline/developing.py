"""Camera raw to a picture or a DNG: noise found, demosaiced, developed, written."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rnan.errors import ConfigError, InputError, OptionRef
from rnan.estimation.sensor_noise import noise_of
from rnan.images import Picture, write
from rnan.images.compare import side_by_side
from rnan.images.raw import Raw, SensorNoise
from rnan.images.raw.colours import developed
from rnan.images.raw.linear_dng import encode_dng
from rnan.inference.memory import enough_memory
from rnan.inference.raws import balanced, restore_raw
from rnan.inference.restorer import Restorer
from rnan.inference.result import Result, Step
from rnan.inference.sensors import bilinear
from rnan.inference.streaming import Cancel
from rnan.inference.tiled import Progress
from rnan.isolation import read_raw
from rnan.options.files import WriteOptions
from rnan.options.levels import MosaicLevel
from rnan.options.option import options_of
from rnan.options.raw import RawOptions
from rnan.options.request import Request
from rnan.pipeline.files import check_outputs, write_bytes, write_result
from rnan.pipeline.plan import STREAM, Plan

_log = logging.getLogger(__name__)

_PREVIEW = 1024
"""Longest side of the preview in a DNG."""

Choose = Callable[[Raw, SensorNoise], Restorer]
"""The network for what a sensor measured."""


@dataclass(frozen=True, kw_only=True)
class Negative:
    """Camera raw, and the noise that it is taken to have."""

    raw: Raw
    noise: SensorNoise
    source: str
    """Where the noise is from: ``given``, or what :func:`noise_of` says."""

    @property
    def description(self) -> str:
        """``RGGB, noise like ISO 6400: …, measured``."""
        kind = self.raw.pattern.upper() or "all colours in each pixel"
        if self.raw.interpolated:
            kind = f"interpolated by {self.raw.interpolated}"
        return f"{kind}, {self.noise.in_words()}, {self.source}"


def open_negative(raw: Raw, options: RawOptions, noise_scale: float = 1.0) -> Negative:
    """What holds for a raw: its noise is as asked for, as the file says, or measured.

    Args:
        raw: As it was read.
        options: Say whether the noise is given.
        noise_scale: How many times its variance is reckoned with.
    """
    if options.noise != "auto":
        noise, source = SensorNoise.of(*options.noise), "given"
    else:
        noise, source = noise_of(raw)
    return Negative(raw=raw, noise=noise.scaled(noise_scale), source=source)


def develop(
    restorer: Restorer,
    negative: Negative,
    options: RawOptions | None = None,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Picture:
    """An upright picture of what a sensor saw.

    Args:
        restorer: For mosaics, or for pictures where the samples have all colours.
        negative: As :func:`open_negative` gives it.
        options: How it is developed.
        progress: See :class:`~rnan.inference.Restorer`.
        cancel: See there.
    """
    options = options or RawOptions()
    raw = negative.raw
    light = restore_raw(
        restorer,
        raw,
        negative.noise,
        beyond_white=options.rendering == "linear" and raw.goes_beyond_white,
        progress=progress,
        cancel=cancel,
    )
    top, left, bottom, right = (0, 0, *raw.size) if options.full else raw.crop
    return developed(light[top:bottom, left:right], raw, options.rendering)


def plain(raw: Raw, options: RawOptions | None = None) -> Picture:
    """The same without a network, noise and all: to be compared with."""
    options = options or RawOptions()
    gains = raw.gains()
    light = balanced(raw.samples, gains)
    if raw.is_mosaic:
        light = bilinear(light, raw.pattern).transpose(1, 2, 0)
    top, left, bottom, right = (0, 0, *raw.size) if options.full else raw.crop
    return developed(np.minimum(light[top:bottom, left:right], 1.0), raw, options.rendering)


def develop_file(
    choose: Choose,
    plan: Plan,
    request: Request,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Result:
    """Develop one file; nothing is left of a failed attempt.

    Raises:
        RnanError: As the message says.
    """
    writing = replace(request.writing, format=request.writing.format or "tiff")
    _check(request)
    check_outputs(plan, writing)
    with enough_memory(f"{plan.source}: not enough memory for a raw of this size"):
        raw = read_raw(plan.source, max_pixels=request.reading.max_pixels, cancel=cancel)
        _say(plan, raw)
        if not raw.is_mosaic and isinstance(request.level, MosaicLevel) and request.level.strict:
            ref = OptionRef("strict")
            raise InputError(f"{plan.source} is not from a Bayer sensor; leave ", ref, " out")
        negative = open_negative(raw, request.raw, request.restoring.noise_scale)
        restorer = choose(raw, negative.noise)
        picture: Picture | None = None
        if plan.target.suffix.lower() == ".dng" or (
            plan.target == STREAM and writing.format == "dng"
        ):
            size = _write_dng(restorer, negative, plan, request, writing, progress, cancel)
        else:
            picture = develop(restorer, negative, request.raw, progress=progress, cancel=cancel)
            size = picture.size
            write_result(picture, plan, writing)
        if plan.comparison is not None:
            if picture is None:
                picture = plain(read_raw(plan.target), request.raw)
            compared = side_by_side(plain(raw, request.raw), picture)
            write(compared, plan.comparison, overwrite=plan.overwrite)
    step = Step(
        restoration="demosaic" if raw.is_mosaic else "denoise",
        level=raw.pattern or "auto",
        description=f"camera raw, {negative.description}",
        short=f"developed from camera raw, {negative.noise.in_words()}",
    )
    return Result(size=size, steps=(step,), source=str(plan.source), target=str(plan.target))


def _check(request: Request) -> None:
    """Refuse what does not go with camera raw."""
    values = {name: getattr(request.level, name) for name in options_of(type(request.level))}
    defaults = type(request.level)()
    given = [
        name for name, value in values.items() if np.ndim(value) or value != getattr(defaults, name)
    ]
    if "sigma" in given:
        noise = OptionRef("noise")
        raise ConfigError(OptionRef("sigma"), " is for pictures; of camera raw say ", noise)
    if "pattern" in given:
        raise ConfigError(OptionRef("pattern"), " is for pictures; camera raw says its own")
    if request.restoration == "denoise" and request.model is not None:
        raise ConfigError(OptionRef("model"), " is for pictures; rnan demosaic takes one for raws")


def _say(plan: Plan, raw: Raw) -> None:
    """Notices about what a raw file asks for and does not get."""
    if raw.interpolated:
        _log.warning("%s is not from a Bayer sensor: demosaiced by %s", plan.source, "LibRaw")
    if raw.left_out:
        _log.warning("%s: not done: %s", plan.source, ", ".join(sorted({*raw.left_out})))
    if raw.xyz_to_camera is None:
        _log.warning("%s: nobody says what its colours mean; they are taken for sRGB", plan.source)


def _write_dng(
    restorer: Restorer,
    negative: Negative,
    plan: Plan,
    request: Request,
    writing: WriteOptions,
    progress: Progress | None,
    cancel: Cancel | None,
) -> tuple[int, int]:
    raw = negative.raw
    light = restore_raw(
        restorer, raw, negative.noise, beyond_white=True, progress=progress, cancel=cancel
    )
    share = min(restorer.options.shares)
    data = encode_dng(
        light,
        raw,
        negative.noise.scaled((1.0 - share) ** 2),
        denoised=share,
        preview=_preview(light, raw),
        full=request.raw.full,
        strip_metadata=writing.strip_metadata,
    )
    write_bytes(data, plan)
    top, left, bottom, right = (0, 0, *raw.size) if request.raw.full else raw.crop
    return bottom - top, right - left


def _preview(light: np.ndarray, raw: Raw) -> Picture:
    """A small picture in 8 bits, as stored."""
    top, left, bottom, right = raw.crop
    part = light[top:bottom, left:right]
    step = max(1, -(-max(part.shape[:2]) // _PREVIEW))
    height, width = (max(step, side // step * step) for side in part.shape[:2])
    part = part[:height, :width]
    small = part.reshape(len(part) // step, step, -1, step, 3).mean(axis=(1, 3))
    picture = developed(small.astype(np.float32), replace(raw, orientation=1), "srgb")
    return replace(picture, pixels=(picture.pixels // 257).astype(np.uint8))
