"""Networks as files for other programs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnan.export.check import largest_difference
    from rnan.export.onnx_file import to_onnx

__all__ = ["largest_difference", "to_onnx"]

_HOMES = {"largest_difference": "check", "to_onnx": "onnx_file"}


def __getattr__(name: str) -> Any:
    # PEP 562: what exported networks say of themselves is known without PyTorch.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"rnan.export.{_HOMES[name]}"), name)
