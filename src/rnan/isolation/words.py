"""What the two ends of a decoding process say to each other."""

from dataclasses import dataclass
from typing import Any

from rnan.errors import InputError

READY = "ready"
"""What a process says first."""

PIXELS, NOTICE, DONE, FAILED, BROKEN = "pixels", "notice", "done", "failed", "broken"
"""Kinds of answers: the last three end a file, and what follows is the result, the error that it
gets, or the trace of one that is ours."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for."""

    operation: str
    arguments: dict[str, Any]
    name: str
    """What messages call the file."""
    memory: int
    """Bytes that it may take."""
    seconds: float
    """Of the processor."""
    seconds_per_megapixel: float
    """So many more for each megapixel."""


def too_much_memory(order: Order) -> InputError:
    """What is said of a file that takes more than it may."""
    allowed = order.memory / 2**20
    return InputError(f"{order.name} took more than {allowed:.0f} MiB of memory to decode")
