"""What the machine has: bfloat16, memory, a name. PyTorch is not needed to know."""

import contextlib
import importlib.util
import platform
from collections.abc import Iterator
from pathlib import Path

import psutil

from rnan.runtimes.threads import threads


def has_torch() -> bool:
    """Whether PyTorch is installed; it is not imported to find out."""
    return importlib.util.find_spec("torch") is not None


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
