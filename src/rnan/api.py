"""The front door of the Python library: ``rnan.load_restorer``, ``restore``, ``list_models``."""

from pathlib import Path
from typing import Any

from rnan.engines.choose import open_model
from rnan.errors import WeightsError
from rnan.inference.restorer import P, Restorer
from rnan.inference.restorers import Restorers
from rnan.options.mapping import from_mapping, shown
from rnan.options.restoring import RestoreOptions
from rnan.tasks import RESTORATIONS, LevelLike, get_task
from rnan.weights import registry

_DEFAULT = "denoise-color"


def load_restorer(
    model: str | Path = _DEFAULT, *, task: str | None = None, **options: Any
) -> Restorer:
    """Load a network, ready to restore pictures.

    Args:
        model: The name of bundled weights, see :func:`list_models`, a weights file, or an ONNX
            file that ``rnan export`` wrote.
        task: What it is for, where the file does not say it.
        options: Fields of :class:`~rnan.inference.RestoreOptions`.

    Raises:
        WeightsError: The weights are missing, damaged, of another shape or of no known task, or
            do not suit it.
        ConfigError: An option is unknown or out of range, or the device is not there.
        MissingExtraError: The program of ``engine`` is not installed.
    """
    if not isinstance(model, (str, Path)):
        raise WeightsError(f"a model is a name or a file, got {shown(model)}")
    settings = from_mapping(RestoreOptions, options)
    return Restorer(*open_model(model, task, settings), settings)


def restore(
    picture: P,
    *,
    task: str | None = None,
    model: str | Path | None = None,
    level: LevelLike = "auto",
    sigma: LevelLike | None = None,
    quality: LevelLike | None = None,
    pattern: str | None = None,
    scale: float | None = None,
    **options: Any,
) -> P:
    """Restore one picture; :func:`load_restorer` serves many of them faster.

    Args:
        picture: PIL, numpy or a tensor, see :meth:`rnan.inference.Restorer.__call__`.
        task: ``denoise``, ``dejpeg``, ``demosaic`` or ``upscale``, by the network that suits the
            picture's channels; or a task by its own name.
        model: The name of bundled weights, or a weights file; by default what suits ``task``, and
            ``denoise-color`` where there is none.
        level: The general form of the next four.
        sigma: For denoising, σ of the noise on the 0-255 scale; beside a pattern, the sensor's.
        quality: For JPEG, the quality it was saved with.
        pattern: For mosaics, the colours of the first two rows.
        scale: For super-resolution, how many times wider and higher.
        options: As for :func:`load_restorer`.

    Returns:
        The same kind, layout and depth.

    Raises:
        RnanError: As :func:`load_restorer`, and as a call of what it gives.
    """
    if task is not None and not (isinstance(task, str) and task in RESTORATIONS):
        get_task(task)  # refuses what is none
    if model is None and task in RESTORATIONS:
        settings = from_mapping(RestoreOptions, options)
        restorer = Restorers(task, options=settings).for_picture(picture)
    else:
        name = model if model is not None else task or _DEFAULT
        restorer = load_restorer(name, task=task, **options)
    return restorer(
        picture, level=level, sigma=sigma, quality=quality, pattern=pattern, scale=scale
    )


def list_models() -> list[str]:
    """Names of the weights that are here: bundled, and those that were installed."""
    return registry.names()
