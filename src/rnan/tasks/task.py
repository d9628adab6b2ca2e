"""Tasks: what a network is trained to undo, and how that is measured.

A task has a kind: noise, JPEG, mosaics or reduced size. Each kind is a module beside this one with
a subclass of :class:`Task`, which owns everything that differs between kinds; nothing elsewhere
asks which kind it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from rnan.errors import ConfigError, OptionRef
from rnan.estimation import Traces
from rnan.images.colour import to_gray, to_luma
from rnan.options.levels import LevelOptions
from rnan.options.mapping import shown
from rnan.options.option import options_of
from rnan.options.restoring import RestoreOptions
from rnan.tasks.condition import Condition
from rnan.tasks.level import Level, LevelLike, level_in_words

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]

Plane = Literal["rgb", "gray", "luma"]
"""What of a picture is restored; gray and luma are one channel."""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a restored picture is compared with its reference; see :mod:`rnan.evaluation.metrics`."""

    name: str
    """Name in reports."""
    luma: bool = False
    """Colour pictures are measured on their luma, not rounded; gray ones as they are."""
    crop_border: int = 0
    """Pixels ignored on each side, times the scale of the enlargement."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """A picture whose condition is to be found, and what the network takes."""

    plane: NDArray[np.float32]
    """``(C, H, W)`` with white at 1."""
    traces: Callable[[], Traces]
    """What it went through; called where something is looked for."""
    scales: Sequence[int]
    takes_level: bool
    noise_scale: float = 1.0
    """How many times the variance of noise that was found is reckoned with."""


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A task; the fields that a kind shares have their values in its subclass."""

    name: str
    """Name of the task and of its bundled network."""
    title: str
    """In a few words, for people."""
    plane: Plane = "rgb"
    """What of a picture is restored."""
    test_sets: tuple[str, ...]
    """The paper's test sets, by the names of their folders."""
    protocol: Protocol
    """How results are measured."""
    table_levels: tuple[str, ...]
    """Levels of the paper's table, as ``published.csv`` spells them."""
    more_levels: tuple[str, ...] = ()
    """Levels that are reported beside those of the table."""
    patch_multiple: int = 2
    """What the side of a training patch must be a multiple of."""
    asks: ClassVar[type[LevelOptions]]
    """What can be asked for beside the picture."""
    level_name: ClassVar[str] = ""
    """The option whose number the network is given: ``sigma`` or ``quality``; empty where there is
    none."""
    level_scale: ClassVar[float] = 1.0
    """The network is given the number over this."""
    takes: ClassVar[Literal["picture", "mosaic"]] = "picture"
    """What its inputs are."""
    scales: ClassVar[tuple[int, ...]] = (1,)
    """Enlargements."""
    margin: ClassVar[int] = 0
    """LQ pixels around a training patch that its degradation reaches for."""
    padding: ClassVar[Literal["reflect", "edge"] | None] = None
    """How a picture goes on below and to the right where its sides do not suit the network
    (numpy's names): noise and mosaics as in a mirror, JPEG as its encoder does it. Enlargement is
    best left as it is."""
    conditions: ClassVar[type[Condition]] = Condition
    """Class of its conditions."""
    done: ClassVar[str] = ""
    """What was done to a picture, with the level behind it."""
    how_estimated: ClassVar[str] = "estimated"
    """How the level was had where it was not given."""
    digits: ClassVar[int] = 0
    """Decimal digits of the level in words."""
    noisy: ClassVar[bool] = False
    """Whether the degradation draws noise."""
    whole_levels: ClassVar[bool] = False
    """Whether levels are whole numbers."""
    networks: ClassVar[str] = ""
    """The task whose networks restore its inputs, where that is another."""
    default_models: ClassVar[tuple[str, ...]] = ()
    """What is measured where nothing is asked for, instead of the network of the task's name."""
    tried_levels: ClassVar[tuple[str, ...]] = ()
    """What methods are told that have to be told something, where nobody knows the true level."""
    untold: ClassVar[tuple[str, ...]] = ()
    """Networks that need not be told, likewise."""
    training_extras: ClassVar[frozenset[str]] = frozenset()
    """Settings of ``data`` in a recipe that are for this kind alone."""

    @property
    def channels(self) -> int:
        """Channels of the restored pictures."""
        return 3 if self.plane == "rgb" else 1

    @property
    def enlarges(self) -> bool:
        """Whether results are larger than inputs."""
        return self.scales != (1,)

    @property
    def level_range(self) -> tuple[float, float]:
        """Lowest and highest number that the bundled network knows."""
        described = options_of(self.asks).get(self.level_name)
        return (0.0, 0.0) if described is None else (described.low, described.high)

    @abstractmethod
    def level(self, text: str) -> Level:
        """The level of that name.

        Raises:
            ConfigError: It is none of this task.
        """

    def nearest_known(self, level: Level) -> Level:
        """``level``, or the nearest to it that the bundled network covers."""
        if not self.level_name:
            return level
        low, high = self.level_range
        value = min(max(level.value, low), high)
        return replace(level, value=value, arguments={**level.arguments, self.level_name: value})

    def check_level(self, value: float) -> float:
        """``value`` itself, if the bundled network covers it.

        Raises:
            ConfigError: It lies outside :attr:`level_range` or is not a number.
        """
        if self.level_name:
            options_of(self.asks)[self.level_name].check_range(value)
        return float(value)

    def asked(self, level: LevelLike = "auto", **given: Any) -> LevelOptions:
        """What is asked for, from Python's arguments.

        Args:
            level: The general form, see :class:`rnan.inference.Restorer`.
            given: Options by their own names; ``None`` stands for not given.

        Raises:
            ConfigError: An option is not for this task, or the level is given twice.
        """
        own = options_of(self.asks)
        values = {name: value for name, value in given.items() if value is not None}
        main, level_given = self.asks.name, not (isinstance(level, str) and level == "auto")
        sigma = values.get("sigma")
        if isinstance(sigma, (int, float)) and not sigma and (level_given or "sigma" not in own):
            del values["sigma"]  # 0 was its default once: it stands for not given
        for name in values:
            if name not in own:
                remedy = f"; it takes {main}=" if main in own else ""
                raise ConfigError(OptionRef(name), f" is not for {self.title}{remedy}")
        if level_given:
            if main in values:
                raise ConfigError("level= and ", OptionRef(main), " are the same: give one of them")
            values[main] = level
        return self.asks(**{name: own[name].read(value) for name, value in values.items()})

    def takes_networks_of(self, other: Task) -> bool:
        """Whether networks of another task restore the inputs of this one."""
        return other.name == (self.networks or self.name)

    def check_asked(self, asked: LevelOptions, *, takes_level: bool, model: object) -> None:
        """Refuse what a network cannot be asked for, before a picture is read.

        Args:
            asked: See :meth:`asked`.
            takes_level: Whether the network has a level channel.
            model: Name of the network, for the message.

        Raises:
            ConfigError: It knows one level only and another is asked for.
        """
        if takes_level or not self.level_name or getattr(asked, self.level_name) == "auto":
            return
        ref = OptionRef(self.level_name)
        raise ConfigError(f"{model} knows one {self.level_name} only; leave ", ref, " out")

    def check_options(self, options: RestoreOptions) -> None:
        """Refuse options that are not for this task.

        Raises:
            ConfigError: One is not.
        """
        if options.keep_samples:
            ref = OptionRef("keep_samples")
            raise ConfigError(ref, f" is for mosaics, not for {self.title}", value=True)

    def suits(self, traces: Traces) -> bool:
        """Whether a picture asks for this task's network before that of its channels."""
        return False

    def estimate(self, plane: NDArray[np.float32], traces: Traces) -> LevelLike:
        """The level, read off a picture.

        Args:
            plane: ``(C, H, W)`` with white at 1.
            traces: What it went through.

        Raises:
            ConfigError: Nothing is estimated for this task.
            InputError: The picture does not tell.
        """
        raise ConfigError(f"the {self.asks.name} of {self.title} is not estimated")

    def scaled(self, level: LevelLike, noise_scale: float) -> LevelLike:
        """An estimated level, where the variance of noise is reckoned with so many times."""
        return level

    def condition(self, asked: LevelOptions, look: Look) -> Condition:
        """What the network is given beside a picture; what is left to us is estimated.

        Args:
            asked: See :meth:`asked`.
            look: The picture, and what the network takes.

        Raises:
            ConfigError: A value is out of range or of the wrong kind.
            InputError: The picture does not tell what is to be estimated.
        """
        if not look.takes_level:
            return self.conditions(level=None)
        level: Any = getattr(asked, self.level_name)
        estimated = isinstance(level, str)
        if estimated:
            level = self.scaled(self.estimate(look.plane, look.traces()), look.noise_scale)
        channel = self._level_channel(level, look.plane.shape[-2:])
        return self.conditions(level=channel, taken=level, estimated=estimated)

    def _level_channel(self, level: LevelLike, size: tuple[int, int]) -> NDArray[np.float32]:
        """A number or a map for the network's level channel."""
        name = self.level_name
        try:
            values = np.asarray(level, dtype=np.float32)
        except (TypeError, ValueError):
            raise ConfigError(
                OptionRef(name),
                f" must be a number, a map or auto, got {shown(level)}",
                value=level,
            ) from None
        if values.size == 0:
            raise ConfigError(f"the map of {name} is empty")
        for extreme in (values.min(), values.max()):
            self.check_level(float(extreme))
        scaled = np.atleast_1d(values / np.float32(self.level_scale))
        if values.ndim == 0:
            return scaled
        if values.shape != size:
            raise ConfigError(
                f"a map of {name} must have the picture's size {size}, got {values.shape}"
            )
        return scaled[None, None]

    def describe(self, condition: Condition) -> str:
        """The level of a restored picture in a few words: ``sigma 11.4 estimated``."""
        if isinstance(condition.taken, str):
            return f"no {self.level_name} needed"  # the network was trained for one
        how = self.how_estimated if condition.estimated else "given"
        return f"{self.level_name} {level_in_words(condition.taken, self.digits)} {how}"

    def describe_step(self, level: LevelLike) -> str:
        """What was done, as one of several steps of ``auto``: ``denoised at sigma 11``."""
        return f"{self.done} {level if isinstance(level, str) else level_in_words(level)}"

    @abstractmethod
    def degrade(self, gt: Array, level: Level, *, name: str, seed: int) -> Array:
        """The LQ picture of a measurement: the same on every machine.

        Args:
            gt: ``(H, W, C)``, whole numbers on the 0-255 scale.
            level: How much.
            name: Of the picture; it seeds noise, together with ``level`` and ``seed``.
            seed: Another seed, another noise.
        """

    @abstractmethod
    def degrade_batch(self, gt: Tensor, values: Tensor, draws: Tensor, scale: int) -> Tensor:
        """LQ patches for training, on the device of ``gt``.

        Args:
            gt: ``(B, C, H, W)`` in [0, 1].
            values: Numbers of the level, ``(B,)``.
            draws: Standard normal numbers shaped like ``gt``; empty where the task is not
                :attr:`noisy`.
            scale: Enlargement.
        """

    def degraded_file(self, gt: NDArray[np.uint8], level: Level) -> bytes | None:
        """The degraded picture as a JPEG file, where the degradation is one; else nothing."""
        return None

    def given_lq(self, lq: Array, level: Level) -> Array:
        """An LQ picture that somebody else made, in the form that :meth:`degrade` gives."""
        return lq

    def check_pairs(self, *, one_level: bool) -> None:
        """Refuse training on pairs of LQ and clean pictures where nothing could be learnt.

        Args:
            one_level: Whether the recipe says which level the pictures have.

        Raises:
            ConfigError: As the message says.
        """
        if self.level_name and not one_level:
            raise ConfigError(
                f"LQ pictures need one {self.level_name} that the network is given; set level.at"
            )

    def reference(self, picture: NDArray[Any]) -> Array:
        """The reference that a clean picture gives.

        Args:
            picture: ``(H, W, 1)`` or ``(H, W, 3)`` on the 0-255 scale.

        Returns:
            Whole numbers ``(H, W, C)`` from 0 to 255; gray stays one plane in a colour task.
        """
        values = picture.astype(np.float64)
        if self.plane == "gray":
            values = to_gray(values)
        elif self.plane == "luma":
            values = to_luma(values)
        return np.clip(np.floor(values + 0.5), 0.0, 255.0)


@dataclass(frozen=True, kw_only=True)
class Restoration:
    """What people ask for, and the tasks that it is for pictures of one and of three channels."""

    name: str
    tasks: dict[int, Task]
    special: tuple[Task, ...] = ()
    """Tasks for pictures that :meth:`Task.suits` knows."""

    @property
    def all_tasks(self) -> list[Task]:
        """Each of them once."""
        return list(dict.fromkeys((*self.tasks.values(), *self.special)))

    def chosen(self, channels: int, traces: Callable[[], Traces] | None = None) -> Task:
        """The task for a picture.

        Args:
            channels: One or three.
            traces: What it went through, where that is to decide too.
        """
        if traces is not None:
            for task in self.special:
                if task.suits(traces()):
                    return task
        return self.tasks[channels]

    @property
    def takes(self) -> Literal["picture", "mosaic"]:
        """What its inputs are."""
        return next(iter(self.tasks.values())).takes
