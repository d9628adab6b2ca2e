"""Deprecated: the options of a restoration are :class:`rnan.inference.RestoreOptions`."""

import typing
import warnings
from typing import Any

from rnan.options.restoring import RestoreOptions


def __getattr__(name: str) -> Any:
    if name not in ("Options", "RestoreOptions"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    instead = "rnan.inference.RestoreOptions"
    warnings.warn(f"{__name__}.{name} is deprecated; take {instead}", DeprecationWarning, 2)
    if name == "RestoreOptions":
        return RestoreOptions
    hints = typing.get_type_hints(RestoreOptions)
    return typing.TypedDict("Options", hints, total=False)  # type: ignore[operator]
