"""OpenVINO, on the processor."""

import importlib.util
import sys
import threading

import numpy as np

from rnan.errors import MissingExtraError
from rnan.runtimes.graph import Array, load_error, run_error
from rnan.runtimes.threads import threads


class OpenVinoGraph:
    """A graph in OpenVINO, on the processor.

    Args:
        content: The file. Tensors that it keeps in other files are refused.
        dtype: Of the convolutions: float32 or bfloat16.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        WeightsError: The file is damaged or no ONNX graph.
    """

    def __init__(self, content: bytes, dtype: str = "float32") -> None:
        # OpenVINO reports its use to its makers where this package is there.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        try:
            import openvino
        except ImportError as error:
            raise MissingExtraError("openvino", "openvino") from error
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if dtype == "bfloat16" else "f32",
            "INFERENCE_NUM_THREADS": threads(),
        }
        try:
            core = openvino.Core()
            model = core.read_model(content)
            self._compiled = core.compile_model(model, "CPU", settings)
        except Exception as error:  # its errors have no common base
            raise load_error("OpenVINO", error) from error
        facts = model.get_rt_info()
        framework = facts["framework"] if "framework" in facts else {}  # noqa: SIM401 - no dict
        self.metadata = {str(key): str(value.value) for key, value in framework.items()}
        self.inputs = [
            (one.any_name, [None if d.is_dynamic else d.get_length() for d in one.partial_shape])
            for one in model.inputs
        ]
        self._requests = threading.local()

    def __call__(self, *arrays: Array) -> Array:
        """See :class:`Graph`."""
        if not hasattr(self._requests, "own"):
            self._requests.own = self._compiled.create_infer_request()
        try:
            results = self._requests.own.infer(list(arrays))
        except Exception as error:  # its errors have no common base
            raise run_error("OpenVINO", error) from error
        return np.array(results[0], dtype=np.float32)  # its own memory is written again


def is_installed() -> bool:
    """Whether OpenVINO is there."""
    return importlib.util.find_spec("openvino") is not None
