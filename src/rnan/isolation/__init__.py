"""Pictures decoded in processes of their own, with limits of time and memory.

A file that hangs, crashes or fills a decoder takes that process with it and nothing else: it is
refused in one line, and the next one gets a fresh process. ``docs/security.md`` says what this
guards against, and what it does not.
"""

from rnan.isolation.limits import LIMITS, Limits
from rnan.isolation.reading import decode, read, read_raw, size_of, warm

__all__ = ["LIMITS", "Limits", "decode", "read", "read_raw", "size_of", "warm"]
