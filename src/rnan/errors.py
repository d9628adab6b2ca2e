"""Every error a user can cause, and the exit code of the command line for each.

    RnanError
    ├── InputError          a picture that cannot be read, an output that cannot be written  exit 1
    ├── ConfigError         an option or setting that cannot be                               exit 2
    ├── PartialFailure      some files of a folder failed                                     exit 3
    ├── ResourceError       not enough memory or disk                                         exit 4
    ├── WeightsError        weights that are missing, corrupt or of another shape             exit 5
    ├── MissingExtraError   an optional dependency that is not installed                      exit 5
    └── Cancelled           stopped by the user                                            exit 130

A message is one line: the cause, then what to do. It is given in parts, of which some name options
(:class:`OptionRef`): each door spells these its own way, ``sigma=`` in Python, ``--sigma`` on the
command line, ``"sigma"`` in the API. ``ConfigError`` and ``InputError`` are ``ValueError`` as well,
so that callers who know only the standard library catch them.
"""

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

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


@dataclass(frozen=True)
class OptionRef:
    """An option that a message names."""

    name: str
    """As Python spells it."""
    value: Any = None
    """The value that the message speaks of, if any."""

    def __str__(self) -> str:
        return f"{self.name}={'' if self.value is None else repr(self.value)}"

    def as_flag(self) -> str:
        """As the command line spells it: ``--max-memory``, ``--frame 1``."""
        flag = f"--{self.name.replace('_', '-')}"
        return flag if self.value is None or self.value is True else f"{flag} {self.value}"


class RnanError(Exception):
    """Base of every error that ``rnan`` raises on purpose.

    Args:
        parts: Of the message, in order: text, and the options that it names.
        value: The value that was refused, where the error is about an option.
    """

    exit_code = 1

    def __init__(self, *parts: str | OptionRef, value: Any = None) -> None:
        super().__init__(*parts)
        self.value = value

    def __str__(self) -> str:
        return self.spelled(str)

    @property
    def option(self) -> str | None:
        """The first option that the message names."""
        return next((part.name for part in self.args if isinstance(part, OptionRef)), None)

    def rename(self, before: str, after: str) -> None:
        """Let the message call something by another name: a copy of a file, for example."""
        self.args = tuple(
            part if isinstance(part, OptionRef) else str(part).replace(before, after)
            for part in self.args
        )

    def spelled(self, spell: Callable[[OptionRef], str]) -> str:
        """The message, with options as ``spell`` writes them."""
        return "".join(
            spell(part) if isinstance(part, OptionRef) else str(part) for part in self.args
        )


class InputError(RnanError, ValueError):
    """A picture cannot be read, or an output exists or cannot be written.

    Args:
        parts: See :class:`RnanError`.
        value: See there.
        remedy: Options with which the same picture would be taken.
    """

    exit_code = 1
    remedy: Mapping[str, object] = MappingProxyType({})

    def __init__(
        self, *parts: str | OptionRef, value: Any = None, remedy: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(*parts, value=value)
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

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.package, self.extra)


class Cancelled(RnanError):
    """The user stopped the work; nothing half-written is left."""

    exit_code = 130


def error_of_kind(kind: str | None, message: str) -> RnanError:
    """An error that another process reported by class name and message.

    A class that is none of ours becomes :class:`RnanError`.
    """
    known: type[RnanError] = globals()[kind] if kind in __all__ else RnanError
    error = known.__new__(known, message)  # without what its constructor asks for
    error.value = None
    return error


def is_full(error: OSError) -> bool:
    """Whether the system says that no space is left, on the disk or in what a user may take."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
