"""Which device and which number type PyTorch computes with."""

import logging

import torch

from rnan.engines.device import processor_has_bfloat16
from rnan.errors import ConfigError, OptionRef
from rnan.options.restoring import DType

_log = logging.getLogger(__name__)


def choose_device(name: str) -> torch.device:
    """The device of that name; ``auto`` takes a GPU where there is one.

    Raises:
        ConfigError: The name is unknown or the device is not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(
            OptionRef("device"),
            f": unknown device {name!r}; try auto, cpu, cuda or mps",
            value=name,
        ) from None
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise ConfigError(f"device {name} is not available here; try ", OptionRef("device", "cpu"))
    return device


def choose_dtype(name: DType, device: torch.device) -> torch.dtype:
    """The type of the convolutions; ``auto`` takes bfloat16 where the hardware has it."""
    if name != "auto":
        if name == "bfloat16" and device.type == "cpu" and not has_bfloat16(device):
            _log.warning("this processor has no bfloat16: it is many times slower than float32")
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[
            name
        ]
    return torch.bfloat16 if has_bfloat16(device) else torch.float32


def has_bfloat16(device: torch.device) -> bool:
    """Whether convolutions in bfloat16 are computed, not emulated."""
    if device.type == "cpu":
        # Emulated bfloat16 is slower than float32, so oneDNN's word alone does not suffice.
        fast = torch.backends.cpu.get_cpu_capability() == "AVX512"
        return bool(fast) and processor_has_bfloat16()
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
