"""Where a network runs; PyTorch is asked only where there may be a GPU."""

import contextlib
import ctypes
import platform
import sys
from functools import cache
from pathlib import Path

from rnan.engines.device import has_torch
from rnan.errors import ConfigError, MissingExtraError, OptionRef


@cache
def has_gpu() -> bool:
    """Whether there is a GPU that PyTorch may use; it is not imported to find out."""
    if not has_torch():
        return False
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    number = ctypes.c_int(0)
    for library in ("libcuda.so.1", "nvcuda.dll"):
        with contextlib.suppress(OSError, AttributeError):
            driver = ctypes.CDLL(library)
            if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(number)) == 0:
                return number.value > 0
    return Path("/dev/kfd").exists()  # AMD's, which PyTorch calls cuda as well


def device_name(name: str) -> str:
    """The device of that name; ``auto`` takes a GPU where there is one that PyTorch can use.

    Raises:
        ConfigError: The name is unknown or the device is not there.
        MissingExtraError: It is no processor, and PyTorch is not installed.
    """
    if name == "cpu" or (name == "auto" and not has_gpu()):
        return "cpu"
    if not has_torch():
        if name.partition(":")[0] in ("cuda", "mps"):
            raise MissingExtraError("torch", "torch")
        raise ConfigError(
            OptionRef("device"),
            f": unknown device {name!r}; try auto, cpu, cuda or mps",
            value=name,
        )
    from rnan.engines.torch_device import choose_device

    return str(choose_device(name))
