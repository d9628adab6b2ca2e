"""Pictures decoded in processes of their own, with limits of time and memory.

A file that hangs, crashes or fills a decoder takes that process with it and nothing else: it is
refused in one line, and the next one gets a fresh process. ``docs/security.md`` says what this
guards against, and what it does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnan.isolation.limits import LIMITS, Limits
    from rnan.isolation.reading import decode, read, read_raw, size_of

_HOMES = {
    "LIMITS": "rnan.isolation.limits",
    "Limits": "rnan.isolation.limits",
    "decode": "rnan.isolation.reading",
    "read": "rnan.isolation.reading",
    "read_raw": "rnan.isolation.reading",
    "size_of": "rnan.isolation.reading",
}
__all__ = ["LIMITS", "Limits", "decode", "read", "read_raw", "size_of"]


def __getattr__(name: str) -> Any:
    # PEP 562: each end of the process loads its own half, and starting one takes no time.
    if name not in _HOMES:
        raise AttributeError(f"module 'rnan.isolation' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
