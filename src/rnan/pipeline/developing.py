"""Camera raw to a picture: the network demosaics, the file says everything else."""

import logging
from dataclasses import replace

import numpy as np

from rnan.errors import InputError, OptionRef
from rnan.images import Picture
from rnan.images.raw import Raw, library_demosaic, read_raw, srgb_picture
from rnan.inference.restorer import Restorer
from rnan.inference.result import Result
from rnan.inference.streaming import Cancel
from rnan.inference.tiled import Progress
from rnan.options.levels import MosaicLevel
from rnan.options.request import Request
from rnan.pipeline.files import check_outputs, write_result
from rnan.pipeline.plan import Plan

_log = logging.getLogger(__name__)
_GAMMA = 2.2
"""Exponent of what the network sees, which was trained on pictures for screens."""
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
    shown = restorer(seen, pattern=raw.pattern, sigma=sigma, progress=progress, cancel=cancel)
    light = np.clip(shown, 0.0, 1.0) ** np.float32(_GAMMA)
    return srgb_picture(light @ raw.to_srgb.T, raw)


def develop_file(
    restorer: Restorer,
    plan: Plan,
    request: Request,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Result:
    """Develop one file."""
    asked = request.level
    assert isinstance(asked, MosaicLevel)
    if plan.comparison is not None:
        ref = OptionRef("compare")
        raise InputError("camera raw is no picture to compare with; leave ", ref, " out")
    writing = replace(request.writing, format=request.writing.format or "tiff")
    check_outputs(plan, writing)
    raw = read_raw(plan.source)
    if raw is None:
        if asked.strict:
            ref = OptionRef("strict")
            raise InputError(f"{plan.source} is not from a Bayer sensor; leave ", ref, " out")
        _log.warning("%s is not from a Bayer sensor: demosaiced by LibRaw", plan.source)
        picture, how = library_demosaic(plan.source), "LibRaw"
    else:
        picture = develop(restorer, raw, sigma=asked.sigma, progress=progress, cancel=cancel)
        how = raw.pattern.upper()
    write_result(picture, plan, writing)
    return Result(
        size=picture.size,
        note=f"camera raw, {how}",
        source=str(plan.source),
        target=str(plan.target),
    )
