"""Frozen dataclasses from plain mappings: every unknown key is an error that names the nearest."""

import contextlib
import dataclasses
import difflib
import json
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from rnan.errors import ConfigError

T = TypeVar("T")


def parsed(text: str | bytes) -> Any:
    """What a file says in JSON.

    Raises:
        ValueError: It is no JSON, or nested so deeply that only a damaged file can be.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def nearest(name: object, known: Iterable[str]) -> str:
    """`` (did you mean …?)`` for the known name nearest to ``name``, or nothing."""
    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def shown(value: object) -> str:
    """A value in a message: one line, not too long."""
    return _brief(repr(value))


def _brief(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:60]} …"


def from_mapping(cls: type[T], values: Mapping[str, Any], *, where: str = "") -> T:
    """Build the dataclass ``cls`` from ``values``, nested dataclasses from nested mappings.

    Args:
        cls: A dataclass; fields that are absent from ``values`` keep their defaults.
        values: Names and values, as YAML or JSON give them.
        where: Dotted name of this section, for messages.

    Raises:
        ConfigError: A key is unknown, a value has the wrong type, or ``cls`` refuses it.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where or 'settings'}: expected names and values, got {shown(values)}")
    hints = typing.get_type_hints(cls)
    fields = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{where}.{key}" if where else str(key)
        if key not in fields:
            raise ConfigError(f"unknown setting {_brief(name)}{nearest(str(key), fields)}")
        arguments[key] = _convert(hints[key], value, name)
    try:
        return cls(**arguments)
    except TypeError as error:  # a required field is missing
        raise ConfigError(f"{where or cls.__name__}: {error}") from error


def to_mapping(value: Any) -> Any:
    """The inverse of :func:`from_mapping`: only what YAML and JSON know."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_mapping(getattr(value, field.name))
            for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): to_mapping(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_mapping(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _convert(hint: Any, value: Any, name: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        options = typing.get_args(hint)
        if value is None and type(None) in options:
            return None
        *others, last = (option for option in options if option is not type(None))
        for option in others:
            with contextlib.suppress(ConfigError):
                return _convert(option, value, name)
        return _convert(last, value, name)
    if dataclasses.is_dataclass(hint):
        return value if isinstance(value, hint) else from_mapping(hint, value, where=name)  # type: ignore[arg-type]
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ConfigError(f"{name}: expected a list, got {shown(value)}")
        return tuple(_convert(typing.get_args(hint)[0], item, name) for item in value)
    if origin is typing.Literal:
        options = typing.get_args(hint)
        if value not in options:
            raise ConfigError(
                f"{name}: {shown(value)} is not one of {', '.join(map(str, options))}"
            )
        return value
    if hint is Path and isinstance(value, (str, Path)):
        return Path(value)
    if hint is float and isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)  # YAML reads 1e-3, without a dot, as a string
        except (ValueError, OverflowError):
            raise ConfigError(f"{name}: expected a number, got {shown(value)}") from None
    if hint in (bool, int, str) and type(value) is hint:
        return value
    if hint in (bool, int, str, float, Path):
        raise ConfigError(f"{name}: expected {hint.__name__}, got {shown(value)}")
    return value
