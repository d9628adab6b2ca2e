"""Results: what became of a picture, from the network to the report."""

from dataclasses import dataclass
from typing import Any, Literal

from rnan.errors import RnanError
from rnan.tasks import LevelLike

Status = Literal["done", "skipped", "failed"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing that was done to a picture."""

    restoration: str
    """``denoise``, ``dejpeg``, ``demosaic`` or ``upscale``."""
    level: LevelLike
    """What was taken: σ, quality, a map, a pattern or a scale; ``"auto"`` where nothing was."""
    description: str
    """The level in a few words, where this was the only step: ``sigma 11.4 estimated``."""
    short: str
    """What was done, as one of several steps: ``denoised at sigma 11``."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one picture."""

    status: Status = "done"
    picture: Any = None
    """The restored picture; none in reports."""
    size: tuple[int, int] = (0, 0)
    """Height and width of the input; of camera raw, those of the result."""
    steps: tuple[Step, ...] = ()
    """What was done, in order."""
    source: str = ""
    """The input's file."""
    target: str = ""
    """The file that was written."""
    seconds: float = 0.0
    error: RnanError | None = None
    """What went wrong."""
    note: str = ""
    """What there is to say instead of the steps."""

    @property
    def megapixels(self) -> float:
        """Megapixels of the input."""
        return self.size[0] * self.size[1] / 1e6

    @property
    def description(self) -> str:
        """What was done or went wrong, in words."""
        if self.error is not None:
            return str(self.error)
        return self.note or ", then ".join(step.description for step in self.steps)
