"""Programs that run ONNX graphs: ONNX Runtime and OpenVINO, whichever is installed."""

from __future__ import annotations

import importlib.util
import sys
import threading
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from rnan.errors import ConfigError, MissingExtraError, WeightsError

Array = NDArray[np.float32]


class Graph(Protocol):
    """A graph that is ready to run; safe to call from several threads."""

    metadata: dict[str, str]
    """What the file says of itself."""
    inputs: list[tuple[str, list[int | None]]]
    """Name and shape of each; none where any size will do."""

    def __call__(self, *arrays: Array) -> Array:
        """The first output.

        Raises:
            MemoryError: There is not enough.
            WeightsError: The graph cannot take these arrays.
        """
        ...


class OnnxRuntimeGraph:
    """A graph in ONNX Runtime.

    Args:
        content: The file. Tensors that it keeps in other files are refused.
        device: ``cuda`` needs ONNX Runtime's build for it.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
        ConfigError: It cannot use the device.
        WeightsError: The file is damaged or no ONNX graph.
    """

    def __init__(self, content: bytes, device: torch.device) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("onnxruntime", "onnx") from error
        if device.type not in usable_devices("onnx"):
            raise ConfigError(f"this ONNX Runtime cannot use {device}; try --device cpu")
        provider = _PROVIDERS[device.type]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # what goes wrong is raised
        options.enable_cpu_mem_arena = False  # it never gives back its largest block
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=[provider])
        except Exception as error:  # its errors have no common base
            raise _damaged("ONNX Runtime", error) from error
        self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)
        self.inputs = [(one.name, _sizes(one.shape)) for one in self._session.get_inputs()]
        self._output = self._session.get_outputs()[0].name

    def __call__(self, *arrays: Array) -> Array:
        """See :class:`Graph`."""
        names = [name for name, _ in self.inputs]
        try:
            found: Array = self._session.run([self._output], dict(zip(names, arrays, strict=True)))[
                0
            ]
        except Exception as error:  # its errors have no common base
            raise _failed("ONNX Runtime", error) from error
        return found


class OpenVinoGraph:
    """A graph in OpenVINO, on the processor.

    Args:
        content: The file. Tensors that it keeps in other files are refused.
        dtype: Of the convolutions: float32 or bfloat16.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        WeightsError: The file is damaged or no ONNX graph.
    """

    def __init__(self, content: bytes, dtype: torch.dtype) -> None:
        # OpenVINO reports its use to its makers where this package is there.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        try:
            import openvino
        except ImportError as error:
            raise MissingExtraError("openvino", "openvino") from error
        settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if dtype == torch.bfloat16 else "f32",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        try:
            core = openvino.Core()
            model = core.read_model(content)
            self._compiled = core.compile_model(model, "CPU", settings)
        except Exception as error:  # its errors have no common base
            raise _damaged("OpenVINO", error) from error
        said = model.get_rt_info()
        framework = said["framework"] if "framework" in said else {}  # noqa: SIM401 - no dict
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
            found = self._requests.own.infer(list(arrays))
        except Exception as error:  # its errors have no common base
            raise _failed("OpenVINO", error) from error
        return np.array(found[0], dtype=np.float32)  # its own memory is written again


_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def usable_devices(program: str) -> set[str]:
    """Kinds of devices that ``onnx`` or ``openvino`` can use here."""
    if program == "openvino" or importlib.util.find_spec("onnxruntime") is None:
        return {"cpu"}
    import onnxruntime

    there = onnxruntime.get_available_providers()
    return {kind for kind, provider in _PROVIDERS.items() if provider in there}


def has_openvino() -> bool:
    """Whether OpenVINO is installed."""
    return importlib.util.find_spec("openvino") is not None


def _sizes(shape: list[Any]) -> list[int | None]:
    return [size if isinstance(size, int) else None for size in shape]


def _damaged(program: str, error: Exception) -> WeightsError:
    return WeightsError(f"{program} cannot load it: {_first_line(error)}")


def _failed(program: str, error: Exception) -> Exception:
    said = _first_line(error)
    if isinstance(error, MemoryError) or "alloc" in said.lower():
        return MemoryError(said)
    return WeightsError(f"{program} cannot run it: {said}")


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
