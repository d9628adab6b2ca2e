"""Amounts of memory as people write them."""

import re

from rnan.errors import ConfigError

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def parse_size(text: str) -> int:
    """Bytes from ``512M``, ``2G``, ``1.5GiB`` or a plain number.

    Raises:
        ConfigError: The text is none of these.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.IGNORECASE)
    if not match:
        raise ConfigError(f"{text!r} is no size; write for example 512M or 2G")
    size = float(match[1]) * _UNITS[match[2].upper()]
    if size > 2**60:
        raise ConfigError(f"{text!r} is more memory than there is")
    return int(size)
