"""The front door of the Python library: ``rnan.load_restorer``, ``restore``, ``list_models``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rnan.errors import WeightsError
from rnan.inference.device import choose_device, choose_dtype
from rnan.inference.engines.torch import TorchEngine
from rnan.inference.options import RestoreOptions
from rnan.inference.restorer import Level, Restorer
from rnan.settings import from_mapping
from rnan.tasks import TASKS, get_task
from rnan.weights import registry


def load_restorer(model: str | Path = "denoise-color", **options: Any) -> Restorer:
    """Load a network, ready to restore pictures.

    Args:
        model: The name of bundled weights, see :func:`list_models`, or a weights file.
        options: Fields of :class:`~rnan.inference.RestoreOptions`: ``device``, ``dtype``,
            ``tile``, ``overlap``, ``max_memory``, ``self_ensemble``, ``strength``.

    Raises:
        WeightsError: The weights are missing, damaged, of another shape or of no known task.
        ConfigError: An option is unknown or out of range, or the device is not there.
    """
    if not isinstance(model, (str, Path)):
        raise WeightsError(f"a model is a name or a file, got {model!r}")
    settings = from_mapping(RestoreOptions, options)
    checkpoint = registry.load(model)
    task = checkpoint.info.get("task")
    if task not in TASKS:
        raise WeightsError(f"{model} is for the task {task!r}, which this version does not know")
    device = choose_device(settings.device)
    engine = TorchEngine(
        checkpoint.build(), device=device, dtype=choose_dtype(settings.dtype, device)
    )
    return Restorer(get_task(task), engine, settings)


def restore(
    picture: Any, *, model: str | Path = "denoise-color", level: Level = "auto", **options: Any
) -> Any:
    """Restore one picture; :func:`load_restorer` serves many of them faster.

    Args:
        picture: PIL, numpy or a tensor, see :meth:`rnan.inference.Restorer.__call__`.
        model: The name of bundled weights, or a weights file.
        level: For denoising σ on the 0-255 scale, or ``"auto"``.
        options: As for :func:`load_restorer`.

    Returns:
        The same kind, layout and depth.
    """
    return load_restorer(model, **options)(picture, level=level)


def list_models() -> list[str]:
    """Names of the bundled weights."""
    return registry.bundled()
