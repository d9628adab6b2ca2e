"""The front door of the Python library: ``rnan.load_restorer``, ``restore``, ``list_models``."""

from __future__ import annotations

from pathlib import Path
from typing import Unpack

from rnan.engine_choice import open_model
from rnan.errors import ConfigError, WeightsError
from rnan.images import Picture
from rnan.inference.conditions import LevelLike
from rnan.inference.options import Options, RestoreOptions
from rnan.inference.restorer import P, Restorer
from rnan.settings import from_mapping, nearest
from rnan.tasks import RESTORATIONS, Task, get_task
from rnan.weights import registry


def load_restorer(
    model: str | Path = "denoise-color", *, task: str | None = None, **options: Unpack[Options]
) -> Restorer:
    """Load a network, ready to restore pictures.

    Args:
        model: The name of bundled weights, see :func:`list_models`, a weights file, or an ONNX
            file that ``rnan export`` wrote.
        task: What it is for, where the file does not say it.
        options: Fields of :class:`~rnan.inference.RestoreOptions`: ``device``, ``dtype``,
            ``engine``, ``attention``, ``tile``, ``overlap``, ``max_memory``, ``self_ensemble``,
            ``compile``, ``strength``, ``keep_samples``.

    Raises:
        WeightsError: The weights are missing, damaged, of another shape or of no known task, or
            do not suit it.
        ConfigError: An option is unknown or out of range, or the device is not there.
        MissingExtraError: The program of ``engine`` is not installed.
    """
    if not isinstance(model, (str, Path)):
        raise WeightsError(f"a model is a name or a file, got {model!r}")
    settings = from_mapping(RestoreOptions, options)
    return Restorer(*open_model(model, task, settings), settings)


def restore(
    picture: P,
    *,
    model: str | Path = "denoise-color",
    level: LevelLike = "auto",
    sigma: float = 0.0,
    **options: Unpack[Options],
) -> P:
    """Restore one picture; :func:`load_restorer` serves many of them faster.

    Args:
        picture: PIL, numpy or a tensor, see :meth:`rnan.inference.Restorer.__call__`.
        model: The name of bundled weights, or a weights file.
        level: σ on the 0-255 scale, JPEG's quality, the Bayer pattern or the scale, by the task of
            the model; ``"auto"`` estimates σ and quality.
        sigma: Beside a Bayer pattern, σ of the sensor's noise on the 0-255 scale.
        options: As for :func:`load_restorer`.

    Returns:
        The same kind, layout and depth.
    """
    return load_restorer(model, **options)(picture, level=level, sigma=sigma)


class Restorers:
    """The bundled networks for what people ask for, each loaded when a picture needs it.

    Args:
        restoration: ``denoise``, ``dejpeg``, ``demosaic`` or ``upscale``.
        model: Weights for every picture, instead of those that suit its channels.
        options: As for :func:`load_restorer`.

    Raises:
        ConfigError: There is no such restoration, or ``model`` is for another.
        WeightsError: ``model`` cannot be loaded.
    """

    def __init__(
        self, restoration: str, model: str | Path | None = None, **options: Unpack[Options]
    ) -> None:
        if restoration not in RESTORATIONS:
            raise ConfigError(
                f"unknown restoration {restoration}{nearest(restoration, RESTORATIONS)}"
            )
        self._by_channels = RESTORATIONS[restoration]
        self._options = from_mapping(RestoreOptions, options)
        self._loaded: dict[str, Restorer] = {}
        self._given = None
        self._file = model
        if model is not None:
            # The authors' files do not say what they are for.
            self._given = Restorer(
                *open_model(model, self._by_channels, self._options), self._options
            )
            if self._given.task.name not in self._by_channels.values():
                raise ConfigError(f"{model} is for {self._given.task.title}, not to {restoration}")

    @property
    def tasks(self) -> list[Task]:
        """Those that a picture may be given to."""
        if self._given is not None:
            return [self._given.task]
        return [get_task(name) for name in sorted(set(self._by_channels.values()))]

    @property
    def take_level(self) -> bool:
        """Whether they can be told σ or quality; a file may be for one alone."""
        given = self._given
        return given is None or given.engine.takes_level or given.task.kind in ("scale", "pattern")

    @property
    def hashes(self) -> list[str]:
        """SHA-256 of the weights that may be used."""
        if self._file is not None:
            return [registry.sha256(self._file)]
        return [registry.sha256(task.name) for task in self.tasks]

    def __call__(self, picture: Picture) -> Restorer:
        """The restorer for a picture."""
        return self.for_channels(1 if picture.looks_gray else 3)

    def for_channels(self, channels: int) -> Restorer:
        """The restorer for pictures of one or three channels."""
        if self._given is not None:
            return self._given
        name = self._by_channels[channels]
        if name not in self._loaded:
            self._loaded[name] = load_restorer(name, **vars(self._options))
        return self._loaded[name]


def list_models() -> list[str]:
    """Names of the weights that are here: bundled, and those that were installed."""
    return registry.names()
