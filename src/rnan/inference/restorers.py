"""The networks for what people ask for, each loaded when a picture needs it."""

from pathlib import Path
from typing import Any

from rnan.engines.choose import open_model
from rnan.errors import ConfigError
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
        self._tasks = RESTORATIONS[restoration].tasks
        self._options = options or RestoreOptions()
        for task in self._tasks.values():
            task.check_options(self._options)
        self._loaded: dict[str, Restorer] = {}
        self._model = model
        self._given = None
        if model is not None:
            # The authors' files do not say what they are for.
            task, engine = open_model(model, self._tasks, self._options)
            if task not in self._tasks.values():
                raise ConfigError(f"{model} is for {task.title}, not to {restoration}")
            self._given = Restorer(task, engine, self._options)

    @property
    def tasks(self) -> list[Task]:
        """Those that a picture may be given to."""
        if self._given is not None:
            return [self._given.task]
        return list(dict.fromkeys(self._tasks.values()))

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

    def __call__(self, picture: Picture) -> Restorer:
        """The restorer for a picture."""
        return self.for_channels(1 if picture.looks_gray else 3)

    def for_picture(self, picture: Any) -> Restorer:
        """The restorer for a picture of any kind that a restorer takes."""
        planes = to_planes(picture).pictures
        return self.for_channels(max(plane.shape[0] for plane in planes))

    def for_channels(self, channels: int) -> Restorer:
        """The restorer for pictures of one or three channels."""
        if self._given is not None:
            return self._given
        name = self._tasks[channels].name
        if name not in self._loaded:
            task, engine = open_model(name, None, self._options)
            self._loaded[name] = Restorer(task, engine, self._options)
        return self._loaded[name]
