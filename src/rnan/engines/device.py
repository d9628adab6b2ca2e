"""Which devices there are, and how much memory; PyTorch is not needed to know."""

import contextlib
import ctypes
import importlib.util
import platform
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psutil

from rnan.errors import ConfigError, MissingExtraError, OptionRef
from rnan.runtimes.threads import threads


def has_torch() -> bool:
    """Whether PyTorch is installed; it is not imported to find out."""
    return importlib.util.find_spec("torch") is not None


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


def processor_has_bfloat16() -> bool:
    """Whether the processor computes in bfloat16."""
    return _cpu_flag("avx512_bf16", "amx_bf16")


def _cpu_flag(*names: str) -> bool:
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore").split()
    except OSError:  # not Linux: the exact type is always right
        return False
    return any(name in words for name in names)


def free_memory(device: object = "cpu") -> int:
    """Bytes that can still be taken on the device, mindful of a container's limit."""
    if str(device).startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(str(device))[0])
    available = int(psutil.virtual_memory().available)
    for limit, usage in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ):
        try:
            left = int(Path(limit).read_text()) - int(Path(usage).read_text())
        except (OSError, ValueError):  # not there, or "max"
            continue
        available = min(available, max(left, 0))
    return available


def hardware_name(device: object) -> str:
    """The machine in words, for cards and reports."""
    if str(device).startswith("cuda"):
        import torch

        return torch.cuda.get_device_name(str(device))
    return f"{_processor()}, {threads()} threads"


def _processor() -> str:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(_model_names(lines))
    return platform.processor() or platform.machine()


def _model_names(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if line.startswith("model name"):
            yield line.partition(":")[2].strip()
