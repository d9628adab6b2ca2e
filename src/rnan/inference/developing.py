"""Camera raw to a picture: the network demosaics, the file says everything else."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from rnan.errors import InputError
from rnan.images import Picture
from rnan.images.raw import Raw, library_demosaic, read_raw, srgb_picture
from rnan.inference.files import FileOptions, check_outputs, write_result
from rnan.inference.plan import Job
from rnan.inference.restorer import Restorer
from rnan.inference.streaming import Cancel
from rnan.inference.tiled import Progress

_log = logging.getLogger(__name__)

_GAMMA = 2.2
"""Of what the network sees: it was trained on pictures for screens, a sensor counts light."""

_CHANNEL = {"r": 0, "g": 1, "b": 2}


def develop(
    restorer: Restorer,
    raw: Raw,
    *,
    sigma: float = 0.0,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Picture:
    """Demosaic with the network and develop: an upright 16-bit picture in sRGB.

    Args:
        restorer: For the task ``demosaic``.
        raw: As :func:`rnan.images.raw.read_raw` gives it.
        sigma: Of the noise after white balance and gamma, on the 0-255 scale.
        progress: See :class:`~rnan.inference.Restorer`.
        cancel: See there.
    """
    balanced = raw.mosaic.copy()
    for position, letter in enumerate(raw.pattern):
        cell = (slice(position // 2, None, 2), slice(position % 2, None, 2))
        balanced[cell] *= raw.white_balance[_CHANNEL[letter]]
    seen = np.clip(balanced, 0.0, 1.0) ** np.float32(1 / _GAMMA)
    shown = restorer(seen, level=raw.pattern, sigma=sigma, progress=progress, cancel=cancel)
    light = np.clip(shown, 0.0, 1.0) ** np.float32(_GAMMA)
    return srgb_picture(light @ raw.to_srgb.T, raw)


def develop_file(
    restorer: Restorer,
    job: Job,
    *,
    sigma: float = 0.0,
    strict: bool = False,
    options: FileOptions | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> tuple[Picture, str]:
    """Develop one file.

    Args:
        restorer: For the task ``demosaic``.
        job: Where it is and where it goes.
        sigma: See :func:`develop`.
        strict: Refuse sensors that are not of the Bayer kind, instead of leaving them to LibRaw.
        options: How the result is written.
        progress: See :class:`~rnan.inference.Restorer`.
        cancel: See there.

    Returns:
        The picture, and the pattern, or ``LibRaw``.

    Raises:
        RnanError: Whatever goes wrong, in one line.
    """
    options = options or FileOptions()
    if job.comparison is not None:
        raise InputError("camera raw is no picture to compare with; leave --compare out")
    options = replace(options, stream_format=options.stream_format or "TIFF")
    check_outputs(job, options)
    raw = read_raw(job.source)
    if raw is None:
        if strict:
            raise InputError(f"{job.source} is not from a Bayer sensor; leave --strict out")
        _log.warning("%s is not from a Bayer sensor: demosaiced by LibRaw", job.source)
        picture, how = library_demosaic(job.source), "LibRaw"
    else:
        picture = develop(restorer, raw, sigma=sigma, progress=progress, cancel=cancel)
        how = raw.pattern.upper()
    write_result(picture, job, options)
    return picture, how
