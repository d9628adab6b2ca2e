"""What a weights file says of its network, without its tensors."""

from dataclasses import dataclass, field
from typing import Any

from rnan.errors import ConfigError, WeightsError
from rnan.models.config import RNANConfig
from rnan.options.mapping import from_mapping, parsed

FORMAT = "rnan-1"

_LONGEST = 2**24
"""Bytes of the longest header."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """A network's shape, and facts about it."""

    config: RNANConfig
    info: dict[str, Any] = field(default_factory=dict)
    """What else the file says: ``task``, ``levels`` and so on."""


def header_of(data: bytes, *, name: str = "the file") -> Header:
    """Read the header of a weights file; the tensors behind it need not be there.

    Raises:
        WeightsError: The bytes are not a weights file of this program, or are damaged.
    """
    try:
        metadata = _metadata(data)
        header = parsed(metadata["rnan"])
        if metadata.get("format") != FORMAT:
            raise ValueError(f"its format is {metadata.get('format')}, not {FORMAT}")
        _check_info(header)
        config = from_mapping(RNANConfig, header.pop("config"), where="config")
    except (KeyError, ValueError, TypeError, ConfigError) as error:
        raise damaged(name, error) from error
    return Header(config=config, info=header)


def damaged(name: str, error: Exception) -> WeightsError:
    """What is said of a file that cannot be read."""
    return WeightsError(f"{name} is not a weights file of rnan or is damaged ({_brief(error)})")


def _check_info(header: Any) -> None:
    if not isinstance(header, dict):
        raise ValueError("what it says of itself makes no sense")
    low, high = header.get("level_range", (0, 1))
    stretches = header.get("training", [])
    well_formed = (
        isinstance(header.get("task", ""), str)
        and isinstance(low, (int, float))
        and isinstance(high, (int, float))
        and isinstance(stretches, list)
        and all(isinstance(stretch, dict) for stretch in stretches)
    )
    if not well_formed:
        raise ValueError("what it says of itself makes no sense")


def _metadata(data: bytes) -> dict[str, str]:
    # safetensors hands metadata out only for files on disk; the header is JSON behind its length.
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(len(data) - 8, _LONGEST):
        raise ValueError("it is cut off, or no safetensors")
    header: dict[str, dict[str, str]] = parsed(data[8 : 8 + length])
    return header["__metadata__"]


def _brief(error: Exception) -> str:
    text = str(error).splitlines()
    return text[0][:120] if text else type(error).__name__
