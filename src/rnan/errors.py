"""Every error a user can cause, and the exit code of the command line for each.

    RnanError
    ├── InputError          a picture that cannot be read, an output that cannot be written  exit 1
    ├── ConfigError         an option or setting that cannot be                               exit 2
    ├── PartialFailure      some files of a folder failed                                     exit 3
    ├── ResourceError       not enough memory or disk                                         exit 4
    ├── WeightsError        weights that are missing, corrupt or of another shape             exit 5
    ├── MissingExtraError   an optional dependency that is not installed                      exit 5
    └── Cancelled           stopped by the user                                            exit 130

A message is one line: the cause, then what to do. ``ConfigError`` and ``InputError`` are
``ValueError`` as well, so that callers who know only the standard library catch them.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "Cancelled",
    "ConfigError",
    "InputError",
    "MissingExtraError",
    "PartialFailure",
    "ResourceError",
    "RnanError",
    "WeightsError",
]


class RnanError(Exception):
    """Base of every error that ``rnan`` raises on purpose."""

    exit_code = 1


class InputError(RnanError, ValueError):
    """A picture cannot be read, or an output exists or cannot be written.

    Args:
        message: One line.
        remedy: Options by which the same would be taken, as Python and the API call them.
    """

    exit_code = 1
    remedy: Mapping[str, object] = MappingProxyType({})

    def __init__(self, message: str = "", *, remedy: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.remedy = dict(remedy or {})


class ConfigError(RnanError, ValueError):
    """An option or a setting is out of range, unknown or contradicts another."""

    exit_code = 2


class PartialFailure(RnanError):
    """Some files of a folder failed; the others are done."""

    exit_code = 3


class ResourceError(RnanError):
    """Memory or disk does not suffice."""

    exit_code = 4


class WeightsError(RnanError):
    """Weights are missing, corrupt, of another shape or of another task."""

    exit_code = 5


class MissingExtraError(RnanError, ImportError):
    """A feature needs a package that is not installed."""

    exit_code = 5

    def __init__(self, package: str, extra: str | None = None) -> None:
        what = f"'rnan[{extra}]'" if extra else package
        super().__init__(f"{package} is not installed; run: pip install {what}")
        self.package = package
        self.extra = extra


class Cancelled(RnanError):
    """The user stopped the work; nothing half-written is left."""

    exit_code = 130


def told(kind: str | None, message: str) -> RnanError:
    """An error as another process named it; of a kind that is none of ours, the base of all."""
    known: type[RnanError] = globals()[kind] if kind in __all__ else RnanError
    return known.__new__(known, message)  # without what its constructor asks for


def is_full(error: OSError) -> bool:
    """Whether the system says that no space is left, on the disk or in what a user may take."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
