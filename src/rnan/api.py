"""The front door of the Python library: what ``import rnan`` offers."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rnan import isolation
from rnan.engines.choose import open_model
from rnan.errors import WeightsError
from rnan.images.raw import read_raw
from rnan.inference.restorer import P, Restorer
from rnan.inference.restorers import Restorers
from rnan.options.mapping import from_mapping, shown
from rnan.options.raw import Rendering
from rnan.options.request import make_request
from rnan.options.restoring import RestoreOptions
from rnan.pipeline.developing import develop as developed
from rnan.pipeline.developing import open_negative
from rnan.pipeline.pipeline import Pipeline
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
        given = (level, sigma, quality, pattern, scale)
        estimated = all(one is None or isinstance(one, str) for one in given)
        restorer = Restorers(task, options=settings).for_picture(picture, estimated=estimated)
    else:
        name = model if model is not None else task or _DEFAULT
        restorer = load_restorer(name, task=task, **options)
    return restorer(
        picture, level=level, sigma=sigma, quality=quality, pattern=pattern, scale=scale
    )


def develop(
    path: str | Path,
    *,
    model: str | Path | None = None,
    noise: str | tuple[float, float] = "auto",
    noise_scale: float = 1.0,
    rendering: Rendering = "srgb",
    full: bool = False,
    isolated: bool = False,
    **options: Any,
) -> NDArray[Any]:
    """A picture of camera raw: its noise and its mosaic undone together, then developed.

    Args:
        path: A raw file.
        model: Weights for mosaics, instead of the bundled ones that suit the noise.
        noise: Of the sensor: (A, B) for variance A·x + B of a sample x between black (0) and
            white (1), or ``"auto"``: as the file says it, or measured.
        noise_scale: How many times that variance is reckoned with.
        rendering: ``"srgb"``, ``"neutral"`` (with a tone curve) or ``"linear"`` (Rec. 2020).
        full: All of the sensor's picture, not only what the maker of the camera shows.
        isolated: Decode the file in a process of its own, with limits of time and memory, as the
            command line does (:mod:`rnan.isolation`): for files of strangers.
        options: As for :func:`load_restorer`; ``luma`` and ``chroma`` from 0 to 1.

    Returns:
        ``(H, W, 3)``, upright, uint16; float32 with white at 1 where a linear one goes beyond.

    Raises:
        RnanError: As :func:`load_restorer`, or the file cannot be read.
    """
    given = {"noise": noise, "noise_scale": noise_scale, "rendering": rendering, "full": full}
    request = make_request("demosaic", {**given, **options, "model": model and str(model)})
    raw = (isolation.read_raw if isolated else read_raw)(Path(path))
    negative = open_negative(raw, request.raw, noise_scale)
    restorer = Pipeline(request).for_raw(negative.raw, negative.noise)
    return developed(restorer, negative, request.raw).pixels


def list_models() -> list[str]:
    """Names of the weights that are here: bundled, and those that were installed."""
    return registry.names()
