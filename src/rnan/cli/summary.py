"""What a command that worked through several pictures says at its end."""

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnan.cli import progress
from rnan.errors import InputError, OptionRef, PartialFailure, ResourceError, RnanError, is_full

_log = logging.getLogger(__name__)
_STATUSES = ("done", "skipped", "failed")


def named(error: RnanError, source: str) -> str:
    """What went wrong, and with which picture."""
    message = error.spelled(OptionRef.as_flag)
    return message if Path(source).name in message else f"{source}: {message}"


def as_ours(error: Exception, source: str) -> RnanError:
    """What went wrong with one picture, whatever it was, as an error of ours."""
    if isinstance(error, RnanError):
        return error
    if isinstance(error, OSError):
        return could_not_read(source, error)
    _log.debug("%s", source, exc_info=error)
    return InputError(f"{source}: unexpected {type(error).__name__}: {error} (-vv says more)")


def could_not_read(source: str, error: OSError) -> RnanError:
    """What an error of the system means for a picture."""
    if is_full(error):
        return ResourceError(f"{source}: no space left; free some and run again")
    return InputError(f"{source}: {error.strerror or error}")


def say(counts: Counter[str], megapixels: float, seconds: float, *more: str) -> None:
    """One line about all of them, unless it is to be quiet."""
    if progress.quiet():
        return
    each = ", ".join(f"{counts[status]} {status}" for status in _STATUSES)
    pace = f"{megapixels:.1f} megapixels in {seconds:.1f} s"
    progress.say_plainly(f"{counts.total()} pictures: {'; '.join((each, *more, pace))}")


def write_report(
    path: Path, counts: Counter[str], number: int, seconds: float, more: Mapping[str, Any]
) -> None:
    """The same as JSON, with what else the command knows.

    Args:
        path: Replaced where it exists.
        counts: Of ``done``, ``skipped`` and ``failed`` pictures.
        number: Pictures in all, also those that work never came to.
        seconds: Of the whole work.
        more: Further entries.
    """
    from rnan.images import write_whole

    content = {
        "pictures": number,
        **{status: counts[status] for status in _STATUSES},
        "seconds": round(seconds, 3),
        **more,
    }
    # A name that is not UTF-8 holds letters that only JSON's own escapes can say.
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    write_whole(path, text.encode(errors="backslashreplace"))


def failure(failures: Sequence[RnanError], number: int) -> RnanError:
    """What the command ends with, if any of ``number`` pictures failed."""
    message = f"{len(failures)} of {number} pictures failed"
    if any(isinstance(error, ResourceError) for error in failures):
        return ResourceError(message)
    return InputError(message) if len(failures) == number else PartialFailure(message)
