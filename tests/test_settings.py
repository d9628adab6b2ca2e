from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from rnan.errors import ConfigError
from rnan.options.mapping import from_mapping, parsed, to_mapping


@dataclass(frozen=True, kw_only=True)
class Inner:
    number: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    inner: Inner = field(default_factory=Inner)
    kind: Literal["a", "b"] = "a"
    sizes: tuple[int, ...] = ()
    place: Path | None = None
    either: str | float | None = None


def test_round_trip() -> None:
    value = Outer(name="x", inner=Inner(number=2.5), sizes=(1, 2), place=Path("here"))
    assert from_mapping(Outer, to_mapping(value)) == value


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "x", "iner": {}}, r"unknown setting iner \(did you mean inner\?\)"),
        ({"name": "x", "inner": {"numbr": 1}}, r"inner.numbr \(did you mean number\?\)"),
        ({"name": 3}, "name: expected str, got 3"),
        ({"name": "x", "kind": "c"}, "kind: 'c' is not one of a, b"),
        ({"name": "x", "sizes": 3}, "sizes: expected a list"),
        ({"name": "x", "inner": {"number": "many"}}, "inner.number: expected a number"),
        ({"name": "x", "inner": {"number": True}}, "inner.number: expected float, got True"),
        ({"name": "x", "inner": {"number": 10**400}}, "inner.number: expected a number"),
        ({}, "name"),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_mapping(Outer, values)


def test_one_of_two_types() -> None:
    read = [from_mapping(Outer, {"name": "x", "either": value}) for value in ("grbg", 5, None)]
    assert [one.either for one in read] == ["grbg", 5.0, None]
    with pytest.raises(ConfigError, match="either: expected float"):
        from_mapping(Outer, {"name": "x", "either": [1]})


def test_yaml_numbers_without_a_dot_are_numbers() -> None:
    assert from_mapping(Inner, {"number": "1e-3"}).number == 1e-3


def test_json_nested_too_deeply_is_no_json() -> None:
    assert parsed('{"a": [1, 2.5]}') == {"a": [1, 2.5]}
    with pytest.raises(ValueError, match="nested too deeply"):
        parsed("[" * 100_000)
