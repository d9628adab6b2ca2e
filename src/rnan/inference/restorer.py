"""Restore pictures: a task, weights and settings behind one call."""

from __future__ import annotations

import logging
import math
from collections.abc import Generator, Iterable
from dataclasses import replace
from functools import cache
from typing import Any, Literal, TypeVar, overload

import torch
from torch import Tensor

from rnan.degradations.mosaic import measured
from rnan.errors import ConfigError, InputError, RnanError
from rnan.estimation import Traces
from rnan.images.colour import CHROMA_KEPT, is_toned, to_luma
from rnan.inference.adapters import Planes, to_planes
from rnan.inference.blocks import on_the_grid
from rnan.inference.conditions import (
    Condition,
    LevelLike,
    condition,
    estimated_level,
)
from rnan.inference.engines import Engine
from rnan.inference.ensemble import self_ensemble
from rnan.inference.exposures import exposures, resized, restored_by
from rnan.inference.mosaics import arrange, fill, pattern_of, put_back
from rnan.inference.options import RestoreOptions
from rnan.inference.streaming import Cancel, Errors, streamed
from rnan.inference.tiled import Progress, TiledEngine
from rnan.tasks import Task

_log = logging.getLogger(__name__)

_LEAST_SIDE = 16
"""Of what a network sees, in pixels."""

P = TypeVar("P")
"""A kind of picture: it comes back as what it was."""


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
        self._tiled = TiledEngine(task, engine, self.options)
        if self.options.keep_samples and task.kind != "pattern":
            raise ConfigError(f"keep_samples is for mosaics, not for {task.title}")
        how = type(engine).__name__, engine.device, engine.attention
        _log.debug("%s: %s on %s, attention: %s", task.name, *how)

    def __call__(
        self,
        picture: P,
        *,
        level: LevelLike = "auto",
        sigma: float = 0.0,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> P:
        """Restore one picture (or a batch of tensors).

        Args:
            picture: PIL; numpy ``(H, W)`` or ``(H, W, C)``, uint8, uint16, or float with white
                at 1; a tensor ``(C, H, W)`` or ``(N, C, H, W)``, uint8 or float likewise.
                Gray pictures are taken by colour networks; opacity comes back unchanged. A mosaic
                has one channel, or three that are zero where nothing was measured.
            level: For denoising σ on the 0-255 scale whatever the depth: a number, a map
                ``(H, W)``, or ``"auto"`` to estimate it. For JPEG the quality, 1 to 100, or
                ``"auto"``. For demosaicing the pattern: ``"grbg"``, ``"rggb"``, ``"bggr"``,
                ``"gbrg"``. For super-resolution how many times wider and higher, 1.1 to the largest
                scale of the network: between its scales the next larger is restored and made
                smaller by MATLAB's ``imresize``; where the network has one, ``"auto"``.
            sigma: For demosaicing: σ of the sensor's noise on the 0-255 scale.
            progress: Called after each tile with the tiles done and the tiles in all; with
                self-ensemble each counts eight times.
            cancel: Looked at before each tile, with self-ensemble before each of its passes.

        Returns:
            The same kind, layout and depth; float is neither clipped nor rounded. A mosaic comes
            back in colour.

        Raises:
            InputError: The picture is not of a kind above.
            ConfigError: The level is out of range.
            Cancelled: ``cancel`` was set.
            ResourceError: The result does not fit into the memory that is free (said before
                anything is restored), or not even the smallest tile does.
        """
        planes = self._planes(picture)
        if self.task.kind == "pattern" and not planes.holds_colour:
            raise InputError("PIL cannot hold the result of a 16-bit mosaic; pass a numpy array")
        restored = [
            self._restore(plane, self._condition(level, sigma, plane, planes), progress, cancel)
            for plane in planes.pictures
        ]
        back: P = planes.back(restored)
        return back

    @overload
    def stream(
        self,
        pictures: Iterable[P],
        *,
        level: LevelLike = ...,
        sigma: float = ...,
        workers: int = ...,
        ahead: int = ...,
        errors: Literal["raise"] = ...,
        cancel: Cancel | None = ...,
    ) -> Generator[P, None, None]: ...

    @overload
    def stream(
        self,
        pictures: Iterable[P],
        *,
        level: LevelLike = ...,
        sigma: float = ...,
        workers: int = ...,
        ahead: int = ...,
        errors: Literal["return"],
        cancel: Cancel | None = ...,
    ) -> Generator[P | RnanError, None, None]: ...

    def stream(
        self,
        pictures: Iterable[P],
        *,
        level: LevelLike = "auto",
        sigma: float = 0.0,
        workers: int = 1,
        ahead: int = 2,
        errors: Errors = "raise",
        cancel: Cancel | None = None,
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

        Yields:
            What a call would return, picture by picture.

        Raises:
            ConfigError: ``workers`` or ``ahead`` cannot be.
            Cancelled: ``cancel`` was set.
        """
        return streamed(
            lambda picture, stop: self(picture, level=level, sigma=sigma, cancel=stop),
            pictures,
            workers=workers,
            ahead=ahead,
            errors=errors,
            cancel=cancel,
        )

    @property
    def estimates(self) -> bool:
        """Whether ``level="auto"`` reads something off the picture."""
        return self.engine.takes_level or self.task.kind == "pattern"

    def estimate(self, picture: Any) -> LevelLike:
        """What ``level="auto"`` takes: σ on the 0-255 scale, JPEG's quality, or the Bayer pattern.

        σ is a map ``(H, W)`` where the noise depends on the brightness.

        Raises:
            ConfigError: Nothing is estimated for this task.
            InputError: The picture does not tell its pattern, or there are several.
        """
        planes = self._planes(picture)
        if len(planes.pictures) > 1:
            raise InputError("one picture at a time: each has its own level")
        plane = planes.pictures[0]
        return estimated_level(self.task, plane, planes.traces(plane))

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
        return self._tiled.seconds_for(height, width, scale)

    def _planes(self, picture: Any) -> Planes:
        return to_planes(picture, mosaic=self.task.kind == "pattern")

    def _condition(
        self, level: LevelLike, sigma: float, plane: Tensor, planes: Planes
    ) -> Condition:
        if self.task.kind != "pattern" and sigma:
            raise ConfigError(
                f"sigma= is for noisy mosaics; what {self.task.name} takes is level={sigma:g}"
                if self.task.kind == "sigma"
                else f"{self.task.name} takes no sigma=, which is for noisy mosaics"
            )

        @cache
        def traces() -> Traces:
            return planes.traces(plane)

        told = condition(
            self.task,
            level,
            sigma,
            lambda: estimated_level(self.task, plane, traces()),
            size=(plane.shape[1], plane.shape[2]),
            scales=self.engine.scales,
            takes_level=self.engine.takes_level,
        )
        if self.task.kind != "quality":
            return told
        return replace(told, grid=planes.jpeg_grid or traces().grid)

    def _restore(
        self, plane: Tensor, told: Condition, progress: Progress | None, cancel: Cancel | None
    ) -> Tensor:
        if self.task.kind == "pattern":
            return self._demosaic(plane, told, progress, cancel)
        more = exposures(plane, told, self.task)
        done = 0

        def report(tiles: int, total: int) -> None:
            if progress is not None:
                progress(done * total + tiles, (1 + len(more)) * total)

        def run(lq: Tensor, told: Condition) -> Tensor:
            nonlocal done
            restored = self._restore_within(lq, told, report, cancel)
            done += 1
            return restored

        restored = restored_by(run, plane, told, self.task, more)
        if self.options.strength < 1.0:
            size = told.result_size(*plane.shape[-2:])
            restored = torch.lerp(resized(plane, *size), restored, self.options.strength)
        return restored

    def _restore_within(
        self, plane: Tensor, told: Condition, progress: Progress, cancel: Cancel | None
    ) -> Tensor:
        """A picture of which what matters lies between black and white."""
        channels, wanted = plane.shape[0], self.engine.channels
        if channels == 3 and wanted == 1:
            return self._restore_luma(plane, told, progress, cancel)
        size = told.result_size(*plane.shape[-2:])
        plane, told = _not_too_small(plane, told)
        # A gray picture goes through a colour network as three equal planes.
        lq = plane.expand(wanted, -1, -1)
        alike = channels == 1 or is_toned(plane.permute(1, 2, 0).numpy())
        if alike and wanted == 3 and self.task.kind == "sigma" and told.level is not None:
            # Equal noise in all of them is as bright as independent noise that is √3 as strong.
            most = self.task.level_range[1] / self.task.level_scale
            told = replace(told, level=(math.sqrt(3.0) * told.level).clamp(max=most))
        lq, told, (top, left) = on_the_grid(lq[None], told)
        restored = self._tiled(lq, told, progress, cancel)[0, :, top:, left:]
        if channels == 1 and restored.shape[0] != 1:
            restored = restored.mean(dim=0, keepdim=True)
        restored = resized(restored, *told.result_size(*plane.shape[-2:]))
        return restored[:, : size[0], : size[1]]

    def _demosaic(
        self, plane: Tensor, told: Condition, progress: Progress | None, cancel: Cancel | None
    ) -> Tensor:
        if self.options.strength < 1.0:
            raise InputError("a mosaic is no picture to blend with: strength must be 1")
        height, width = plane.shape[-2:]
        zero_filled = fill(plane, told.pattern)
        times = 8 if self.options.self_ensemble else 1
        passes = 0

        def report(done: int, total: int) -> None:
            if progress is not None:
                progress(passes * total + done, times * total)

        def run(x: Tensor, where: Tensor | None) -> Tensor:
            nonlocal passes
            # A turned mosaic reads another pattern.
            pattern = told.pattern if where is None else pattern_of(where[0] > 0)
            size = (x.shape[-2], x.shape[-1])
            restored = self._tiled(arrange(x[0], pattern)[None], told, report, cancel)[0]
            passes += 1
            return put_back(restored, pattern, *size)[None]

        where = measured(height, width, told.pattern)
        if times == 1:
            restored = run(zero_filled[None], None)[0]
        else:
            restored = self_ensemble(run, zero_filled[None], where[None].float())[0]
        return torch.where(where, zero_filled, restored) if self.options.keep_samples else restored

    def _restore_luma(
        self, plane: Tensor, told: Condition, progress: Progress, cancel: Cancel | None
    ) -> Tensor:
        """A colour picture through a network for luma; chroma is kept."""
        if self.task.plane != "luma":
            raise InputError(
                f"{self.task.name} is for gray pictures, this one has colour; "
                f"take {self.task.name.replace('gray', 'color')}"
            )
        rgb = 255.0 * plane.permute(1, 2, 0).double().numpy()
        luma = torch.from_numpy(to_luma(rgb) / 255.0).permute(2, 0, 1).float()
        difference = self._restore_within(luma, told, progress, cancel) - luma
        return plane + CHROMA_KEPT * difference


def _not_too_small(plane: Tensor, told: Condition) -> tuple[Tensor, Condition]:
    """A picture that goes on in a mirror where a side is shorter than training has seen."""
    height, width = plane.shape[-2:]
    if min(height, width) >= _LEAST_SIDE:
        return plane, told
    rows, columns = (_mirrored(side, max(side, _LEAST_SIDE)) for side in (height, width))
    if told.level is not None and told.level.ndim == 4:
        told = replace(told, level=told.level[..., rows, :][..., columns])
    return plane[:, rows][:, :, columns], told


def _mirrored(side: int, longer: int) -> Tensor:
    """Indices that go forth and back over a side."""
    there = torch.arange(longer) % (2 * side)
    return torch.where(there < side, there, 2 * side - 1 - there)
