"""From a request and a plan to a result: read, restore, write."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from rnan.engines.choose import check_options
from rnan.estimation import Traces
from rnan.images import Picture
from rnan.images.raw import Raw, SensorNoise, is_raw
from rnan.inference import Restorer
from rnan.inference.restorers import Restorers
from rnan.inference.result import Result, Step
from rnan.inference.streaming import Cancel
from rnan.inference.tiled import Progress
from rnan.options.request import AUTO, Request
from rnan.pipeline.developing import develop_file
from rnan.pipeline.files import process_file
from rnan.pipeline.inspection import inspect, other_harm
from rnan.pipeline.plan import Plan, takes_raw
from rnan.weights import registry

_log = logging.getLogger(__name__)

NOISY_RAW = "demosaic-raw"
"""The bundled network for camera raw with noise."""

_WEAK = 5e-6
"""Variance in the middle, half of that at ISO 100, up to which the network without noise is better:
on validation pictures (scripts/raw.py --validation)."""

_FOR_RAW = 640 * 2**20
"""Memory for a network's features beside a large raw, in bytes."""

Announce = Callable[[Picture, Restorer], None]
"""Called with a picture that was read and what will restore it."""


class Pipeline:
    """Restores files, and keeps the networks that it has loaded; safe to use from several threads.

    Requests that come with a call may differ from that of the constructor in level, reading and
    writing only.

    Raises:
        ConfigError: The level or an option cannot be, or the model is for something else.
        WeightsError: The model cannot be loaded.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._restorers: dict[tuple[str, bool, str | Path | None], Restorers] = {}
        if request.restoration == AUTO:
            check_options(request.restoring)
        else:
            self._for(request.restoration).check(request.level)

    @property
    def model_names(self) -> list[str]:
        """The networks by name that may be used."""
        if self._request.restoration == AUTO:
            return registry.bundled()
        if self._request.model is not None:
            return []
        return [task.name for task in self._for(self._request.restoration).tasks]

    @property
    def facts(self) -> dict[str, Any]:
        """All that decides what a result looks like."""
        if self._request.restoration == AUTO:
            hashes = [registry.sha256(name) for name in self.model_names]
        else:
            hashes = self._for(self._request.restoration).hashes
            if takes_raw(self._request.restoration) and self._request.model is None:
                hashes = [*hashes, registry.sha256(NOISY_RAW)]
        return {"request": self._request.facts, "weights": hashes}

    def __call__(
        self,
        plan: Plan,
        request: Request | None = None,
        *,
        announce: Announce | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Result:
        """Read, restore and write one picture; nothing is left of a failed attempt.

        Args:
            plan: Where it is and where it goes.
            request: By default the one of the constructor.
            announce: Called once the picture is read, where one network restores it.
            progress: Called after each tile.
            cancel: Looked at before each tile.
        """
        request = request or self._request
        if is_raw(plan.source) and takes_raw(request.restoration):
            return develop_file(self.for_raw, plan, request, progress=progress, cancel=cancel)

        def restore(picture: Picture) -> Result:
            return self.restore(
                picture,
                request,
                name=str(plan.source),
                announce=announce,
                progress=progress,
                cancel=cancel,
            )

        return process_file(restore, plan, request, cancel=cancel)

    def restore(
        self,
        picture: Picture,
        request: Request | None = None,
        *,
        name: str = "the picture",
        announce: Announce | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Result:
        """Restore one picture; with ``auto`` a clean one comes back as it is."""
        request = request or self._request
        if request.restoration == AUTO:
            return self._find_out(picture, progress, cancel)
        restorers = self._for(request.restoration)
        restorers.check(request.level)
        traces = cache(partial(Traces.of, picture))
        restorer = restorers(picture, traces if request.level.is_estimated else None)
        if announce is not None:
            announce(picture, restorer)
        prepared = restorer.prepare(picture, request.level, traces)
        if message := other_harm(picture, request.restoration, prepared):
            _log.warning("%s: %s", name, message)
        return restorer.run(prepared, progress=progress, cancel=cancel)

    def _find_out(
        self, picture: Picture, progress: Progress | None, cancel: Cancel | None
    ) -> Result:
        """What a picture needs, one step after the other."""
        steps: list[Step] = []
        traces = cache(partial(Traces.of, picture))
        for need in inspect(picture, traces).steps:
            restorer = self._for(need.restoration)(picture, traces)
            asked = restorer.task.asked(need.level)
            prepared = restorer.prepare(picture, asked, None if steps else traces)
            result = restorer.run(prepared, progress=progress, cancel=cancel)
            picture = result.picture
            steps += result.steps
        note = ", then ".join(step.short for step in steps) or "clean, left alone"
        return Result(picture=picture, steps=tuple(steps), note=note)

    def for_raw(self, raw: Raw, noise: SensorNoise) -> Restorer:
        """The network for camera raw of some noise."""
        if not raw.is_mosaic:
            return self._for("denoise", for_raw=True).for_channels(3)
        bundled = None if noise.variance(0.5) < _WEAK else NOISY_RAW
        return self._for("demosaic", for_raw=True, bundled=bundled).for_channels(3)

    def _for(
        self, restoration: str, *, for_raw: bool = False, bundled: str | None = None
    ) -> Restorers:
        """The networks of a restoration.

        Args:
            restoration: ``denoise``, say.
            for_raw: Whether they are for camera raw, beside which memory has to last.
            bundled: A bundled network instead of the usual one, where none was asked for.
        """
        options, model = self._request.restoring, self._request.model
        if self._request.restoration not in (restoration, AUTO):
            model = None  # it is for what was asked for
        model = model or bundled
        key = restoration, for_raw, model
        if key not in self._restorers:
            if for_raw and options.max_memory is None:
                options = replace(options, max_memory=_FOR_RAW)
            self._restorers[key] = Restorers(restoration, model, options)
        return self._restorers[key]
