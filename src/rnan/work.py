"""What is done to each of many pictures, by the command line and on a cluster alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rnan.api import Restorers
from rnan.chain import Chain
from rnan.errors import ConfigError
from rnan.images import Picture, ReadOptions, WriteOptions
from rnan.images.endings import EXTENSIONS, RAW_EXTENSIONS
from rnan.images.raw import is_raw
from rnan.images.write import ENDINGS
from rnan.inference import Restorer
from rnan.inference.conditions import LevelLike, sigma_in_words
from rnan.inference.developing import develop_file
from rnan.inference.files import FileOptions, process_file, restore_file
from rnan.inference.plan import Job
from rnan.inference.streaming import Cancel
from rnan.inference.tiled import Progress
from rnan.option_table import LEVELS, READING, READING_AND_WRITING, Option
from rnan.settings import nearest
from rnan.weights import registry

AUTO = "auto"
"""The restoration that finds out what a picture needs."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked for."""

    restoration: str
    """``denoise``, ``dejpeg``, ``demosaic``, ``upscale`` or ``auto``."""
    model: str | None = None
    """Weights for every picture, instead of those that suit it."""
    level: float | str = "auto"
    """See :class:`~rnan.inference.Restorer`."""
    sigma: float = 0.0
    """Beside a Bayer pattern."""
    strict: bool = False
    """Refuse camera raw of other sensors than Bayer's."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of :class:`~rnan.inference.RestoreOptions`."""

    @property
    def extensions(self) -> tuple[str, ...]:
        """Endings that folders are searched for."""
        return (*EXTENSIONS, *RAW_EXTENSIONS) if self.restoration == "demosaic" else EXTENSIONS


def wish_for(restoration: str, given: dict[str, Any]) -> Wish:
    """A wish from options by their names; those that it takes are taken out of ``given``.

    Args:
        restoration: See :class:`Wish`.
        given: The levels of :data:`rnan.option_table.LEVELS`, as text or numbers, ``model`` and
            ``strict``; none of them has to be there.

    Raises:
        ConfigError: A level is none, or is not for this restoration.
    """
    if restoration not in LEVELS:
        raise ConfigError(f"unknown restoration {restoration}{nearest(restoration, LEVELS)}")
    own = {option.name: option for option in LEVELS[restoration]}
    values: dict[str, float | str] = {}
    for name in {option.name for options in LEVELS.values() for option in options}:
        value = given.pop(name, None)
        if value is not None and name not in own:
            raise ConfigError(f"--{name} is not for {restoration}")
        if name in own:
            values[name] = _level(own[name], own[name].default if value is None else value)
    if restoration == AUTO and given.get("model") is not None:
        raise ConfigError("--model is not for auto, which chooses")
    first = next(iter(own), None)
    beside = values.get("sigma", 0.0) if first != "sigma" else 0.0
    return Wish(
        restoration=restoration,
        model=given.pop("model", None),
        level=values[first] if first is not None else "auto",
        sigma=float(beside),
        strict=bool(given.pop("strict", False)),
    )


def files_for(given: dict[str, Any], *, overwrite: bool) -> tuple[FileOptions, str | None]:
    """How files are read and written, from options by their names, and the ending of the results.

    Args:
        given: Those of :data:`rnan.option_table.READING_AND_WRITING`; they are taken out of it.
        overwrite: Replace outputs that exist.

    Returns:
        The options; the ending is ``None`` where the format is the input's.

    Raises:
        ConfigError: One is out of range.
    """
    own = {option.name: given.pop(option.name) for option in READING_AND_WRITING}
    file_format = own["format"].upper() if own["format"] else None
    files = FileOptions(
        reading=ReadOptions(**{option.name: own[option.name] for option in READING}),
        writing=WriteOptions(
            bit_depth=int(own["bit_depth"]) if own["bit_depth"] else None,  # type: ignore[arg-type]
            jpeg_quality=own["jpeg_quality"],
            strip_metadata=own["strip_metadata"],
        ),
        overwrite=overwrite,
        stream_format=file_format,
    )
    return files, ENDINGS[file_format] if file_format else None


def _level(option: Option, value: Any) -> float | str:
    """A number, or ``auto`` or a pattern where that may be."""
    text = str(value).strip().lower()
    if text == option.default or text in option.choices:
        return text
    try:
        number = float(text)
    except ValueError:
        auto = " or auto" if option.default == "auto" else ""
        raise ConfigError(f"{option.flag} takes a number{auto}, got {value!r}") from None
    if option.choices:
        raise ConfigError(f"{option.flag} is one of {', '.join(option.choices)}, got {value!r}")
    if not option.low <= number <= option.high:  # nan neither
        raise ConfigError(
            f"{option.flag} must lie between {option.low:g} and {option.high:g}, got {value}"
        )
    return number


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What became of one picture."""

    size: tuple[int, int]
    """Height and width; of camera raw, those of the result."""
    said: str
    """What was done, in words."""


class Work:
    """Restores files as a wish says; networks are loaded when a picture needs them.

    Args:
        wish: What is asked for.

    Raises:
        ConfigError: A level is out of range, or the model is for something else.
        WeightsError: The model cannot be loaded.
    """

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self._one: Callable[..., Restored]
        if wish.restoration == AUTO:
            self._chain = Chain(**wish.options)
            self._one = self._find_out
            self._hashes = [registry.sha256(name) for name in self.model_names]
        else:
            self._restorers = Restorers(wish.restoration, wish.model, **wish.options)
            self._one = self._restore
            self._hashes = self._restorers.hashes
            self._check_level()

    @property
    def model_names(self) -> list[str]:
        """The bundled networks that may be used."""
        if self.wish.restoration == AUTO:
            return registry.bundled()
        return [task.name for task in self._restorers.tasks] if self.wish.model is None else []

    @property
    def facts(self) -> dict[str, Any]:
        """All that decides what a result looks like, beside how it is written."""
        wish = self.wish
        return {
            "restoration": [wish.restoration, wish.level, wish.sigma],
            "restoring": dict(wish.options),
            "weights": self._hashes,
        }

    def __call__(
        self,
        job: Job,
        options: FileOptions,
        *,
        before: Callable[[Picture, Restorer], None] | None = None,
        progress: Progress | None = None,
        cancel: Cancel | None = None,
    ) -> Restored:
        """Read, restore and write one picture; nothing is left of a failed attempt.

        Args:
            job: Where it is and where it goes.
            options: How the files are read and written.
            before: Called once the picture is read, where one network restores it.
            progress: Called after each tile.
            cancel: Looked at before each tile.

        Raises:
            RnanError: Whatever goes wrong, in one line.
        """
        return self._one(job, options, before, progress, cancel)

    def _check_level(self) -> None:
        """Refuse a level before any picture is read."""
        if not self._restorers.take_level and not isinstance(self.wish.level, str):
            name = self._restorers.tasks[0].level_name
            raise ConfigError(f"{self.wish.model} knows one {name} only; leave --{name} out")
        for task in self._restorers.tasks:
            if task.kind in ("sigma", "quality") and not isinstance(self.wish.level, str):
                task.check_level(self.wish.level)
            if task.kind == "pattern":
                task.check_level(self.wish.sigma)

    def _find_out(
        self,
        job: Job,
        options: FileOptions,
        _: Any,
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> Restored:
        said: list[str] = []

        def transform(picture: Picture) -> Picture:
            restored, steps = self._chain(picture, progress=progress, cancel=cancel)
            said.extend(steps)
            return restored

        size = process_file(transform, job, options)
        return Restored(size=size, said=", then ".join(said) or "clean, left alone")

    def _restore(
        self,
        job: Job,
        options: FileOptions,
        before: Callable[[Picture, Restorer], None] | None,
        progress: Progress | None,
        cancel: Cancel | None,
    ) -> Restored:
        wish = self.wish
        if wish.restoration == "demosaic" and is_raw(job.source):
            picture, how = develop_file(
                self._restorers.for_channels(1),
                job,
                sigma=wish.sigma,
                strict=wish.strict,
                options=options,
                progress=progress,
                cancel=cancel,
            )
            return Restored(size=picture.size, said=f"camera raw, {how}")
        done = restore_file(
            self._restorers,
            job,
            level=wish.level,
            sigma=wish.sigma,
            options=options,
            before=before,
            progress=progress,
            cancel=cancel,
        )
        words = _level_in_words(wish, done.level, estimated=done.estimated)
        return Restored(size=done.size, said=words)


_FOUND = {"denoise": ("sigma", 1, "estimated"), "dejpeg": ("quality", 0, "found")}
"""What the level is called, its digits, and how it was had where it was not given."""


def _level_in_words(wish: Wish, level: LevelLike, *, estimated: bool) -> str:
    if wish.restoration == "upscale":
        return f"x{wish.level:g}"
    if wish.restoration == "demosaic":
        return f"{str(level).upper()}, sigma {wish.sigma:g}"
    name, digits, how = _FOUND[wish.restoration]
    if isinstance(level, str):
        return f"no {name} needed"  # the network was trained for one level
    return f"{name} {sigma_in_words(level, digits)} {how if estimated else 'given'}"
