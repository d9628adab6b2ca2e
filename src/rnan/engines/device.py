"""Which device and which number type to compute with, and how much memory there is."""

import contextlib
import logging
import platform
from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

from rnan.errors import ConfigError, OptionRef
from rnan.options.restoring import DType
from rnan.runtimes.threads import threads

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
        return bool(torch.backends.cpu.get_cpu_capability() == "AVX512") and _cpu_flag(
            "avx512_bf16", "amx_bf16"
        )
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def _cpu_flag(*names: str) -> bool:
    try:
        words = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore").split()
    except OSError:  # not Linux: the exact type is always right
        return False
    return any(name in words for name in names)


def free_memory(device: str | torch.device = "cpu") -> int:
    """Bytes that can still be taken on the device, mindful of a container's limit."""
    if str(device).startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
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


def hardware_name(device: str | torch.device) -> str:
    """The machine in words, for cards and reports."""
    if str(device).startswith("cuda"):
        return torch.cuda.get_device_name(device)
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
