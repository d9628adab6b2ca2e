"""Recipes: the settings of a training run as a YAML file, plus ``key=value`` overrides."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from rnan.errors import ConfigError
from rnan.options.mapping import from_mapping, shown
from rnan.training.config import TrainConfig


def load_config(path: Path, overrides: Iterable[str] = ()) -> TrainConfig:
    """Read a YAML file and apply ``key=value`` overrides (dotted keys, YAML values).

    A budget of one kind takes the place of the file's of the other kind.

    ``extends: other.yaml`` in a file, beside it, takes what that one says where this one is
    silent.

    Raises:
        ConfigError: A file cannot be read, a key is unknown, or a value cannot be.
    """
    values = _read(path, ())
    given = set()
    for override in overrides:
        _apply(values, override)
        given.add(override.partition("=")[0])
    for kind, other in (("steps", "minutes"), ("minutes", "steps")):
        if f"budget.{kind}" in given and f"budget.{other}" not in given:
            values["budget"][other] = None
    return from_mapping(TrainConfig, values)


class _Loader(yaml.SafeLoader):
    """YAML whose names do not repeat: of two the first would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [self.construct_object(key, deep=deep) for key, _ in node.value]
        for name in names:
            if names.count(name) > 1:
                raise yaml.MarkedYAMLError(
                    problem=f"{name} stands twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep=deep)


def _read(path: Path, extending: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in extending:
        raise ConfigError(f"{path} extends itself")
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        brief = " ".join(str(error).split())[:160]
        raise ConfigError(f"{path} is not YAML: {brief}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold names and values")
    base = values.pop("extends", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise ConfigError(f"{path}: extends takes the name of a file, got {shown(base)}")
    return _over(_read(path.parent / base, (*extending, path.resolve())), values)


def _over(base: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """``values`` laid over ``base``, section by section."""
    merged = dict(base)
    for key, value in values.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            value = _over(below, value)
        merged[key] = value
    return merged


def _apply(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise ConfigError(f"{override!r} is no override; write key=value, for example seed=1")
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"{key}: {section} is not a section")
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{override!r}: the value is not YAML") from None
