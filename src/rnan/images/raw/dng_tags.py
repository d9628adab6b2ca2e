"""Tags of a DNG as numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tags = Mapping[int, Any]
"""Values by the number of the tag."""

_RATIONAL, _SIGNED_RATIONAL = 5, 10


def tags_of(page: Any) -> dict[int, Any]:
    """Values of a page's tags, fractions divided; a tag with 0/0 is as good as none."""
    values = {}
    for tag in page.tags:
        value = tag.value
        if int(tag.dtype) in (_RATIONAL, _SIGNED_RATIONAL):
            parts = np.ravel(value).astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                value = parts[::2] / parts[1::2]
            if not np.isfinite(value).all():
                continue
        values[tag.code] = value
    return values


def numbers(value: Any, number: int = 0) -> NDArray[np.float64]:
    """Numbers of a tag; where ``number`` are wanted, so many, the last one repeated.

    Raises:
        ValueError: It holds something else.
    """
    if isinstance(value, bytes):
        value = list(value)
    flat = np.atleast_1d(np.asarray(value, np.float64)).ravel()
    if not len(flat) or not np.isfinite(flat).all():
        raise ValueError("a tag holds no numbers")
    if number > len(flat):
        flat = np.concatenate([flat, np.full(number - len(flat), flat[-1])])
    return flat[:number] if number else flat


def octets(value: Any) -> bytes:
    """Bytes of a tag.

    Raises:
        ValueError: It holds something else.
    """
    if isinstance(value, bytes):
        return value
    parts = np.ravel(np.asarray(value))
    if parts.dtype.kind not in "iu" or (parts < 0).any() or (parts > 255).any():
        raise ValueError("a tag holds no bytes")
    return bytes(parts.astype(np.uint8))
