"""The networks for what people ask for, each loaded when a picture needs it."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from rnan.engines.choose import open_model
from rnan.errors import ConfigError
from rnan.estimation import Traces
from rnan.images import Picture
from rnan.inference.adapters import to_planes
from rnan.inference.restorer import Restorer
from rnan.options.levels import LevelOptions
from rnan.options.mapping import nearest
from rnan.options.restoring import RestoreOptions
from rnan.tasks import RESTORATIONS, Task
from rnan.weights import registry


class Restorers:
    """The restorers of one restoration.

    Args:
        restoration: ``denoise``, ``dejpeg``, ``demosaic`` or ``upscale``.
        model: Weights for every picture, instead of those that suit its channels.
        options: How.

    Raises:
        ConfigError: There is no such restoration, or ``model`` is for another.
        WeightsError: ``model`` cannot be loaded.
    """

    def __init__(
        self,
        restoration: str,
        model: str | Path | None = None,
        options: RestoreOptions | None = None,
    ) -> None:
        if restoration not in RESTORATIONS:
            raise ConfigError(
                f"unknown restoration {restoration}{nearest(restoration, RESTORATIONS)}"
            )
        self._restoration = RESTORATIONS[restoration]
        self._options = options or RestoreOptions()
        for task in self._restoration.all_tasks:
            task.check_options(self._options)
        self._loaded: dict[str, Restorer] = {}
        self._model = model
        self._given = None
        if model is not None:
            # The authors' files do not say what they are for.
            task, engine = open_model(model, self._restoration.tasks, self._options)
            if task not in self._restoration.all_tasks:
                raise ConfigError(f"{model} is for {task.title}, not to {restoration}")
            self._given = Restorer(task, engine, self._options)

    @property
    def tasks(self) -> list[Task]:
        """Those that a picture may be given to."""
        if self._given is not None:
            return [self._given.task]
        return self._restoration.all_tasks

    @property
    def hashes(self) -> list[str]:
        """SHA-256 of the weights that may be used."""
        if self._model is not None:
            return [registry.sha256(self._model)]
        return [registry.sha256(task.name) for task in self.tasks]

    def check(self, asked: LevelOptions) -> None:
        """Refuse what the networks cannot be asked for, before a picture is read."""
        given = self._given
        if given is not None:
            takes_level = given.engine.takes_level
            given.task.check_asked(asked, takes_level=takes_level, model=self._model)

    def __call__(self, picture: Picture, traces: Callable[[], Traces] | None = None) -> Restorer:
        """The restorer for a picture.

        Args:
            picture: Its channels decide.
            traces: What it went through, where that decides too: where its level is estimated.
        """
        return self.for_channels(1 if picture.looks_gray else 3, traces)

    def for_picture(self, picture: Any, *, estimated: bool = False) -> Restorer:
        """The restorer for a picture of any kind that a restorer takes.

        Args:
            picture: As for a restorer.
            estimated: Whether its level is estimated, so that what it went through decides too.
        """
        planes = to_planes(picture)
        first = planes.pictures[0]
        alone = estimated and len(planes.pictures) == 1
        traces = cache(partial(planes.traces, first)) if alone else None
        return self.for_channels(max(plane.shape[0] for plane in planes.pictures), traces)

    def for_channels(self, channels: int, traces: Callable[[], Traces] | None = None) -> Restorer:
        """The restorer for pictures of one or three channels, and what they went through."""
        if self._given is not None:
            return self._given
        name = self._restoration.chosen(channels, traces).name
        if name not in self._loaded:
            task, engine = open_model(name, None, self._options)
            self._loaded[name] = Restorer(task, engine, self._options)
        return self._loaded[name]
