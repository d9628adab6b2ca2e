"""What a picture needs, one restoration after the other."""

from __future__ import annotations

from typing import Any

from rnan.api import Restorers
from rnan.engine_choice import check_settings
from rnan.images import Picture
from rnan.inference.conditions import LevelLike, sigma_in_words
from rnan.inference.inspection import Step, inspect
from rnan.inference.options import RestoreOptions
from rnan.inference.streaming import Cancel
from rnan.inference.tiled import Progress
from rnan.settings import from_mapping


class Chain:
    """Looks at pictures and restores what is wrong with them.

    Args:
        options: As for :func:`rnan.load_restorer`.

    Raises:
        ConfigError: One is unknown or out of range, does not go with another, or the device is
            not there.
    """

    def __init__(self, **options: Any) -> None:
        check_settings(from_mapping(RestoreOptions, options))
        self._options = options
        self._restorers: dict[str, Restorers] = {}

    def __call__(
        self,
        picture: Picture,
        *,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> tuple[Picture, list[str]]:
        """The restored picture, and what was done in words; a clean picture comes back as it is."""
        said = []
        for step in inspect(picture).steps:
            picture, what = self._run(step, picture, progress, cancel)
            said.append(what)
        return picture, said

    def _run(
        self, step: Step, picture: Picture, progress: Progress | None, cancel: Cancel | None
    ) -> tuple[Picture, str]:
        name = step.restoration
        if name not in self._restorers:
            # A mosaic is no picture to blend with.
            whole = {"strength": 1.0} if name == "demosaic" else {}
            self._restorers[name] = Restorers(name, **{**self._options, **whole})
        restorer = self._restorers[name](picture)
        level = restorer.estimate(picture) if step.level == "auto" else step.level
        restored = restorer(picture, level=level, progress=progress, cancel=cancel)
        return restored, f"{_DONE[name]} {_in_words(level)}"


_DONE = {
    "denoise": "denoised at sigma",
    "dejpeg": "repaired from quality",
    "demosaic": "demosaiced from",
}


def _in_words(level: LevelLike) -> str:
    if isinstance(level, str):
        return level.upper()
    return sigma_in_words(level)
