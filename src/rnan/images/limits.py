"""What is refused before it is decoded."""

from collections.abc import Callable

from rnan.errors import InputError, OptionRef
from rnan.options.files import MAX_PIXELS

_watcher: Callable[[int], None] | None = None


def watch_sizes(watcher: Callable[[int], None] | None) -> None:
    """Let a function know the pixels of each picture before memory is taken for it."""
    global _watcher
    _watcher = watcher


def check_size(width: int, height: int, name: str, most: int = MAX_PIXELS) -> None:
    """Refuse what a header claims, before memory is taken for it."""
    if width < 1 or height < 1:
        raise InputError(f"{name} has a side of no pixels ({width}x{height})")
    if width * height > most:
        raise InputError(
            f"{name} claims {width}x{height} pixels; the limit is {most / 1e6:.4g} million"
        )
    if _watcher is not None:
        _watcher(width * height)


def chosen_frame(number: int, frame: int | None, name: str, what: str) -> int:
    """The index of the one picture to take from a file that holds several.

    Args:
        number: How many there are.
        frame: Which, counted from 1; none where nobody chose.
        name: Of the file, for messages.
        what: ``pictures`` or ``pages``.

    Raises:
        InputError: There are several and none was chosen, or there are not so many.
    """
    if frame is None:
        if number > 1:
            raise InputError(
                f"{name} holds {number} {what}; ",
                OptionRef("frame", 1),
                " takes the first",
                remedy={"frame": 1},
            )
        return 0
    if not 1 <= frame <= number:
        raise InputError(f"{name} has no frame {frame}; it holds {number} {what}")
    return frame - 1
