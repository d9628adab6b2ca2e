"""Super-resolution: pictures that bicubic interpolation made small (Section 4.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnan.degradations import resize
from rnan.errors import ConfigError, OptionRef
from rnan.options.levels import LevelOptions, ScaleLevel
from rnan.options.mapping import shown
from rnan.options.option import options_of
from rnan.tasks.condition import Condition
from rnan.tasks.level import Level, LevelLike, number
from rnan.tasks.task import Array, Look, Protocol, Restoration, Task

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ScaleTask(Task):
    """Super-resolution."""

    table_levels: tuple[str, ...] = ("x2", "x3", "x4")
    asks = ScaleLevel
    scales = (2, 3, 4)
    margin = 4

    def level(self, text: str) -> Level:
        """``x2``, or ``2``."""
        value = number(text.strip().lower().removeprefix("x"), text, "a scale such as x2")
        if not 1 <= value <= 16 or value != int(value):
            raise ConfigError(f"scale must be a whole number from 1 to 16, got {value:g}")
        return Level(name=f"x{int(value)}", scale=int(value), arguments={"scale": int(value)})

    def asked(self, level: LevelLike = "auto", **given: object) -> LevelOptions:
        """What the network enlarges by is left to :meth:`condition`, ``auto`` with it."""
        given = {name: value for name, value in given.items() if value is not None}
        level_given = not (isinstance(level, str) and level == "auto")
        if set(given) - {"scale"} or (given and level_given):
            return super().asked(level, **given)
        return ScaleLevel(scale=given.get("scale", level))

    def condition(self, asked: LevelOptions, look: Look) -> Condition:
        """The enlargement, and the network's scale for it."""
        assert isinstance(asked, ScaleLevel)
        enlargement = _enlargement(asked.scale, look.scales)
        return Condition(
            level=None, scale=next_scale(enlargement, look.scales), enlargement=enlargement
        )

    def describe(self, condition: Condition) -> str:
        """``x2``."""
        return f"x{condition.enlargement:g}"

    def degrade(self, gt: Array, level: Level, *, name: str, seed: int) -> Array:
        return resize.downscale(gt, level.scale)

    def degrade_batch(self, gt: Tensor, values: Tensor, draws: Tensor, scale: int) -> Tensor:
        from rnan.degradations.batched.resize import downscale_batch

        return downscale_batch(gt, scale)


def next_scale(enlargement: float, scales: Sequence[int]) -> int:
    """The smallest scale of a network that is as large as what is asked for."""
    return min(scale for scale in scales if scale >= enlargement)


def _enlargement(scale: object, scales: Sequence[int]) -> float:
    described = options_of(ScaleLevel)["scale"]
    if isinstance(scale, str) and scale == "auto":
        return float(scales[0] if len(scales) == 1 else described.default)
    try:
        enlargement = float(scale)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(
            OptionRef("scale"), f" must be a number, got {shown(scale)}", value=scale
        ) from None
    if not described.low <= enlargement <= max(scales):
        raise ConfigError(
            OptionRef("scale"),
            f" must lie between {described.low:g} and {max(scales)} with these weights, "
            f"got {enlargement:g}",
            value=scale,
        )
    return enlargement


SUPER_RESOLUTION = ScaleTask(
    name="super-resolution",
    title="super-resolution",
    test_sets=("set5", "set14", "b100", "urban100", "manga109"),
    protocol=Protocol(name="luma, border cut", luma=True, crop_border=1),
)
UPSCALE = Restoration(name="upscale", tasks={1: SUPER_RESOLUTION, 3: SUPER_RESOLUTION})
