"""Networks only: tensors in, tensors out. They know no file, no task and no command."""

from typing import TYPE_CHECKING, Any

from rnan.models.config import RNANConfig
from rnan.models.presets import PRESETS, preset

if TYPE_CHECKING:
    from rnan.models.rnan import RNAN

__all__ = ["PRESETS", "RNAN", "RNANConfig", "preset"]


def __getattr__(name: str) -> Any:
    # PEP 562: what a network is like is known without PyTorch, which builds it.
    if name != "RNAN":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from rnan.models.rnan import RNAN

    return RNAN
