"""Conditions: what a network is given beside the picture, and what holds for the picture."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rnan.tasks.level import LevelLike


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What holds for one picture; :meth:`rnan.tasks.Task.condition` makes it."""

    level: NDArray[np.float32] | None
    """For the network's level channel, over the task's scale: ``(1,)`` or a map ``(1, 1, H, W)``;
    none where the network has no such channel."""
    taken: LevelLike = "auto"
    """The level in the task's own units: as it was asked for, or estimated; ``"auto"`` where the
    network is given none."""
    estimated: bool = False
    """Whether it was read off the picture."""
    pattern: str = "grbg"
    """Bayer pattern of a mosaic."""
    scale: int = 1
    """What the network enlarges by."""
    enlargement: float = 1.0
    """What is asked for, at most :attr:`scale`."""
    grid: tuple[int, int] = (0, 0)
    """Rows and columns before the first whole block of a JPEG."""

    @property
    def noise(self) -> float:
        """The strongest σ of the picture's noise with white at 1; 0 where the level is none."""
        return 0.0

    def exposed(self, span: float) -> Self:
        """The same for a picture whose values were divided by ``span``."""
        return self

    def for_equal_planes(self, highest: float) -> Self:
        """The same for a gray picture that is given as three equal planes."""
        return self

    def result_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the restored picture; half a pixel counts as one."""
        return int(self.enlargement * height + 0.5), int(self.enlargement * width + 0.5)

    def with_map(self, level: NDArray[Any]) -> Self:
        """The same with another map of the level."""
        return replace(self, level=level)

    @property
    def level_map(self) -> NDArray[np.float32] | None:
        """The level where it is a map, else nothing."""
        return self.level if self.level is not None and self.level.ndim == 4 else None
