"""What is asked for, in one object: every door makes it here, in the same way."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from rnan.errors import ConfigError, OptionRef
from rnan.options.files import ReadOptions, WriteOptions
from rnan.options.levels import LEVELS, LevelOptions, NoLevel
from rnan.options.mapping import nearest
from rnan.options.option import Option, option, options_of
from rnan.options.raw import RawOptions
from rnan.options.restoring import RestoreOptions

AUTO = "auto"
"""The restoration that finds out what a picture needs."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for."""

    restoration: str = AUTO
    """``auto``, ``denoise``, ``dejpeg``, ``demosaic`` or ``upscale``."""
    level: LevelOptions = field(default_factory=NoLevel)
    """How much, and what else is for this restoration alone."""
    model: str | None = option(
        None,
        "Weights: a name, a weights file, or an .onnx file.",
        group="engine",
        default_text="what suits the picture",
    )
    restoring: RestoreOptions = field(default_factory=RestoreOptions)
    raw: RawOptions = field(default_factory=RawOptions)
    reading: ReadOptions = field(default_factory=ReadOptions)
    writing: WriteOptions = field(default_factory=WriteOptions)

    @property
    def facts(self) -> dict[str, Any]:
        """All of it in plain values, for records that say whether a result is still the same."""
        return dataclasses.asdict(self)


_SECTIONS = {
    "restoring": RestoreOptions,
    "raw": RawOptions,
    "reading": ReadOptions,
    "writing": WriteOptions,
}
"""Fields of :class:`Request` whose own fields are options."""


@cache
def request_options(restoration: str | None = None) -> Mapping[str, Option]:
    """All options of a request by name: of one restoration, or of any.

    Of any, an option that several restorations have says what it is for each, takes text, and is
    read once the restoration is known.

    Raises:
        ConfigError: There is no such restoration.
    """
    options: dict[str, Option] = {}
    for name in LEVELS if restoration is None else (restoration,):
        for own in options_of(level_class(name)).values():
            options[own.name] = own if restoration is not None else _for_any(options, own, name)
    for cls in (Request, *_SECTIONS.values()):
        for own in options_of(cls).values():
            if own.name == "model" and restoration == AUTO:
                continue  # it chooses
            if not own.only or restoration in own.only:
                options[own.name] = own
            elif restoration is None:
                options[own.name] = replace(own, help=f"For {', '.join(own.only)}: {own.help}")
    return MappingProxyType(options)


def make_request(
    restoration: str, given: Mapping[str, Any], base: Request | None = None
) -> Request:
    """A request from options by name, as text or as values.

    Args:
        restoration: See :class:`Request`.
        given: Values by the names of :func:`request_options`; ``None`` stands for not given.
        base: What holds where nothing is given.

    Raises:
        ConfigError: An option is unknown, not for this restoration, or its value cannot be.
    """
    base = base or Request()
    own, every = request_options(restoration), request_options()
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in every:
            raise ConfigError(f"unknown option {name}{nearest(name, every)}", value=value)
        if value is None or (name not in own and value == every[name].default):
            continue
        if name not in own:
            why = ", which chooses" if restoration == AUTO and name == "model" else ""
            raise ConfigError(OptionRef(name), f" is not for {restoration}{why}", value=value)
        values[name] = own[name].read(value)
    level = level_class(restoration)
    return Request(
        restoration=restoration,
        level=level(**{name: values[name] for name in options_of(level) if name in values}),
        model=values.get("model", base.model),
        **{
            section: replace(
                getattr(base, section),
                **{name: values[name] for name in options_of(cls) if name in values},
            )
            for section, cls in _SECTIONS.items()
        },
    )


def level_class(restoration: str) -> type[LevelOptions]:
    """What can be asked for of a restoration.

    Raises:
        ConfigError: There is no such restoration.
    """
    if restoration not in LEVELS:
        raise ConfigError(f"unknown restoration {restoration}{nearest(restoration, LEVELS)}")
    return LEVELS[restoration]


def _for_any(options: Mapping[str, Option], own: Option, restoration: str) -> Option:
    described = f"For {restoration}: {own.help}"
    if own.name in options:
        return replace(options[own.name], help=f"{options[own.name].help} {described}")
    if own.kind is bool:
        return replace(own, help=described)
    choices = own.choices if own.kind is str else ()
    return replace(own, help=described, default=None, kind=str, choices=choices)
