"""Networks as files for other programs."""

from rnan.export.check import largest_difference
from rnan.export.onnx_file import to_onnx

__all__ = ["largest_difference", "to_onnx"]
