"""Restore pictures: a task, a network and options behind one call."""

import logging
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Literal, TypeVar, overload

from rnan.engines import Engine
from rnan.errors import ConfigError, InputError, RnanError
from rnan.estimation import Traces
from rnan.inference.adapters import Planes, to_planes
from rnan.inference.mosaics import MosaicRestorer
from rnan.inference.pictures import PictureRestorer
from rnan.inference.result import Result, Step
from rnan.inference.streaming import Cancel, Errors, streamed
from rnan.inference.tiled import Progress, TiledEngine
from rnan.options.levels import LevelOptions
from rnan.options.restoring import RestoreOptions
from rnan.tasks import Condition, LevelLike, Look, Task, restoration_of

_log = logging.getLogger(__name__)

P = TypeVar("P")
"""A kind of picture: it comes back as what it was."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A picture and what holds for it; several, where a batch was given."""

    planes: Planes
    looks: list[Look]
    conditions: list[Condition]


class Restorer:
    """Restores pictures for one task with one network; safe to call from several threads.

    Args:
        task: What is restored.
        engine: What runs the network.
        options: How.

    Raises:
        ConfigError: An option is not for this task.
    """

    def __init__(self, task: Task, engine: Engine, options: RestoreOptions | None = None) -> None:
        self.task = task
        self.engine = engine
        self.options = options or RestoreOptions()
        task.check_options(self.options)
        self.tiled = TiledEngine(task, engine, self.options)
        restore: dict[str, PictureRestorer | MosaicRestorer] = {
            "picture": PictureRestorer(task, engine, self.tiled, self.options),
            "mosaic": MosaicRestorer(self.tiled, self.options),
        }
        self._restore = restore[task.takes]
        how = type(engine).__name__, engine.device, engine.attention
        _log.debug("%s: %s on %s, attention: %s", task.name, *how)

    def __call__(
        self,
        picture: P,
        *,
        level: LevelLike = "auto",
        sigma: LevelLike | None = None,
        quality: LevelLike | None = None,
        pattern: str | None = None,
        scale: float | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> P:
        """Restore one picture (or a batch of tensors).

        Args:
            picture: PIL; numpy ``(H, W)`` or ``(H, W, C)``, uint8, uint16, or float with white
                at 1; a tensor ``(C, H, W)`` or ``(N, C, H, W)``, uint8 or float likewise.
                Gray pictures are taken by colour networks; opacity comes back unchanged. A mosaic
                has one channel, or three that are zero where nothing was measured.
            level: The general form of what follows: ``sigma`` for denoising, ``quality`` for JPEG,
                ``pattern`` for mosaics, ``scale`` for super-resolution; ``"auto"`` estimates it.
            sigma: For denoising σ on the 0-255 scale whatever the depth: a number, a map
                ``(H, W)``, or ``"auto"``. For mosaics σ of the sensor's noise, a number.
            quality: For JPEG 1 to 100, or ``"auto"``.
            pattern: For mosaics ``"grbg"``, ``"rggb"``, ``"bggr"``, ``"gbrg"`` or ``"auto"``.
            scale: For super-resolution how many times wider and higher, 1.1 to the largest scale of
                the network: between its scales the next larger is restored and made smaller by
                MATLAB's ``imresize``. Where it is not given, 2, or the one scale that it has.
            progress: Called after each tile with the tiles done and the tiles in all; with
                self-ensemble each counts eight times.
            cancel: Looked at before each tile, with self-ensemble before each of its passes.

        Returns:
            The same kind, layout and depth; float is neither clipped nor rounded. A mosaic comes
            back in colour.

        Raises:
            InputError: The picture is not of a kind above.
            ConfigError: The level is out of range, or not for this task.
            Cancelled: ``cancel`` was set.
            ResourceError: The result does not fit into the memory that is free (refused before
                anything is restored), or not even the smallest tile does.
        """
        asked = self.task.asked(level, sigma=sigma, quality=quality, pattern=pattern, scale=scale)
        result = self.run(self.prepare(picture, asked), progress=progress, cancel=cancel)
        restored: P = result.picture
        return restored

    def prepare(
        self, picture: Any, asked: LevelOptions, traces: Callable[[], Traces] | None = None
    ) -> Prepared:
        """Find out what holds for a picture: what was asked for, and what is read off it.

        Args:
            picture: As for a call.
            asked: What is asked for beside it.
            traces: What one picture went through, where somebody has looked already.

        Raises:
            InputError: The picture is not of a kind that is taken, or does not tell its level.
            ConfigError: The level cannot be.
        """
        planes = to_planes(picture, mosaic=self.task.takes == "mosaic")
        if self.task.takes == "mosaic" and not planes.holds_colour:
            raise InputError("PIL cannot hold the result of a 16-bit mosaic; pass a numpy array")
        looks = [
            Look(
                plane=plane,
                traces=traces or cache(partial(planes.traces, plane)),
                scales=self.engine.scales,
                takes_level=self.engine.takes_level,
                noise_scale=self.options.noise_scale,
            )
            for plane in planes.pictures
        ]
        conditions = [self.task.condition(asked, look) for look in looks]
        return Prepared(planes=planes, looks=looks, conditions=conditions)

    def run(
        self, prepared: Prepared, *, progress: Progress | None = None, cancel: Cancel | None = None
    ) -> Result:
        """Restore what was prepared.

        Args:
            prepared: What :meth:`prepare` gave.
            progress: As for a call.
            cancel: As for a call.

        Raises:
            RnanError: As a call.
        """
        pairs = zip(prepared.planes.pictures, prepared.conditions, strict=True)
        restored = [self._restore(plane, condition, progress, cancel) for plane, condition in pairs]
        condition = prepared.conditions[0]
        step = Step(
            restoration=restoration_of(self.task),
            level=condition.taken,
            description=self.task.describe(condition),
            short=self.task.describe_step(condition.taken),
        )
        size = prepared.planes.pictures[0].shape[-2:]
        return Result(picture=prepared.planes.back(restored), size=size, steps=(step,))

    @overload
    def stream(
        self,
        pictures: Iterable[P],
        *,
        level: LevelLike = ...,
        sigma: LevelLike | None = ...,
        workers: int = ...,
        ahead: int = ...,
        errors: Literal["raise"] = ...,
        cancel: Cancel | None = ...,
        **given: Any,
    ) -> Generator[P, None, None]: ...

    @overload
    def stream(
        self,
        pictures: Iterable[P],
        *,
        level: LevelLike = ...,
        sigma: LevelLike | None = ...,
        workers: int = ...,
        ahead: int = ...,
        errors: Literal["return"],
        cancel: Cancel | None = ...,
        **given: Any,
    ) -> Generator[P | RnanError, None, None]: ...

    def stream(
        self,
        pictures: Iterable[P],
        *,
        level: LevelLike = "auto",
        sigma: LevelLike | None = None,
        workers: int = 1,
        ahead: int = 2,
        errors: Errors = "raise",
        cancel: Cancel | None = None,
        **given: Any,
    ) -> Generator[P | RnanError, None, None]:
        """Restore pictures one after the other, in their order, without holding them all.

        Args:
            pictures: Of the kinds that a call takes; they are fetched in the caller's thread
                while others are restored.
            level: As for a call; the same for all.
            sigma: As for a call.
            workers: Pictures that are restored at a time. They share the processor, so more than
                one pays for small pictures only.
            ahead: Pictures that may wait, beside those at work; so many are held at most.
            errors: ``"raise"`` ends with the first error; ``"return"`` gives the error in the
                picture's place and goes on.
            cancel: Looked at before each tile.
            given: ``quality``, ``pattern`` or ``scale``, as for a call.

        Yields:
            What a call would return, picture by picture.

        Raises:
            ConfigError: ``workers`` or ``ahead`` cannot be.
            Cancelled: ``cancel`` was set.
        """
        asked = self.task.asked(level, sigma=sigma, **given)
        return streamed(
            lambda picture, stop: self.run(self.prepare(picture, asked), cancel=stop).picture,
            pictures,
            workers=workers,
            ahead=ahead,
            errors=errors,
            cancel=cancel,
        )

    def estimate(self, picture: Any) -> LevelLike:
        """What ``level="auto"`` takes: σ on the 0-255 scale, JPEG's quality, or the Bayer pattern.

        σ is a map ``(H, W)`` where the noise depends on the brightness.

        Raises:
            ConfigError: Nothing is estimated for this task.
            InputError: The picture does not tell its pattern, or there are several.
        """
        planes = to_planes(picture, mosaic=self.task.takes == "mosaic")
        if len(planes.pictures) > 1:
            raise InputError("one picture at a time: each has its own level")
        plane = planes.pictures[0]
        return self.task.estimate(plane, planes.traces(plane))

    def seconds_for(self, height: int, width: int, *, scale: float = 1.0) -> float:
        """About how long a picture of that size takes, from a small tile timed once for each scale.

        Args:
            height: In pixels.
            width: In pixels.
            scale: How many times wider and higher it becomes.

        Raises:
            ConfigError: A side is smaller than 1, or the network does not enlarge that much.
        """
        if min(height, width) < 1:
            raise ConfigError(f"a picture has sides of 1 or more, not {height} x {width}")
        if not 0 < scale <= self.engine.scales[-1]:
            raise ConfigError(f"{self.task.name} enlarges {self.engine.scales[-1]} times at most")
        return self.tiled.seconds_for(height, width, scale)
