"""Options: dataclass fields that say what can be asked for, and how a value is read.

A field made by :func:`option` is an option of every door: command line, API, page, cluster and
Python. Its name, type and default are those of the field; the rest stands in the field's
metadata. Nothing here needs more than the standard library, since ``rnan --help`` reads it.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rnan.errors import ConfigError, OptionRef
from rnan.options.mapping import nearest, shown

Group = Literal["main", "raw", "files", "output", "limits", "engine"]
"""Where an option stands in the help: what most people use, camera raw, which files, what is
written, what is refused, what computes."""

_KEY = "rnan"


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option, as its field describes it."""

    name: str
    """As Python and the API spell it; the command line writes ``-`` for ``_``."""
    kind: type
    """Type of a value that is not a word: ``str``, ``int``, ``float``, ``bool`` or ``Path``."""
    default: Any
    help: str
    """A sentence, or several."""
    group: Group = "main"
    choices: tuple[Any, ...] = ()
    """Words that are taken; beside them a number, where :attr:`kind` is one."""
    open_choices: bool = False
    """Whether other words may be taken too: engines, for example, can be added from outside."""
    low: float = -math.inf
    high: float = math.inf
    """Range of a number, both ends included."""
    unit: str = ""
    """Unit of a number."""
    default_text: str = ""
    """What holds where nothing is given, in words, for options whose default is ``None``."""
    only: tuple[str, ...] = ()
    """The restorations that it is for, where it is not for all."""
    machine: bool = False
    """Whether it is about the machine that computes: a server decides that for all requests."""
    takes_map: bool = False
    """Whether Python may give an array with a number for each pixel, checked with the picture."""
    excludes_low: bool = False
    """Whether a number must be more than :attr:`low`."""
    multiple: bool = False
    """Whether it may be given several times; the value is a tuple."""
    parse: Callable[[str], Any] | None = None
    """Reads the text of a value of another kind, a size for example."""

    @property
    def is_optional(self) -> bool:
        """Whether no value at all can be given."""
        return self.default is None

    def read(self, value: Any) -> Any:
        """A value from what a door was given: text, or a value already.

        Raises:
            ConfigError: It is of another kind, out of range, or none of the choices.
        """
        if (value is None and self.is_optional) or (self.takes_map and _is_map(value)):
            return value
        if self.kind is bool:
            if isinstance(value, bool):
                return value
            raise ConfigError(self.ref, f" is true or false, got {shown(value)}", value=value)
        word = str(value).strip().lower()
        if isinstance(value, str) and not value:
            raise ConfigError(self.ref, " is empty", value=value)
        for choice in self.choices:
            if word == str(choice):
                return choice
        if self.parse is not None and isinstance(value, (str, tuple, list)):
            try:
                return self.parse(value if isinstance(value, str) else ",".join(map(str, value)))
            except ConfigError as error:
                raise ConfigError(self.ref, f": {error}", value=value) from None
        if self.kind is Path:
            return Path(value)
        return self._word(value) if self.kind is str else self._number(value)

    @property
    def ref(self) -> OptionRef:
        """How messages name it."""
        return OptionRef(self.name)

    def _word(self, value: Any) -> Any:
        if self.choices and not self.open_choices:
            choices = ", ".join(map(str, self.choices))
            near = nearest(str(value), map(str, self.choices))
            message = f" must be one of {choices}, got {shown(value)}{near}"
            raise ConfigError(self.ref, message, value=value)
        return value

    def _number(self, value: Any) -> float:
        try:
            number: float = self.kind(value)
            if isinstance(value, bool) or (isinstance(value, float) and number != value == value):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            words = "".join(f" or {word}" for word in self.choices)
            kind = "a whole number" if self.kind is int else "a number"
            raise ConfigError(
                self.ref, f" takes {kind}{words}, got {shown(value)}", value=value
            ) from None
        self.check_range(number)
        return number

    def check_range(self, number: float) -> None:
        """Refuse a number out of range.

        Raises:
            ConfigError: It is, or is not a number.
        """
        too_low = number == self.low and self.excludes_low
        if self.low <= number <= self.high and not too_low:  # nan neither
            return
        low, high = _in_words(self.low), _in_words(self.high)
        limits = f"lie between {low} and {high}"
        if math.isinf(self.high):
            limits = f"be {'more than' if self.excludes_low else 'at least'} {low}"
        raise ConfigError(self.ref, f" must {limits}, got {_in_words(number)}", value=number)


def option(default: Any, words: str, **described: Any) -> Any:
    """A field of a dataclass that is an option.

    Args:
        default: Default of the field.
        words: Its help: a sentence, or several.
        described: Other fields of :class:`Option`; name and kind come from the field itself,
            choices too where its type is a ``Literal``.
    """
    return dataclasses.field(default=default, metadata={_KEY: {"help": words, **described}})


def options_of(cls: type) -> Mapping[str, Option]:
    """The options among the fields of a dataclass, by name and in order."""
    if cls not in _DESCRIBED:
        hints = typing.get_type_hints(cls)
        _DESCRIBED[cls] = types.MappingProxyType(
            {
                field.name: _option(field, hints[field.name])
                for field in dataclasses.fields(cls)
                if _KEY in field.metadata
            }
        )
    return _DESCRIBED[cls]


_DESCRIBED: dict[type, Mapping[str, Option]] = {}


def check(options: Any) -> None:
    """Refuse values that cannot be, in an instance of a dataclass with options.

    Raises:
        ConfigError: A number is out of its range, or a word is none of the choices.
    """
    for name, described in options_of(type(options)).items():
        value = getattr(options, name)
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, (int, float)) and described.kind is not str:
            described.check_range(value)
        elif described.choices and isinstance(value, (str, int)):
            described.read(value)


def _option(field: dataclasses.Field[Any], hint: Any) -> Option:
    multiple = typing.get_origin(hint) is tuple
    parts = typing.get_args(hint) if multiple or _is_union(hint) else (hint,)
    words = [typing.get_args(part) for part in parts if typing.get_origin(part) is Literal]
    plain = [part for part in parts if part in (bool, int, float, str, Path)]
    described = dict(field.metadata[_KEY])
    described.setdefault("choices", tuple(word for group in words for word in group))
    kind = described.pop("kind", plain[0] if plain else str)
    return Option(name=field.name, kind=kind, default=field.default, multiple=multiple, **described)


def _is_map(value: Any) -> bool:
    return isinstance(value, list) or bool(getattr(value, "shape", ()))


def _in_words(number: float) -> str:
    whole = math.isfinite(number) and abs(number) < 1e15 and number == int(number)
    return str(int(number)) if whole else f"{number:g}"


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)
